#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>

#include "scratch.h"
#include "stats.h"
#include "sys.h"
#include "thread.h"
#include "timeout.h"
#include "user.h"
#include "waitset.h"

#define NS_PER_MS UINT64_C(1000000)

/* The kernel's answer as of now: it checks the arguments, too. */
static long poll_now(struct pollfd *fds, unsigned n)
{
	struct timespec zero = {0, 0};

	stats.kernel_calls++;
	return sys_call_at_once(SYS_ppoll, fds, n, &zero, NULL, 0);
}

static long poll_park(const struct pollfd *fds, unsigned n, uint64_t deadline_ns)
{
	struct waitset s;
	long ret = waitset_open(&s, n);

	if (ret)
		return ret;
	for (unsigned i = 0; i < n; i++)
		if (fds[i].fd >= 0)
			waitset_add(&s, fds[i].fd, fds[i].events);
	ret = waitset_park(&s, "poll", deadline_ns);
	waitset_close(&s);
	return ret;
}

/* SWITCHES. */
static long poll_copied(struct pollfd *fds, unsigned n, uint64_t deadline_ns)
{
	long ret, why;

	do {
		why = poll_park(fds, n, deadline_ns);
		if (why == -ENOMEM)
			return why;
		ret = poll_now(fds, n); /* what is ready comes before a signal */
		if (!ret && why == -EINTR)
			return -ERESTARTNOHAND;
	} while (!ret && why != -ETIMEDOUT);
	return ret;
}

static long write_back(struct pollfd *to, const struct pollfd *from, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (user_put(&to[i].revents, &from[i].revents))
			return -EFAULT;
	return 0;
}

/* SWITCHES. What is asked is read once: others may have the memory, or change it, meanwhile. */
static long poll_wait(struct pollfd *user, unsigned n, uint64_t deadline_ns)
{
	struct pollfd few[WAITSET_FEW], *fds = n <= WAITSET_FEW ? few : scratch_get(n * sizeof(*fds));
	long ret;

	if (!fds)
		return -ENOMEM;
	ret = user_copy(fds, user, n * sizeof(*fds));
	if (!ret)
		ret = poll_copied(fds, n, deadline_ns);
	if (ret != -ENOMEM && ret != -EFAULT && write_back(user, fds, n))
		ret = -EFAULT;
	if (fds != few)
		scratch_put(fds, n * sizeof(*fds));
	return ret;
}

static bool depends(const struct pollfd *user, unsigned n)
{
	int fd;

	for (unsigned i = 0; i < n; i++)
		if (user_get(&fd, &user[i].fd) || (fd >= 0 && waitset_depends(fd)))
			return true;
	return false;
}

/* SWITCHES. deadline_ns 0: do not wait. */
static long poll_until(struct pollfd *fds, unsigned n, uint64_t deadline_ns, const uint64_t *mask)
{
	long ret;

	if (threads.hub.home_polls && depends(fds, n))
		waitset_go_home();
	ret = poll_now(fds, n);
	if (!ret && waitset_let_in(mask))
		return -ERESTARTNOHAND;
	if (!ret && deadline_ns)
		return poll_wait(fds, n, deadline_ns);
	thread_did_not_block();
	return ret;
}

#ifdef SYS_poll
long sys_poll(struct call *c)
{
	int ms = (int)c->arg[2];
	uint64_t deadline_ns = ms < 0 ? DEADLINE_NEVER : ms ? deadline_in((uint64_t)ms * NS_PER_MS) : 0;

	return poll_until((struct pollfd *)c->arg[0], (unsigned)c->arg[1], deadline_ns, NULL);
}
#endif

long sys_ppoll(struct call *c)
{
	uint64_t deadline_ns, mask;
	long ret = timeout_from_now((void *)c->arg[2], &deadline_ns);

	if (ret)
		return ret;
	if (c->arg[3] && (size_t)c->arg[4] != sizeof(mask))
		return -EINVAL;
	if (c->arg[3] && user_get(&mask, (void *)c->arg[3]))
		return -EFAULT;
	ret = poll_until((struct pollfd *)c->arg[0], (unsigned)c->arg[1], deadline_ns, c->arg[3] ? &mask : NULL);
	return waitset_finish(ret, (void *)c->arg[2], 1, deadline_ns);
}
