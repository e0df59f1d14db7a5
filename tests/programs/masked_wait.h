/* masked_wait.h - calls that wait with a mask of their own: for a byte in masked_ends, the last one for a signal alone. */
#ifndef MASKED_WAIT_H
#define MASKED_WAIT_H

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int masked_ends[2]; /* a pipe */

static long by_ppoll(const sigset_t *mask)
{
	struct pollfd p = {masked_ends[0], POLLIN, 0};

	return ppoll(&p, 1, NULL, mask);
}

static long by_pselect(const sigset_t *mask)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(masked_ends[0], &set);
	return pselect(masked_ends[0] + 1, &set, NULL, NULL, NULL, mask);
}

static long by_epoll(const sigset_t *mask, const struct timespec *limit)
{
	struct epoll_event event = {.events = EPOLLIN};
	int set = epoll_create1(0), err;
	long ret;

	epoll_ctl(set, EPOLL_CTL_ADD, masked_ends[0], &event);
	ret = limit ? syscall(SYS_epoll_pwait2, set, &event, 1, limit, mask, _NSIG / 8)
		    : epoll_pwait(set, &event, 1, -1, mask);
	err = errno;
	close(set);
	errno = err;
	return ret;
}

static long by_epoll_pwait(const sigset_t *mask)
{
	return by_epoll(mask, NULL);
}

static long by_epoll_pwait2(const sigset_t *mask)
{
	return by_epoll(mask, &(struct timespec){20, 0});
}

static long by_sigsuspend(const sigset_t *mask)
{
	return sigsuspend(mask);
}

#define MASKED_WAITS 5

static const struct masked_wait {
	const char *name;
	long (*call)(const sigset_t *mask);
} masked_waits[MASKED_WAITS] = {
	{"ppoll", by_ppoll},
	{"pselect", by_pselect},
	{"epoll_pwait", by_epoll_pwait},
	{"epoll_pwait2", by_epoll_pwait2},
	{"sigsuspend", by_sigsuspend},
};

#endif
