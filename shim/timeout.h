/* timeout.h - how long a call may wait, as the program says it: read from its memory, and where the call tells, what is
 * left of it written back. Deadlines are core/deadline.h's; one of 0 means not to wait. */
#ifndef SHIM_TIMEOUT_H
#define SHIM_TIMEOUT_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* personality(2), STICKY_TIMEOUTS: poll and select write nothing back. */
extern bool timeouts_stay __attribute__((visibility("hidden")));
void timeout_open(void);

/* A copy of the program's time: 0, -EFAULT, or -EINVAL if it is none. */
long timeout_read(struct timespec *ts, const struct timespec *user);
/* From now, or on CLOCK_MONOTONIC or CLOCK_REALTIME, as a deadline; NULL: never. 0, -EFAULT or -EINVAL. */
long timeout_from_now(const struct timespec *user, uint64_t *deadline_ns);
long timeout_at(clockid_t clock, const struct timespec *user, uint64_t *deadline_ns);
/* What is left until the deadline. */
struct timespec timeout_left(uint64_t deadline_ns);

#endif
