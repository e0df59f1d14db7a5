#include "timeout.h"

#include <errno.h>
#include <sys/personality.h>
#include <sys/syscall.h>

#include "../core/deadline.h"
#include "offload.h"
#include "sys.h"
#include "user.h"

#define TELL 0xffffffffU /* and change nothing */

bool timeouts_stay;

void timeout_open(void)
{
	timeouts_stay = sys_call(SYS_personality, TELL) & STICKY_TIMEOUTS;
}

long sys_personality(struct call *c)
{
	long ret;

	if ((uint32_t)c->arg[0] == TELL)
		return CALL_PASS;
	offload_retire();
	ret = call_native(c);
	timeout_open();
	return ret;
}

long timeout_read(struct timespec *ts, const struct timespec *user)
{
	if (user_get(ts, user))
		return -EFAULT;
	return ts->tv_sec < 0 || (unsigned long)ts->tv_nsec >= NS_PER_SEC ? -EINVAL : 0;
}

long timeout_from_now(const struct timespec *user, uint64_t *deadline_ns)
{
	struct timespec ts;
	long ret;

	*deadline_ns = DEADLINE_NEVER;
	if (!user)
		return 0;
	ret = timeout_read(&ts, user);
	if (!ret)
		*deadline_ns = timespec_ns(&ts) ? deadline_in(timespec_ns(&ts)) : 0;
	return ret;
}

long timeout_at(clockid_t clock, const struct timespec *user, uint64_t *deadline_ns)
{
	struct timespec at;
	uint64_t now;
	long ret;

	*deadline_ns = DEADLINE_NEVER;
	if (!user)
		return 0;
	ret = timeout_read(&at, user);
	if (ret)
		return ret;
	*deadline_ns = timespec_ns(&at);
	if (clock == CLOCK_MONOTONIC)
		return 0;
	now = clock_ns(CLOCK_REALTIME);
	*deadline_ns = *deadline_ns > now ? deadline_in(*deadline_ns - now) : 0;
	return 0;
}

struct timespec timeout_left(uint64_t deadline_ns)
{
	uint64_t now = now_ns(), ns = deadline_ns > now ? deadline_ns - now : 0;

	return (struct timespec){(time_t)(ns / NS_PER_SEC), (long)(ns % NS_PER_SEC)};
}
