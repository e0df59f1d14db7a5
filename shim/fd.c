#include "fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/time.h>

#include "../core/highfd.h"
#include "../core/fdwait.h"
#include "../core/reserve.h"
#include "../core/loop.h"
#include "channel.h"
#include "stats.h"
#include "sys.h"
#include "thread.h"

#define MEM_MAJOR 1 /* /dev/null, zero, full, random ...: documented in Linux's devices.txt */
#define KMSG_MINOR 11

struct fd *fd_chunks[FD_CHUNKS];
static uint32_t generation = 1; /* of what is known about flags and timeouts */
static uint32_t epoch = 1;	/* bumped when today's descriptors become shared */

static struct fd *slot(int fd)
{
	struct fd **chunk;

	if (fd < 0 || fd >= FD_CHUNK * FD_CHUNKS)
		return NULL;
	chunk = &fd_chunks[fd >> FD_CHUNK_BITS];
	if (!*chunk && !(*chunk = reserve_map(FD_CHUNK * sizeof(**chunk))))
		return NULL;
	return &(*chunk)[fd & (FD_CHUNK - 1)];
}

static struct fd *set(struct fd *f, struct fd *to)
{
	if (!f)
		return NULL;
	to->serial = f->serial + 1;
	to->in_calls = f->in_calls;
	*f = *to;
	return f;
}

/* An anonymous inode has no type. */
static enum fd_kind kind_of(const struct statx *st)
{
	switch (st->stx_mode & S_IFMT) {
	case S_IFSOCK:
		return FD_SOCKET;
	case S_IFIFO:
		return FD_PIPE;
	case S_IFCHR:
		return st->stx_rdev_major == MEM_MAJOR && st->stx_rdev_minor != KMSG_MINOR ? FD_READY : FD_DEVICE;
	case 0:
		return FD_ANON;
	default:
		return FD_FILE;
	}
}

/* Without asking a server for what may have changed: the type does not. Linux 4.11, and not in every sandbox. */
static bool look(int fd, struct statx *st)
{
	struct stat old;

	stats.kernel_calls++;
	if (!sys_failed(sys_call(SYS_statx, fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO, st)))
		return true;
	if (sys_failed(sys_call(SYS_fstat, fd, &old)))
		return false;
	st->stx_mode = (uint16_t)old.st_mode;
	st->stx_ino = old.st_ino;
	st->stx_rdev_major = major(old.st_rdev);
	return true;
}

struct fd *fd_look(int fd)
{
	struct fd *f = slot(fd);
	struct statx st;
	struct fd to;

	if (!f || f->kind)
		return f;
	if (!look(fd, &st))
		return NULL;
	to = *f; /* what fd_opened knew */
	to.kind = (uint8_t)kind_of(&st);
	if (to.kind == FD_PIPE)
		to.in = to.out = channel_of(st.stx_ino);
	return set(f, &to);
}

struct fd *fd_made(int fd, enum fd_kind kind, int type, int flags)
{
	return set(slot(fd), &(struct fd){.kind = (uint8_t)kind,
					  .type = (uint8_t)type,
					  .nonblocking = flags & O_NONBLOCK,
					  .direct = flags & O_DIRECT,
					  .known = FD_KNOWS_NONBLOCKING,
					  .generation = generation,
					  .born = epoch});
}

void fd_opened(int fd, int flags)
{
	fd_made(fd, FD_UNKNOWN, 0, flags);
}

void fd_duplicated(int from, int to)
{
	struct fd *f = fd_peek(from), copy;

	if (!f || (!f->kind && !f->born)) {
		fd_forget(to);
		return;
	}
	f->duplicated = true;
	copy = *f;
	copy.at_work = 0;
	set(slot(to), &copy);
}

void fd_forget(int fd)
{
	struct fd *f = fd_peek(fd);

	if (f)
		set(f, &(struct fd){.kind = FD_UNKNOWN});
}

uint32_t fd_serial(int fd)
{
	const struct fd *f = fd_peek(fd);

	return f ? f->serial : 0;
}

struct fd *fd_begin_call(int fd)
{
	struct fd *f = threads.hub.shared ? fd_peek(fd) : NULL;

	if (f)
		f->in_calls++;
	return f;
}

void fd_await_calls(int fd)
{
	const struct fd *f = threads.hub.shared ? fd_peek(fd) : NULL;

	while (f && f->in_calls) {
		hub_leave(&threads.hub);
		sys_call(SYS_sched_yield);
		hub_enter(&threads.hub);
	}
}

void fd_own(int fd)
{
	set(slot(fd), &(struct fd){.kind = FD_READY, .ours = true});
}

void fd_own_duplicate(int from, int to)
{
	struct fd *f = slot(to);

	fd_get(from); /* what it is must be known */
	fd_duplicated(from, to);
	if (f)
		f->ours = true;
}

static bool loop_owns(int fd)
{
	unsigned n;
	const int *fds = loop_own_fds(&n);

	while (n)
		if (fds[--n] == fd)
			return true;
	return false;
}

bool fd_is_ours(int fd)
{
	const struct fd *f = fd_peek(fd);

	return fd >= highfd_lowest && ((f && f->ours) || loop_owns(fd));
}

int fd_next_ours(unsigned first, unsigned last)
{
	unsigned fd = first, n;
	const int *fds = loop_own_fds(&n);

	while (n)
		fd_own(fds[--n]);
	for (; fd <= last && fd < FD_CHUNK * FD_CHUNKS; fd++) {
		if (!fd_chunks[fd >> FD_CHUNK_BITS])
			fd |= FD_CHUNK - 1;
		else if (fd_is_ours((int)fd))
			return (int)fd;
	}
	return -1;
}

void fd_forget_range(unsigned first, unsigned last)
{
	for (unsigned fd = first; fd <= last && fd < FD_CHUNK * FD_CHUNKS; fd++) {
		if (!fd_chunks[fd >> FD_CHUNK_BITS])
			fd |= FD_CHUNK - 1;
		else if (!fd_chunks[fd >> FD_CHUNK_BITS][fd & (FD_CHUNK - 1)].ours)
			fd_forget((int)fd);
	}
}

static bool is_private(const struct fd *f)
{
	return f->born == epoch;
}

bool fd_is_private(int fd)
{
	const struct fd *f = fd_peek(fd);

	return f && f->kind && is_private(f);
}

bool fd_was_shared(int fd)
{
	const struct fd *f = fd_peek(fd);

	return f && f->born && f->born != epoch;
}

void fd_changed(int fd)
{
	struct fd *f = fd_peek(fd);

	if (f && f->kind && is_private(f) && !f->duplicated)
		f->known = 0;
	else
		generation++;
}

void fd_share_all(void)
{
	epoch++;
}

void fds_forked(void)
{
	for (int i = 0; i < FD_CHUNKS; i++)
		if (fd_chunks[i])
			sys_call(SYS_munmap, fd_chunks[i], FD_CHUNK * sizeof(*fd_chunks[i]));
	for (int i = 0; i < FD_CHUNKS; i++)
		fd_chunks[i] = NULL;
	generation = epoch = 1;
	channels_forked();
}

/* What is still known of the descriptor. */
static bool knows(struct fd *f, uint8_t what)
{
	if (f->generation != generation || !is_private(f)) {
		f->generation = generation;
		f->known = 0;
	}
	return f->known & what;
}

static long flags_of(int fd, struct fd *f)
{
	long flags;

	if (f && knows(f, FD_KNOWS_NONBLOCKING))
		return (f->nonblocking ? O_NONBLOCK : 0) | (f->direct ? O_DIRECT : 0);
	stats.kernel_calls++;
	flags = sys_call(SYS_fcntl, fd, F_GETFL);
	if (f && flags >= 0) {
		f->nonblocking = flags & O_NONBLOCK;
		f->direct = flags & O_DIRECT;
		f->known |= FD_KNOWS_NONBLOCKING;
	}
	return flags;
}

bool fd_nonblocking(int fd)
{
	long flags = flags_of(fd, fd_get(fd));

	return flags < 0 || flags & O_NONBLOCK;
}

bool fd_is_direct(int fd)
{
	return flags_of(fd, fd_get(fd)) & O_DIRECT;
}

bool fd_is_drained(int fd)
{
	struct fd *f = fd_peek(fd);

	return f && f->drained && knows(f, FD_KNOWS_NONBLOCKING) && !f->nonblocking && fdwait_known(&threads.hub, fd);
}

static uint64_t read_timeout(int fd, enum fd_direction direction)
{
	struct timeval tv = {0, 0};
	socklen_t size = sizeof(tv);
	int name = direction == FD_RECEIVE ? SO_RCVTIMEO : SO_SNDTIMEO;

	stats.kernel_calls++;
	if (sys_call(SYS_getsockopt, fd, SOL_SOCKET, name, &tv, &size) < 0)
		return 0;
	return (uint64_t)tv.tv_sec * NS_PER_SEC + (uint64_t)tv.tv_usec * 1000;
}

uint64_t fd_deadline(int fd, enum fd_direction direction)
{
	struct fd *f = fd_get(fd);
	uint8_t bit = (uint8_t)(FD_KNOWS_TIMEOUT << direction);
	uint64_t ns;

	if (!f || f->kind != FD_SOCKET)
		return DEADLINE_NEVER;
	if (!knows(f, bit)) {
		f->timeout_ns[direction] = read_timeout(fd, direction);
		f->known |= bit;
	}
	ns = f->timeout_ns[direction];
	return ns ? deadline_in(ns) : DEADLINE_NEVER;
}

int fd_socket_look(int fd, struct fd *f)
{
	int type = 0;
	socklen_t size = sizeof(type);

	stats.kernel_calls++;
	sys_call(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, &type, &size);
	f->type = (uint8_t)type;
	return type;
}

static long wait_on(int *fd, short events, bool exclusive, const char *why, uint64_t deadline_ns)
{
	struct fd_waiter w = {.fiber = fiber_self, .fd = *fd, .events = events, .exclusive = exclusive};
	long ret = fdwait_add(&w);

	if (ret)
		return ret;
	channel_waits(*fd, events);
	ret = thread_park(why, deadline_ns);
	fdwait_remove(&w);
	if (w.fd != *fd)
		fd_hold(w.fd);
	*fd = w.fd;
	return ret;
}

long fd_wait(int *fd, short events, const char *why, uint64_t deadline_ns)
{
	return wait_on(fd, events, true, why, deadline_ns);
}

long fd_wait_keeping(int *fd, int *other, short events, const char *why, uint64_t deadline_ns)
{
	struct fd_waiter kept = {.fiber = fiber_self, .fd = *other};
	long ret;

	fdwait_keep(&kept);
	ret = wait_on(fd, events, true, why, deadline_ns);
	fdwait_remove(&kept);
	if (kept.fd != *other)
		fd_hold(kept.fd);
	*other = kept.fd;
	return ret;
}

long fd_wait_with_all(long named, int *fd, short events, const char *why, uint64_t deadline_ns)
{
	int before = *fd;
	long ret = wait_on(fd, events, false, why, deadline_ns);

	if (*fd != before)
		fd_wait_over(named, before); /* moved once more */
	return ret;
}

void fd_wait_over(long named, int fd)
{
	if (fd != (int)named)
		fd_release(fd);
}
