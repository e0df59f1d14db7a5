#include <errno.h>
#include <poll.h>
#include <sys/syscall.h>

#include "fd.h"
#include "stats.h"
#include "sys.h"
#include "thread.h"
#include "timeout.h"
#include "user.h"
#include "waitset.h"

#define NS_PER_MS UINT64_C(1000000)

/* SWITCHES. The set's own descriptor is readable while something in the set is ready. deadline_ns 0: do not wait. */
static long wait_on(const struct call *c, int *fd, uint64_t deadline_ns, const uint64_t *mask)
{
	long ret, why = 0;

	for (;;) {
		waitset_go_home();
		stats.kernel_calls++;
		ret = sys_call(SYS_epoll_pwait, *fd, c->arg[1], c->arg[2], 0, NULL, 0);
		if (ret || !deadline_ns) {
			thread_did_not_block();
			return ret;
		}
		if (waitset_let_in(mask))
			return -EINTR;
		mask = NULL;
		if (why == -EINTR) /* what is ready came before it */
			return why;
		why = fd_wait_with_all(c->arg[0], fd, POLLIN, "epoll", deadline_ns);
		if (why == -ETIMEDOUT)
			deadline_ns = 0;
		else if (why < 0 && why != -EINTR)
			return why;
	}
}

static long wait_until(const struct call *c, uint64_t deadline_ns, const uint64_t *mask)
{
	int fd = (int)c->arg[0];
	long ret;

	thread_self()->stoppable = true;
	ret = wait_on(c, &fd, deadline_ns, mask);
	thread_self()->stoppable = false;
	fd_wait_over(c->arg[0], fd);
	return ret;
}

static long masked_wait(const struct call *c, uint64_t deadline_ns)
{
	uint64_t mask;

	if (c->arg[4] && (size_t)c->arg[5] != sizeof(mask))
		return -EINVAL;
	if (c->arg[4] && user_get(&mask, (void *)c->arg[4]))
		return -EFAULT;
	return wait_until(c, deadline_ns, c->arg[4] ? &mask : NULL);
}

static uint64_t deadline_ms(int ms)
{
	return ms < 0 ? DEADLINE_NEVER : ms ? deadline_in((uint64_t)ms * NS_PER_MS) : 0;
}

#ifdef SYS_epoll_wait
long sys_epoll_wait(struct call *c)
{
	return wait_until(c, deadline_ms((int)c->arg[3]), NULL);
}
#endif

long sys_epoll_pwait(struct call *c)
{
	return masked_wait(c, deadline_ms((int)c->arg[3]));
}

long sys_epoll_pwait2(struct call *c)
{
	uint64_t deadline_ns;
	long ret = timeout_from_now((void *)c->arg[3], &deadline_ns);

	return ret ? ret : masked_wait(c, deadline_ns);
}
