#include <errno.h>
#include <sys/syscall.h>
#include <time.h>

#include "clock.h"
#include "offload.h"
#include "stats.h"
#include "sys.h"
#include "thread.h"
#include "timeout.h"
#include "user.h"

#define LOOK_NS 100000 /* between two looks at another's CPU time, at least */

/* SWITCHES. 0 at the deadline, -ERESTARTNOHAND for a signal. */
static long sleep_until(uint64_t deadline_ns)
{
	for (;;) {
		long ret = thread_park("sleep", deadline_ns);

		if (ret == -ETIMEDOUT)
			return 0;
		if (ret == -EINTR)
			return -ERESTARTNOHAND;
	}
}

/* SWITCHES. A relative sleep; left: where to say how much of it a signal took, or NULL. */
static long sleep_for(uint64_t ns, struct timespec *left)
{
	uint64_t deadline_ns = deadline_in(ns);
	struct timespec rest;
	long ret;

	if (!ns) {
		hub_yield();
		return 0;
	}
	ret = sleep_until(deadline_ns);
	if (!ret || !left)
		return ret;
	rest = timeout_left(deadline_ns);
	return user_put(left, &rest) ? -EFAULT : ret;
}

/* SWITCHES. A point in time on a clock that may be set: it is looked at again when the time should have come. */
static long sleep_to(clockid_t clock, uint64_t target)
{
	struct timespec now;
	long ret = 0;

	while (!ret) {
		sys_call(SYS_clock_gettime, clock, &now);
		if (timespec_ns(&now) >= target)
			return 0;
		ret = sleep_until(deadline_in(target - timespec_ns(&now)));
	}
	return ret;
}

/* SWITCHES. Until another thread has used so much CPU time: it cannot sooner than if it had the CPU alone. Not on one's
 * own clock (kernel/time/posix-cpu-timers.c). */
static long sleep_on(struct thread *owner, clockid_t clock, uint64_t ns, bool absolute)
{
	uint64_t target = ns + (absolute ? 0 : clock_of(owner));
	long ret = 0;

	if (owner == thread_self())
		return -EINVAL;
	while (!ret && owner) {
		uint64_t used = clock_of(owner);

		if (used >= target)
			return 0;
		ret = sleep_until(deadline_in(target - used < LOOK_NS ? LOOK_NS : target - used));
		owner = clock_thread(clock);
	}
	return ret ? ret : sleep_until(DEADLINE_NEVER);
}

/* By value: who sleeps has no frame of the handler's on its stack. */
struct length {
	long err;
	uint64_t ns;
};

static struct length length_of(const struct timespec *user)
{
	struct timespec ts;
	long err = timeout_read(&ts, user);

	return (struct length){err, err ? 0 : timespec_ns(&ts)};
}

long sys_nanosleep(struct call *c)
{
	struct length length = length_of((void *)c->arg[0]);

	return length.err ? length.err : sleep_for(length.ns, (struct timespec *)c->arg[1]);
}

long sys_clock_nanosleep(struct call *c)
{
	clockid_t clock = (clockid_t)c->arg[0];
	bool absolute = c->arg[1] & TIMER_ABSTIME;
	struct thread *owner = NULL;
	struct length length;

	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
	case CLOCK_TAI:
		break;
	case CLOCK_THREAD_CPUTIME_ID: /* -EOPNOTSUPP, whatever the rest */
		return CALL_PASS;
	default: /* other CPU-time clocks; or one that cannot be slept on, which does not block */
		owner = clock_thread(clock);
		if (!owner)
			return offload_call(c);
	}
	length = length_of((void *)c->arg[2]);
	if (length.err)
		return length.err;
	if (owner)
		return sleep_on(owner, clock, length.ns, absolute);
	if (!absolute)
		return sleep_for(length.ns, (struct timespec *)c->arg[3]);
	if (clock == CLOCK_MONOTONIC)
		return length.ns > now_ns() ? sleep_until(length.ns) : 0;
	return sleep_to(clock, length.ns);
}
