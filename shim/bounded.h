/* bounded.h - calls that poll says will not block, but which another process may be faster to satisfy: accept on a
 * listener that several processes share, a write to a terminal. Setting O_NONBLOCK would be seen by others; instead a timer's signal ends
 * the call if it has not returned within a fraction of a millisecond. */
#ifndef SHIM_BOUNDED_H
#define SHIM_BOUNDED_H

#include <signal.h>
#include <stdbool.h>

/* Makes the call on the hub's OS thread. The kernel's result; -EAGAIN: it would have blocked. */
long bounded_call(long nr, const long arg[6]);
/* The same for any call: -EINTR where it would have blocked; -ENOSYS: there is no timer, nothing was called. */
long bounded_try(long nr, const long arg[6]);

/* SWITCHES. The call, for a moment at a time while others run between: where no helper can be made (RLIMIT_NPROC, a
 * cgroup's pids.max). The kernel's result; -EINTR: a signal is due. */
struct offload_raw;
long bounded_in_turns(const char *why, struct offload_raw *raw);

/* signal_entry asks: it was the timer, and there is nothing else to do. */
bool bounded_interrupted(const siginfo_t *info, void *ucontext);
void bounded_forked(void);

#endif
