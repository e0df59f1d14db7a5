/* offload.h - system calls that cannot be polled, run by real OS threads while the greenlet parks: F_SETLKW, flock,
 * the blocking open of a FIFO, process-shared futexes, System V and POSIX message queues, and the like.
 * Only the raw call moves: errno, thread-local storage and cancellation stay with the greenlet. */
#ifndef SHIM_OFFLOAD_H
#define SHIM_OFFLOAD_H

#include "call.h"

/* SWITCHES. Runs c's call, with its own arguments, on a helper; the kernel's result. A signal for the greenlet
 * interrupts the helper's call, which then returns -EINTR as natively. */
long offload_call(struct call *c);
/* The same with other arguments. */
long offload(const char *why, long nr, const long arg[6]);
void offload_forked(void);
unsigned offload_os_threads(void); /* alive now */

#endif
