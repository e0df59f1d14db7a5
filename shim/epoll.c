#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>

#include "stats.h"
#include "sys.h"
#include "thread.h"

#define NS_PER_MS UINT64_C(1000000)

/* SWITCHES. The set's own descriptor is readable while something in the set is ready. deadline_ns 0: do not wait. */
static long wait_until(const struct call *c, uint64_t deadline_ns)
{
	for (;;) {
		long ret, why;

		stats.kernel_calls++;
		ret = sys_call(SYS_epoll_pwait, c->arg[0], c->arg[1], c->arg[2], 0, NULL, 0);
		if (ret || !deadline_ns) {
			thread_did_not_block();
			return ret;
		}
		why = thread_wait_fd((int)c->arg[0], POLLIN, "epoll", deadline_ns);
		if (why == -EINTR)
			return -EINTR;
		if (why == -ETIMEDOUT)
			deadline_ns = 0;
		else if (why < 0)
			return why;
	}
}

static long masked_wait(const struct call *c, uint64_t deadline_ns)
{
	const uint64_t *mask = (const uint64_t *)c->arg[4];

	if (mask && (size_t)c->arg[5] != sizeof(*mask))
		return -EINVAL;
	if (mask)
		signals_mask_temporary(*mask);
	return wait_until(c, deadline_ns);
}

static uint64_t deadline_ms(int ms)
{
	return ms < 0 ? DEADLINE_NEVER : ms ? deadline_in((uint64_t)ms * NS_PER_MS) : 0;
}

#ifdef SYS_epoll_wait
long sys_epoll_wait(struct call *c)
{
	return wait_until(c, deadline_ms((int)c->arg[3]));
}
#endif

long sys_epoll_pwait(struct call *c)
{
	return masked_wait(c, deadline_ms((int)c->arg[3]));
}

long sys_epoll_pwait2(struct call *c)
{
	const struct timespec *timeout = (const struct timespec *)c->arg[3];

	if (!timeout)
		return masked_wait(c, DEADLINE_NEVER);
	if (timeout->tv_sec < 0 || (unsigned long)timeout->tv_nsec >= NS_PER_SEC)
		return -EINVAL;
	return masked_wait(c, timespec_ns(timeout) ? deadline_in(timespec_ns(timeout)) : 0);
}
