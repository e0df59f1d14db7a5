/* io_uring_enter: what is submitted goes to the kernel at once; for completions the greenlet waits on the ring's own
 * descriptor, which is readable while there are any. io_uring_enter(2). Under IORING_SETUP_DEFER_TASKRUN the kernel makes
 * completions only when they are asked for, and nobody who polls is woken (Linux 6.1 to 6.18 at least). */
#include <errno.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <sys/syscall.h>
#include <time.h>

#include "fd.h"
#include "stats.h"
#include "sys.h"
#include "thread.h"
#include "user.h"

#ifndef IORING_ENTER_REGISTERED_RING
#define IORING_ENTER_REGISTERED_RING (1U << 4)
#endif
#ifndef IORING_SETUP_DEFER_TASKRUN
#define IORING_SETUP_DEFER_TASKRUN (1U << 13)
#endif
#define ENTER_ABS_TIMER (1U << 5)	    /* since Linux 6.12 */
#define SETUP_REGISTERED_FD_ONLY (1U << 15) /* since Linux 6.5 */

/* For what poll does not tell: some completions but too few, rings without a descriptor, or of which no more is known. */
#define NAP_FIRST_NS UINT64_C(50000)
#define NAP_LAST_NS UINT64_C(10000000)

static long enter(int fd, unsigned submit, unsigned complete, unsigned flags, const void *arg, size_t size)
{
	stats.kernel_calls++;
	return sys_call(SYS_io_uring_enter, fd, submit, complete, flags, arg, size);
}

/* Without waiting: 0 if there are as many completions as are wanted, else -ETIME. */
static long are_complete(const struct call *c, int fd)
{
	static const struct __kernel_timespec zero;
	struct io_uring_getevents_arg arg = {.ts = (uintptr_t)&zero};
	unsigned flags = (unsigned)c->arg[3] & (IORING_ENTER_GETEVENTS | IORING_ENTER_REGISTERED_RING);

	return enter(fd, 0, (unsigned)c->arg[2], flags | IORING_ENTER_EXT_ARG, &arg, sizeof(arg));
}

/* The call's own timeout and mask. */
struct wish {
	uint64_t deadline_ns;
	bool has_mask;
	uint64_t mask;
};

static bool read_mask(struct wish *wish, const uint64_t *at, size_t size)
{
	wish->has_mask = at;
	return !at || (size == sizeof(*at) && !user_get(&wish->mask, at));
}

/* False: malformed. */
static bool read_wish(const struct call *c, struct wish *wish)
{
	struct io_uring_getevents_arg arg;
	struct timespec ts;

	wish->deadline_ns = DEADLINE_NEVER;
	if (!(c->arg[3] & IORING_ENTER_EXT_ARG))
		return read_mask(wish, (void *)c->arg[4], (size_t)c->arg[5]);
	if ((size_t)c->arg[5] != sizeof(arg) || user_get(&arg, (void *)c->arg[4]))
		return false;
	if (arg.ts && user_get(&ts, (void *)(uintptr_t)arg.ts))
		return false;
	if (arg.ts)
		wish->deadline_ns = c->arg[3] & ENTER_ABS_TIMER ? timespec_ns(&ts) : deadline_in(timespec_ns(&ts));
	return read_mask(wish, (void *)(uintptr_t)arg.sigmask, arg.sigmask_sz);
}

/* poll tells when there are completions. */
static bool poll_tells(const struct call *c, int fd)
{
	const struct fd *f = c->arg[3] & IORING_ENTER_REGISTERED_RING ? NULL : fd_get(fd);

	return f && f->ring;
}

/* SWITCHES. */
static long wait_on(const struct call *c, int *fd, uint64_t deadline_ns)
{
	uint64_t nap = NAP_FIRST_NS;
	bool has_fd = !(c->arg[3] & IORING_ENTER_REGISTERED_RING), tells = poll_tells(c, *fd);
	long ret;

	while ((ret = are_complete(c, *fd)) == -ETIME) {
		bool polls = has_fd && (c->arg[2] == 1 || nap == NAP_FIRST_NS);
		uint64_t until = polls && tells ? DEADLINE_NEVER : deadline_in(nap);

		until = until < deadline_ns ? until : deadline_ns;
		if (polls)
			ret = fd_wait_with_all(c->arg[0], fd, POLLIN, "io_uring", until);
		else
			ret = thread_park("io_uring", until);
		if (ret < 0 && (ret != -ETIMEDOUT || until == deadline_ns))
			return ret == -ETIMEDOUT ? -ETIME : ret;
		if (nap < NAP_LAST_NS)
			nap *= 2;
	}
	return ret;
}

static long wait_for(const struct call *c, uint64_t deadline_ns)
{
	int fd = (int)c->arg[0];
	long ret = wait_on(c, &fd, deadline_ns);

	fd_wait_over(c->arg[0], fd);
	return ret;
}

long sys_io_uring_setup(struct call *c)
{
	const struct io_uring_params *params = (void *)c->arg[1];
	unsigned flags;
	long fd;
	struct fd *f;

	if (user_get(&flags, &params->flags))
		return CALL_PASS;
	stats.kernel_calls++;
	fd = sys_call(SYS_io_uring_setup, c->arg[0], params);
	if (fd < 0 || flags & SETUP_REGISTERED_FD_ONLY)
		return fd;
	f = fd_made((int)fd, FD_ANON, 0, 0);
	if (f)
		f->ring = !(flags & IORING_SETUP_DEFER_TASKRUN);
	return fd;
}

long sys_io_uring_enter(struct call *c)
{
	unsigned submit = (unsigned)c->arg[1], flags = (unsigned)c->arg[3];
	struct wish wish;
	long done = 0, ret;

	signals.uring = true;
	hub_poll_at_home(&threads.hub);
	if (!(flags & IORING_ENTER_GETEVENTS) || !(unsigned)c->arg[2])
		return CALL_PASS;
	if (!read_wish(c, &wish))
		return CALL_PASS; /* the kernel says what is wrong */
	if (submit || flags & ~(IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG | IORING_ENTER_REGISTERED_RING)) {
		done = enter((int)c->arg[0], submit, 0, flags & ~(IORING_ENTER_EXT_ARG | ENTER_ABS_TIMER), NULL, 0);
		if (done < 0 || (unsigned)done != submit)
			return done;
	}
	if (wish.has_mask)
		signals_mask_temporary(wish.mask);
	ret = wait_for(c, wish.deadline_ns);
	if (done)
		return done;
	thread_did_not_block();
	return ret == -EINVAL ? CALL_PASS : ret; /* before Linux 5.11 nothing but the real call can wait */
}
