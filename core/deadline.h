/* deadline.h - points in time. A deadline is nanoseconds on CLOCK_MONOTONIC, computed once before the loop that waits
 * for it. DEADLINE_NEVER is "for ever". clock_gettime(2) through the vDSO: no system call, no vector register. */
#ifndef CORE_DEADLINE_H
#define CORE_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "kernel.h"

#define DEADLINE_NEVER UINT64_MAX
#define NS_PER_SEC UINT64_C(1000000000)

/* The vDSO may not read the CPU's counter now (PR_SET_TSC, prctl(2)): ask the kernel. */
extern bool deadline_by_call __attribute__((visibility("hidden")));

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	if (deadline_by_call ||
	    clock == CLOCK_THREAD_CPUTIME_ID) /* the vDSO would make the call, where a filter sees it */
		kernel_call(SYS_clock_gettime, clock, &ts);
	else
		clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

static inline uint64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* The deadline `ns` from now; saturates. */
static inline uint64_t deadline_in(uint64_t ns)
{
	uint64_t now = now_ns();

	return ns > DEADLINE_NEVER - 1 - now ? DEADLINE_NEVER - 1 : now + ns;
}

/* Nanoseconds in a valid timespec; saturates. */
static inline uint64_t timespec_ns(const struct timespec *ts)
{
	uint64_t sec = (uint64_t)ts->tv_sec;

	return sec > UINT64_MAX / NS_PER_SEC - 1 ? DEADLINE_NEVER - 1 : sec * NS_PER_SEC + (uint64_t)ts->tv_nsec;
}

#endif
