#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>

#include "scratch.h"
#include "stats.h"
#include "sys.h"
#include "thread.h"
#include "waitset.h"

#define NS_PER_MS UINT64_C(1000000)

/* The kernel's answer as of now: it checks the arguments, too. */
static long poll_now(struct pollfd *fds, unsigned n)
{
	struct timespec zero = {0, 0};

	stats.kernel_calls++;
	return sys_call(SYS_ppoll, fds, n, &zero, NULL, 0);
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

/* SWITCHES. deadline_ns 0: do not wait. */
static long poll_until(struct pollfd *fds, unsigned n, uint64_t deadline_ns)
{
	for (;;) {
		long ret = poll_now(fds, n), why;

		if (ret || !deadline_ns) {
			thread_did_not_block();
			return ret;
		}
		why = poll_park(fds, n, deadline_ns);
		if (why == -EINTR)
			return -ERESTARTNOHAND;
		if (why == -ENOMEM)
			return why;
		if (why == -ETIMEDOUT)
			return poll_now(fds, n);
	}
}

#ifdef SYS_poll
long sys_poll(struct call *c)
{
	int ms = (int)c->arg[2];
	uint64_t deadline_ns = ms < 0 ? DEADLINE_NEVER : ms ? deadline_in((uint64_t)ms * NS_PER_MS) : 0;

	return poll_until((struct pollfd *)c->arg[0], (unsigned)c->arg[1], deadline_ns);
}
#endif

long sys_ppoll(struct call *c)
{
	struct timespec *timeout = (struct timespec *)c->arg[2];
	const uint64_t *mask = (const uint64_t *)c->arg[3];
	uint64_t deadline_ns = DEADLINE_NEVER;
	long ret;

	if (timeout && (timeout->tv_sec < 0 || (unsigned long)timeout->tv_nsec >= NS_PER_SEC))
		return -EINVAL;
	if (mask && (size_t)c->arg[4] != sizeof(*mask))
		return -EINVAL;
	if (timeout)
		deadline_ns = timespec_ns(timeout) ? deadline_in(timespec_ns(timeout)) : 0;
	if (mask)
		signals_mask_temporary(*mask);
	ret = poll_until((struct pollfd *)c->arg[0], (unsigned)c->arg[1], deadline_ns);
	if (timeout)
		waitset_left(timeout, deadline_ns);
	return ret;
}
