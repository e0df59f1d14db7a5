/* offload.h - system calls that cannot be polled, run by real OS threads while the greenlet parks: F_SETLKW, flock,
 * the blocking open of a FIFO, process-shared futexes, System V semaphores and queues, and the like.
 * Only the raw call moves: errno, thread-local storage and cancellation stay with the greenlet. Helpers are made when
 * needed, and end after some idle time. */
#ifndef SHIM_OFFLOAD_H
#define SHIM_OFFLOAD_H

#include <signal.h>

#include "call.h"

struct hub;

/* A system call to be made by offload_run (offload-x86_64.S). Once a signal's handler has seen `cancel` and called
 * offload_cut it is undone (-ERESTARTNOINTR), or ends as the kernel says: -EINTR, or -ERESTARTSYS. */
struct offload_raw {
	long cancel;
	long nr;
	long arg[6];
};

long offload_run(const struct offload_raw *raw) __attribute__((visibility("hidden")));
void offload_cut(void *ucontext);

/* clone(2), of an OS thread that calls the function put at the top of its stack: [argument] [function]. */
long offload_clone(unsigned long flags, void *stack_top, int *parent_tid, int *child_tid, void *tls)
	__attribute__((visibility("hidden")));
void offload_leave(void) __attribute__((noreturn, visibility("hidden")));

/* SWITCHES. Runs c's call, with its own arguments, on a helper; the kernel's result. A signal for the greenlet
 * interrupts the helper's call, which then returns -EINTR. */
long offload_call(struct call *c);
/* The same with other arguments. why: a static string. */
long offload(const char *why, long nr, const long arg[6]);
/* The same, which no signal ends. -EINTR is another's, or no helper could be had and a signal was due. */
long offload_to_the_end(const char *why, long nr, const long arg[6]);
/* The same for calls on files. Signals are told from each other: an interruption may be -ERESTARTNOINTR (not begun), -ERESTARTSYS,
 * or -EINTR of the file system's own. Natively, by CALL_PASS, where no other thread could make use of the time. */
long offload_file(struct call *c);
/* On the hub's stack, after hub_attention(): wakes those whose calls have ended. */
void offload_collect(struct hub *hub);
/* The credentials of this OS thread change: helpers that have the old ones take no further calls. */
void offload_retire(void);
void offload_forked(void);

/* signal_entry asks first: it ran on a helper, and there is nothing else to do. */
bool offload_interrupted(const siginfo_t *info, void *context);

/* For handlers: the code of a call that is restarted after a handler with SA_RESTART. */
static inline long offload_restartable(long ret)
{
	return ret == -4 ? -ERESTARTSYS : ret; /* EINTR */
}

#endif
