/* Descriptors that are closed, replaced and duplicated. close(2) on Linux leaves calls that are under way alone: they go
 * on with the file. So it lives on under a number of the shim's until the last of them has returned. */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "../core/highfd.h"
#include "../core/fdwait.h"
#include "../core/loop.h"
#include "fd.h"
#include "lock.h"
#include "offload.h"
#include "options.h"
#include "signal.h"
#include "stats.h"
#include "sys.h"
#include "thread.h"

#define MOVED_MAX 512

/* Files that only calls under way still use. */
static struct moved {
	int fd;
	unsigned users; /* calls that hold it without being linked as waiters */
} moved[MOVED_MAX];
static int moved_count;

static struct moved *moved_find(int fd)
{
	for (int i = 0; i < moved_count; i++)
		if (moved[i].fd == fd)
			return &moved[i];
	return NULL;
}

static void moved_close(struct moved *m)
{
	int fd = m->fd;

	*m = moved[--moved_count];
	fdwait_forget(&threads.hub, fd, -EBADF);
	fd_forget(fd);
	sys_call(SYS_close, fd);
}

static bool moved_is_over(const struct moved *m)
{
	return !m->users && !fdwait_has_waiters(&threads.hub, m->fd);
}

/* Those whose waiters were poll's and the like. */
void fd_looked(void)
{
	for (int i = moved_count - 1; i >= 0; i--)
		if (moved_is_over(&moved[i]))
			moved_close(&moved[i]);
}

void fd_hold(int fd)
{
	struct moved *m = moved_find(fd);

	if (m)
		m->users++;
}

void fd_release(int fd)
{
	struct moved *m = moved_find(fd);

	if (!m)
		return;
	m->users--;
	if (moved_is_over(m))
		moved_close(m);
}

/* The waiters go on with a duplicate; without one (no descriptor is free) they learn that the descriptor is gone. */
static void move_waiters(int fd)
{
	long high = -EMFILE;

	if (moved_count < MOVED_MAX)
		high = highfd_duplicate(fd);
	if (high < 0) {
		fdwait_forget(&threads.hub, fd, -EBADF);
		return;
	}
	moved[moved_count++] = (struct moved){.fd = (int)high};
	fd_own_duplicate(fd, (int)high);
	fdwait_move(&threads.hub, fd, (int)high);
}

bool fd_leaves(int fd)
{
	if (fd_is_ours(fd))
		return false;
	fd_looked();
	fd_await_calls(fd);
	if (fdwait_has_waiters(&threads.hub, fd))
		move_waiters(fd);
	else if (fdwait_known(&threads.hub, fd))
		fdwait_forget(&threads.hub, fd, -EBADF);
	return true;
}

long sys_close(struct call *c)
{
	int fd = (int)c->arg[0];
	const struct fd *f;
	bool waits;

	if (!fd_leaves(fd))
		return -EBADF;
	f = fd_get(fd);
	if (!f)
		return CALL_PASS;
	waits = f->lingers || (f->kind == FD_FILE && options.files_pool);
	fd_forget(fd);
	return waits ? offload_file(c) : CALL_PASS;
}

static long duplicate(struct call *c)
{
	long ret = call_native(c);

	if (ret >= 0)
		fd_duplicated((int)c->arg[0], (int)ret);
	return ret;
}

long sys_dup(struct call *c)
{
	return duplicate(c);
}

static bool is_allowed(int fd)
{
	struct rlimit limit;

	return !sys_call(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &limit) && (rlim_t)fd < limit.rlim_cur;
}

/* The kernel must not be asked twice, so what it would refuse is found out first. */
static long replace(struct call *c, bool same_is_error)
{
	int from = (int)c->arg[0], to = (int)c->arg[1];

	if (from == to)
		return same_is_error ? -EINVAL : CALL_PASS;
	if (to < 0 || sys_failed(sys_call(SYS_fcntl, from, F_GETFD)))
		return CALL_PASS;
	if (!fd_leaves(to))
		return is_allowed(to) ? -EBUSY : -EBADF;
	fd_forget(to);
	return duplicate(c);
}

long sys_dup2(struct call *c)
{
	return replace(c, false);
}

long sys_dup3(struct call *c)
{
	if ((int)c->arg[2] & ~O_CLOEXEC)
		return CALL_PASS;
	return replace(c, true);
}

/* One piece of the range that has none of the shim's own in it. */
static long close_piece(const struct call *c, unsigned first, unsigned last)
{
	if (first > last)
		return 0;
	stats.kernel_calls++;
	return sys_call(SYS_close_range, first, last, c->arg[2]);
}

long sys_close_range(struct call *c)
{
	unsigned first = (unsigned)c->arg[0], last = (unsigned)c->arg[1], flags = (unsigned)c->arg[2];
	long ret;
	int ours;

	if (first > last || flags & ~(unsigned)CLOSE_RANGE_UNSHARE)
		return CALL_PASS;
	for (int fd = fdwait_next(&threads.hub, (int)(first & INT_MAX)); fd >= 0 && (unsigned)fd <= last;
	     fd = fdwait_next(&threads.hub, fd + 1))
		fd_leaves(fd);
	fd_forget_range(first, last);
	for (;;) {
		ours = fd_next_ours(first, last);
		ret = close_piece(c, first, ours < 0 ? last : (unsigned)ours - 1);
		if (ret || ours < 0 || (unsigned)ours == last)
			return ret;
		first = (unsigned)ours + 1;
	}
}
