#include "io.h"

#include <errno.h>
#include <sys/syscall.h>

#include "../core/fdwait.h"
#include "channel.h"
#include "file.h"
#include "preempt.h"
#include "stats.h"
#include "sys.h"
#include "thread.h"
#include "user.h"

static long sleep_in_vain(const struct io *io)
{
	unsigned doublings = (unsigned)io->vain - VAIN_LIMIT;
	uint64_t until = deadline_in(VAIN_FIRST_NS << (doublings < VAIN_DOUBLINGS ? doublings : VAIN_DOUBLINGS));
	uint32_t serial = fd_serial(io->fd);
	long ret;

	if (until > io->deadline_ns)
		return thread_park(io->why, io->deadline_ns);
	ret = thread_park(io->why, until);
	if (fd_serial(io->fd) != serial)
		return -EBADF;
	return ret == -ETIMEDOUT ? 0 : ret;
}

static long park(struct io *io)
{
	int fd = io->fd;
	long ret;

	if (io->vain >= VAIN_LIMIT)
		ret = sleep_in_vain(io);
	else
		ret = fd_wait(&io->fd, io->events, io->why, io->deadline_ns);
	if (io->fd != fd && fd != (int)io->call->arg[0])
		fd_release(fd); /* moved once more */
	if (io->vain < UINT8_MAX && !(ret > 0 && ret & FD_GUESS))
		io->vain++;
	return ret;
}

long io_wait(struct io *io)
{
	long ret;

	if (io->dont_wait || (!io->always_waits && !io->must_wait && fd_nonblocking(io->fd)))
		return -EAGAIN;
	io->must_wait = false;
	if (!io->deadline_ns)
		io->deadline_ns = fd_deadline(io->fd, io->events & POLLOUT ? FD_SEND : FD_RECEIVE);
	thread_self()->stoppable = io->deadline_ns != DEADLINE_NEVER;
	ret = park(io);
	thread_self()->stoppable = false;
	if (ret >= 0)
		return 0;
	if (ret == -ETIMEDOUT)
		return -EAGAIN;
	/* The kernel's sock_intr_errno: what has a timeout is never restarted. */
	if (ret == -EINTR && io->deadline_ns == DEADLINE_NEVER)
		return -ERESTARTSYS;
	return ret;
}

/* SIGPIPE belongs to the thread that caused it: nobody else may run before it is handed out. */
static void take_turns(bool parked)
{
	if (!parked && signals.noted == signals.seen)
		thread_did_not_block();
}

static short events_of(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};
	struct timespec zero = {0, 0};

	stats.kernel_calls++;
	return sys_call_at_once(SYS_ppoll, &p, 1, &zero, NULL, 0) ? p.revents : 0;
}

/* Of two things a waiting call is told more than an attempt: that nothing more will be received, by sockets with messages
 * (the kernel's call returns at once); and the error of a socket that waits for room, which comes before its end. */
static long told_to_waiters(const struct io *io, long ret)
{
	const struct fd *f = fd_get(io->fd);
	socklen_t size = sizeof(int);
	int error = 0;

	if (!f || f->kind != FD_SOCKET)
		return ret;
	if (ret == -EAGAIN && io->events == POLLIN && !io->done && io->fd == (int)io->call->arg[0] &&
	    fd_socket_type(io->fd) != SOCK_STREAM && events_of(io->fd, POLLRDHUP) & POLLRDHUP)
		return CALL_PASS;
	if (ret || io->events != POLLOUT || io->call->nr == SYS_connect) /* which says its own */
		return ret;
	stats.kernel_calls++;
	sys_call(SYS_getsockopt, io->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	return -error;
}

/* The other end may be here: it is told of what it has not been yet. How much it has. */
static size_t tell_moved(const struct io *io, size_t told, long done)
{
	if (done <= (long)told)
		return told;
	channel_moved(io->fd, io->events, (size_t)done - told);
	return (size_t)done;
}

long io_retry(struct io *io, io_attempt *attempt)
{
	bool parked = false;
	size_t done = io->done, begin;
	long ret;

	for (;;) {
		begin = io->done;
		ret = io->must_wait ? -EAGAIN : attempt(io);
		if (ret == -EAGAIN && io->vain && !io->dont_wait)
			ret = told_to_waiters(io, ret);
		if (ret != -EAGAIN)
			break;
		if (io->done != begin)
			io->vain = 0;
		done = tell_moved(io, done, (long)io->done);
		if (io->events == POLLIN && !io->must_wait)
			channel_found_empty(io->fd);
		ret = io_wait(io);
		if (!ret && io->events == POLLOUT)
			ret = told_to_waiters(io, ret);
		if (ret)
			break;
		parked = true;
	}
	if (ret < 0 && io->done)
		ret = (long)io->done;
	tell_moved(io, done, ret);
	if (io->fd != (int)io->call->arg[0])
		fd_release(io->fd);
	take_turns(parked);
	return ret;
}

bool io_ready(int fd, short events)
{
	return events_of(fd, events);
}

int io_rest(const struct iovec *iov, size_t n, size_t skip, struct iovec *rest)
{
	struct iovec one;
	int used = 0;

	for (size_t i = 0; i < n && used < IO_VECTORS && !user_get(&one, &iov[i]); i++) {
		if (skip >= one.iov_len) {
			skip -= one.iov_len;
			continue;
		}
		rest[used].iov_base = (char *)one.iov_base + skip;
		rest[used++].iov_len = one.iov_len - skip;
		skip = 0;
	}
	return used;
}

size_t io_total(const struct iovec *iov, size_t n)
{
	struct iovec one;
	size_t total = 0;

	for (size_t i = 0; i < n && !user_get(&one, &iov[i]); i++)
		total += one.iov_len;
	return total;
}

/* The kernel looks at all that the length says before it does anything. */
static bool is_beyond(const struct call *c)
{
	uintptr_t end;

	if (c->nr != SYS_read && c->nr != SYS_write)
		return false;
	return __builtin_add_overflow((uintptr_t)c->arg[1], (uintptr_t)c->arg[2], &end) || !user_has((void *)end);
}

#define PAGE 4096

/* random(4): of /dev/zero and its like the kernel looks for signals after each page. */
static long ready_transfer(struct call *c)
{
	struct buffers b;

	if (c->nr != SYS_read && c->nr != SYS_readv && c->nr != SYS_preadv2)
		return CALL_PASS;
	buffers_of(c, &b);
	return b.n <= IOV_MAX && io_total(b.iov, b.n) > PAGE ? preempt_keep_out(c, (int)c->arg[0]) : CALL_PASS;
}

static long transfer(struct call *c, long (*on_socket)(struct call *))
{
	struct fd *f = fd_get((int)c->arg[0]);

	if (is_beyond(c))
		return CALL_PASS;
	if (!f)
		return CALL_PASS;
	if (f->kind >= FD_READY)
		return f->kind == FD_FILE ? file_transfer(c) : ready_transfer(c);
	return f->kind == FD_SOCKET ? on_socket(c) : io_file(c, f);
}

long sys_read(struct call *c)
{
	return transfer(c, net_read);
}

long sys_write(struct call *c)
{
	return transfer(c, net_write);
}

long sys_readv(struct call *c)
{
	return transfer(c, net_readv);
}

long sys_writev(struct call *c)
{
	return transfer(c, net_writev);
}

/* getrandom(2): up to 256 bytes no signal counts. */
long sys_getrandom(struct call *c)
{
	return (size_t)c->arg[1] > 256 ? preempt_keep_out(c, -1) : CALL_PASS;
}

/* At the file's own position these are readv and writev; elsewhere only files have positions. */
long sys_preadv2(struct call *c)
{
	return c->arg[3] == -1 ? transfer(c, net_readv) : file_transfer_at(c);
}

long sys_pwritev2(struct call *c)
{
	return c->arg[3] == -1 ? transfer(c, net_writev) : file_transfer_at(c);
}
