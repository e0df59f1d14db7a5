/* clock.h - CPU-time clocks of threads. */
#ifndef SHIM_CLOCK_H
#define SHIM_CLOCK_H

#include <stdint.h>
#include <time.h>

struct thread;

/* The greenlet, the main one too, whose CPU time the clock tells; NULL: another kind of clock, or no such thread. */
struct thread *clock_thread(clockid_t clock);
/* Nanoseconds. */
uint64_t clock_of(const struct thread *t);

#endif
