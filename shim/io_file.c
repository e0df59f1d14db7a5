/* read and write on pipes, FIFOs, terminals, eventfd and the like. preadv2(2) with RWF_NOWAIT is an attempt that does not
 * block, where the file knows it (pipes since Linux 6.5); elsewhere poll(2) asks first. Between its answer and the call
 * no greenlet runs, but another process that reads the same FIFO could. */
#include <errno.h>
#include <limits.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>

#include "bounded.h"
#include "channel.h"
#include "io.h"
#include "offload.h"
#include "stats.h"
#include "sys.h"
#include "thread.h"
#include "user.h"

#define CURRENT -1 /* position */

#ifndef TCGETS
#define TCGETS 0x5401
#endif

/* What the kernel's termios has (asm/termbits.h); libc's is another. */
struct kernel_termios {
	unsigned iflag, oflag, cflag, lflag;
	unsigned char line, cc[19 + 32];
};

static bool is_vector(long nr)
{
	return nr != SYS_read && nr != SYS_write && nr != SYS_pread64;
}

void buffers_of(const struct call *c, struct buffers *b)
{
	b->one = (struct iovec){(void *)c->arg[1], (size_t)c->arg[2]};
	b->iov = is_vector(c->nr) ? (const struct iovec *)c->arg[1] : &b->one;
	b->n = is_vector(c->nr) ? (size_t)c->arg[2] : 1;
	b->flags = c->nr == SYS_preadv2 || c->nr == SYS_pwritev2 ? c->arg[5] : 0;
}

/* The call as it is, on io->fd. */
static long plain(const struct io *io)
{
	const long *a = io->call->arg;

	stats.kernel_calls++;
	return sys_call(io->call->nr, io->fd, a[1], a[2], a[3], a[4], a[5]);
}

/* The file may have moved to another number, whose entry is not the file's. */
static void refuses_nowait(const struct io *io, enum fd_direction direction)
{
	struct fd *f = io->fd == (int)io->call->arg[0] ? fd_get(io->fd) : NULL;

	if (f)
		f->no_nowait |= (uint8_t)(1 << direction);
}

static long read_nowait(struct io *io)
{
	struct buffers b;

	buffers_of(io->call, &b);
	return io_call(SYS_preadv2, io->fd, b.iov, b.n, CURRENT, CURRENT, b.flags | RWF_NOWAIT);
}

/* Without line editing a terminal's read may end without a byte (termios(3), MIN == 0), which poll does not tell. */
static bool ends_empty(int fd)
{
	struct kernel_termios t;

	stats.kernel_calls++;
	if (sys_failed(sys_call(SYS_ioctl, fd, TCGETS, &t)))
		return false;
	return !(t.lflag & ICANON) && !t.cc[VMIN];
}

static long read_when_ready(struct io *io)
{
	if (io_ready(io->fd, POLLIN) || fd_nonblocking(io->fd))
		return plain(io);
	if (ends_empty(io->fd))
		return offload_restartable(offload(io->why, io->call->nr, io->call->arg));
	return -EAGAIN;
}

static long write_nowait(struct io *io)
{
	struct iovec rest[IO_VECTORS];
	struct buffers b;
	size_t total;
	long ret;

	buffers_of(io->call, &b);
	stats.kernel_calls++;
	if (io->done)
		ret = sys_call(SYS_pwritev2, io->fd, rest, io_rest(b.iov, b.n, io->done, rest), CURRENT, CURRENT,
			       b.flags | RWF_NOWAIT);
	else
		ret = sys_call(SYS_pwritev2, io->fd, b.iov, b.n, CURRENT, CURRENT, b.flags | RWF_NOWAIT);
	if (ret < 0)
		return ret;
	io->done += (size_t)ret;
	total = io_total(b.iov, b.n);
	return io->done >= total || io->done >= RW_MAX || !ret ? (long)io->done : -EAGAIN;
}

/* At most what cannot block once poll has said that there is room; up to PIPE_BUF bytes stay in one piece (pipe(7)). */
static long write_piece(struct io *io)
{
	struct iovec rest[IO_VECTORS];
	struct buffers b;
	size_t total, left = PIPE_BUF;
	int n;
	long ret;

	buffers_of(io->call, &b);
	total = io_total(b.iov, b.n);
	if (total <= PIPE_BUF)
		return plain(io);
	n = io_rest(b.iov, b.n, io->done, rest);
	for (int i = 0; i < n; i++) {
		if (rest[i].iov_len > left)
			rest[i].iov_len = left;
		left -= rest[i].iov_len;
	}
	stats.kernel_calls++;
	ret = sys_call(SYS_writev, io->fd, rest, n);
	if (ret < 0)
		return ret;
	io->done += (size_t)ret;
	return io->done >= total || io->done >= RW_MAX ? (long)io->done : -EAGAIN;
}

static long write_when_ready(struct io *io)
{
	long ret;

	if (!io->done && fd_nonblocking(io->fd))
		return plain(io);
	do {
		if (!io_ready(io->fd, POLLOUT))
			return -EAGAIN;
		ret = write_piece(io);
	} while (ret == -EAGAIN);
	return ret;
}

/* Who waits when a terminal's other end is closed is told so; who comes later finds nothing. It has no name any more. */
static long end_of_device(const struct io *io)
{
	struct stat st;

	if (!io->vain || !io_ready(io->fd, 0))
		return 0;
	stats.kernel_calls++;
	return !sys_call(SYS_fstat, io->fd, &st) && !st.st_nlink ? -EIO : 0;
}

static long read_attempt(struct io *io)
{
	const struct fd *f = fd_get(io->fd);
	bool device = f && f->kind == FD_DEVICE;
	long ret = f && f->no_nowait & 1 << FD_RECEIVE ? -EOPNOTSUPP : read_nowait(io);

	if (ret != -EOPNOTSUPP && ret != -ENOSYS)
		return ret;
	refuses_nowait(io, FD_RECEIVE);
	ret = read_when_ready(io);
	return ret || !device ? ret : end_of_device(io);
}

/* The kernel looks at the vectors before it refuses: after that they can be read here. */
static long write_attempt(struct io *io)
{
	const struct fd *f = fd_get(io->fd);
	bool known = f && f->no_nowait & 1 << FD_SEND && !is_vector(io->call->nr);
	long ret = known ? -EOPNOTSUPP : write_nowait(io);

	if (ret != -EOPNOTSUPP && ret != -ENOSYS)
		return ret;
	refuses_nowait(io, FD_SEND);
	return write_when_ready(io);
}

static bool is_write(long nr)
{
	return nr == SYS_write || nr == SYS_writev || nr == SYS_pwritev2;
}

/* SWITCHES. By a helper, if it does not return at once. */
static long bounded_or_help(struct call *c)
{
	long ret = bounded_call(c->nr, c->arg);

	return ret == -EAGAIN && !fd_nonblocking((int)c->arg[0]) ? offload_restartable(offload_call(c)) : ret;
}

/* An eventfd's POLLOUT promises room for one (eventfd(2)); nothing fits always. */
static bool counts_other(const struct call *c)
{
	uint64_t count;

	if (c->nr != SYS_write)
		return true;
	return (size_t)c->arg[2] >= sizeof(count) && !user_get(&count, (void *)c->arg[1]) && count != 1;
}

static long write_count(struct call *c)
{
	long ret = bounded_or_help(c);

	if (ret > 0)
		channel_moved((int)c->arg[0], POLLOUT, (size_t)ret);
	return ret;
}

/* A terminal is writable as soon as one byte fits, and then waits for the rest: what does not go out at once is left to
 * a helper. */
static long write_device(struct call *c)
{
	struct iovec rest[IO_VECTORS];
	struct buffers b;
	long done = bounded_or_help(c), ret;
	size_t total;

	if (done <= 0)
		return done;
	buffers_of(c, &b);
	total = io_total(b.iov, b.n);
	while ((size_t)done < total) {
		long arg[6] = {c->arg[0], (long)rest, io_rest(b.iov, b.n, (size_t)done, rest)};

		ret = offload(call_name(c->nr), SYS_writev, arg);
		if (ret <= 0)
			break;
		done += ret;
	}
	return done;
}

/* Of no bytes a write never waits, nor do vectors, nor most reads. */
static bool is_empty(const struct call *c)
{
	if (!is_vector(c->nr))
		return !c->arg[2];
	return (size_t)c->arg[2] <= IOV_MAX && !io_total((const struct iovec *)c->arg[1], (size_t)c->arg[2]);
}

/* An eventfd refuses less than a count before it waits, as everything does vectors that are not there. */
static bool would_wait(const struct call *c, const struct fd *f)
{
	return c->nr == SYS_read && channel_is_empty((int)c->arg[0]) &&
	       (f->kind == FD_PIPE || (size_t)c->arg[2] >= sizeof(uint64_t));
}

long io_file(struct call *c, struct fd *f)
{
	struct io io = IO(c, is_write(c->nr) ? POLLOUT : POLLIN);

	/* What tells of events (inotify(7)) looks at the size when there is one. */
	if (is_empty(c))
		return c->nr == SYS_read && f->kind == FD_ANON ? bounded_or_help(c) : CALL_PASS;
	if ((c->nr == SYS_preadv2 || c->nr == SYS_pwritev2) && c->arg[5] & RWF_NOWAIT)
		return CALL_PASS;
	if (f->kind == FD_ANON && threads.hub.home_polls)
		hub_go_home(); /* a signalfd's signals may be there alone */
	io.must_wait = would_wait(c, f) && !fd_nonblocking(io.fd);
	if (io.events == POLLIN)
		return io_retry(&io, read_attempt);
	if (f->kind == FD_DEVICE)
		return fd_nonblocking(io.fd) ? CALL_PASS : write_device(c);
	if (f->kind == FD_ANON && !fd_nonblocking(io.fd) && counts_other(c))
		return write_count(c);
	return io_retry(&io, write_attempt);
}
