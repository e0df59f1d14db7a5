#include <errno.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#include "fd.h"
#include "offload.h"
#include "stats.h"
#include "sys.h"
#include "thread.h"
#include "timeout.h"
#include "user.h"

#define NS_PER_MS UINT64_C(1000000)

long sys_epoll_ctl(struct call *c)
{
	struct epoll_event event;
	struct fd *f;
	long ret;

	if ((int)c->arg[1] != EPOLL_CTL_ADD || user_get(&event, (void *)c->arg[3]) || !(event.events & EPOLLEXCLUSIVE))
		return CALL_PASS;
	ret = call_native(c);
	f = ret ? NULL : fd_get((int)c->arg[0]);
	if (f)
		f->exclusive = true;
	return ret;
}

static bool is_exclusive(int fd)
{
	const struct fd *f = fd_get(fd);

	return f && f->exclusive;
}

/* SWITCHES. Of several sets with EPOLLEXCLUSIVE, in whatever processes, one is woken that is waited for by epoll_wait; who
 * waits for a set's own descriptor is woken in any case. So a helper makes the call. */
static long wait_exclusively(const struct call *c, uint64_t deadline_ns)
{
	struct timespec left = timeout_left(deadline_ns);
	long arg[6] = {c->arg[0], c->arg[1], c->arg[2], deadline_ns == DEADLINE_NEVER ? 0 : (long)&left}, ret;

	ret = offload("epoll", SYS_epoll_pwait2, arg);
	if (ret != -ENOSYS) /* Linux 5.11 */
		return ret;
	arg[3] = deadline_ns == DEADLINE_NEVER ? -1 : left.tv_sec * 1000 + left.tv_nsec / (long)NS_PER_MS + 1;
	return offload("epoll", SYS_epoll_pwait, arg);
}

/* SWITCHES. The set's own descriptor is readable while something in the set is ready. deadline_ns 0: do not wait. */
static long wait_on(const struct call *c, int *fd, uint64_t deadline_ns)
{
	for (;;) {
		long ret, why;

		stats.kernel_calls++;
		ret = sys_call(SYS_epoll_pwait, *fd, c->arg[1], c->arg[2], 0, NULL, 0);
		if (ret || !deadline_ns) {
			thread_did_not_block();
			return ret;
		}
		if (is_exclusive(*fd))
			return wait_exclusively(c, deadline_ns);
		why = fd_wait_with_all(c->arg[0], fd, POLLIN, "epoll", deadline_ns);
		if (why == -ETIMEDOUT)
			deadline_ns = 0;
		else if (why < 0)
			return why;
	}
}

static long wait_until(const struct call *c, uint64_t deadline_ns)
{
	int fd = (int)c->arg[0];
	long ret;

	thread_self()->stoppable = true;
	ret = wait_on(c, &fd, deadline_ns);
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
	if (c->arg[4])
		signals_mask_temporary(mask);
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
	uint64_t deadline_ns;
	long ret = timeout_from_now((void *)c->arg[3], &deadline_ns);

	return ret ? ret : masked_wait(c, deadline_ns);
}
