/* Bytes through sockets: read, write, recvfrom, sendto, and the vectors. One attempt with MSG_DONTWAIT, which leaves no
 * trace on the descriptor, then a wait. send(2), recv(2). */
#include <errno.h>
#include <limits.h>
#include <linux/sock_diag.h>
#include <linux/sockios.h>
#include <sys/syscall.h>

#include "channel.h"
#include "io.h"
#include "net.h"
#include "offload.h"
#include "stats.h"
#include "sys.h"
#include "user.h"

long net_recv(const struct io *io, void *buf, size_t len, long flags, long address, long size)
{
	return io_call(SYS_recvfrom, io->fd, buf, len, flags | MSG_DONTWAIT, address, size);
}

/* After the first bytes a broken connection is no longer this call's to report. */
long net_send(const struct io *io, const void *buf, size_t len, long flags, long address, long size)
{
	if (io->done)
		flags |= MSG_NOSIGNAL;
	return io_call(SYS_sendto, io->fd, buf, len, flags | MSG_DONTWAIT, address, size);
}

long net_part(struct io *io, long ret, size_t total)
{
	if (ret < 0)
		return ret;
	io->done += (size_t)ret;
	return io->done >= total || !ret ? (long)io->done : -EAGAIN;
}

/* The mark of what is out of band ends the call before it (sockatmark(3)). */
long net_received(struct io *io, long ret, size_t total)
{
	int at_mark = 0;

	ret = net_part(io, ret, total);
	if (ret != -EAGAIN || !io->done)
		return ret;
	stats.kernel_calls++;
	sys_call(SYS_ioctl, io->fd, SIOCATMARK, &at_mark);
	return at_mark ? (long)io->done : ret;
}

static bool is_stream(int fd)
{
	return fd_socket_type(fd) == SOCK_STREAM;
}

void net_note_drained(const struct io *io, long ret, size_t len)
{
	struct fd *f;

	if (io->fd != (int)io->call->arg[0])
		return;
	f = fd_get(io->fd);
	if (f)
		f->drained = ret > 0 && (size_t)ret < len && is_stream(io->fd);
}

/* What no sequence of attempts can do as the kernel does it. */
static bool needs_helper(const struct io *io, long flags)
{
	const struct fd *f = fd_get(io->fd);
	bool all_but_stay = (flags & (MSG_WAITALL | MSG_PEEK)) == (MSG_WAITALL | MSG_PEEK);
	bool other_queue =
		flags & (MSG_OOB | MSG_ERRQUEUE); /* TCP never waits for these, unix(7) knows no such queue */

	return f && (f->low_water || all_but_stay || other_queue) && !(flags & MSG_DONTWAIT) && !fd_nonblocking(io->fd);
}

/* And the call may wait for more. */
static bool has_nothing(int fd)
{
	const struct fd *f = fd_get(fd);

	if (!f || f->kind != FD_SOCKET)
		return false;
	return fd_is_drained(fd) || (channel_is_empty(fd) && !fd_nonblocking(fd));
}

static bool vectors_are_valid(const struct iovec *iov, size_t n)
{
	struct iovec one;

	for (size_t i = 0; i < n && n <= IOV_MAX; i++)
		if (user_get(&one, &iov[i]) || (ssize_t)one.iov_len < 0 ||
		    !user_has((char *)one.iov_base + one.iov_len))
			return false;
	return n <= IOV_MAX;
}

/* Some arguments are refused, or answered, before the kernel waits. */
static bool would_wait(const struct call *c)
{
	const long *a = c->arg;
	struct msghdr msg;

	switch (c->nr) {
	case SYS_read:
	case SYS_recvfrom:
		return a[2] > 0 && user_has((void *)a[1]) && user_has((char *)a[1] + a[2]);
	case SYS_readv:
	case SYS_preadv2:
		return vectors_are_valid((const struct iovec *)a[1], (size_t)a[2]);
	case SYS_recvmsg:
		return !user_get(&msg, (void *)a[1]) && (int)msg.msg_namelen >= 0 &&
		       vectors_are_valid(msg.msg_iov, msg.msg_iovlen);
	default:
		return false;
	}
}

/* SWITCHES. */
long net_receive(struct call *c, struct io *io, long flags, io_attempt *attempt)
{
	if (needs_helper(io, flags))
		return offload_restartable(offload_call(c));
	io->dont_wait = flags & MSG_DONTWAIT;
	io->must_wait = !io->dont_wait && !(flags & MSG_WAITALL) && has_nothing(io->fd) && would_wait(c);
	return io_retry(io, attempt);
}

static long read_attempt(struct io *io)
{
	size_t len = (size_t)io->call->arg[2];
	long ret = net_recv(io, (void *)io->call->arg[1], len, 0, 0, 0);

	net_note_drained(io, ret, len);
	return ret;
}

/* Answered, or refused, without a look at the socket; a message would be sent, or waited for. */
static bool has_no_bytes(const struct call *c)
{
	size_t n = (size_t)c->arg[2];

	return n > IOV_MAX || !io_total((const struct iovec *)c->arg[1], n);
}

long net_read(struct call *c)
{
	struct io io = IO(c, POLLIN);

	if (c->arg[2] <= 0)
		return CALL_PASS; /* the same */
	return net_receive(c, &io, 0, read_attempt);
}

/* MSG_WAITALL: what came with descriptors, which are lost here, ends the call (unix(7)). */
static long receive_all(struct io *io)
{
	const long *a = io->call->arg;
	struct iovec rest = {(char *)a[1] + io->done, (size_t)a[2] - io->done};
	struct msghdr msg = {.msg_iov = &rest, .msg_iovlen = 1};
	long ret;

	ret = io_call(SYS_recvmsg, io->fd, &msg, a[3] | MSG_DONTWAIT);
	if (ret > 0 && msg.msg_flags & MSG_CTRUNC)
		return (long)io->done + ret;
	return net_received(io, ret, (size_t)a[2]);
}

static long recvfrom_attempt(struct io *io)
{
	const long *a = io->call->arg;
	size_t len = (size_t)a[2];
	long ret;

	if (a[3] & MSG_WAITALL && !(a[3] & MSG_PEEK) && !a[4] && is_stream(io->fd))
		return receive_all(io);
	ret = net_recv(io, (char *)a[1] + io->done, len - io->done, a[3], a[4], a[5]);
	if (!(a[3] & MSG_PEEK))
		net_note_drained(io, ret, len - io->done);
	if (a[3] & MSG_WAITALL && ret > 0 && is_stream(io->fd))
		return net_received(io, ret, len);
	return ret < 0 || !io->done ? ret : (long)io->done + ret;
}

long sys_recvfrom(struct call *c)
{
	struct io io = IO(c, POLLIN);

	return net_receive(c, &io, c->arg[3], recvfrom_attempt);
}

static long write_attempt(struct io *io)
{
	const long *a = io->call->arg;
	size_t len = (size_t)a[2];

	return net_part(io, net_send(io, (const char *)a[1] + io->done, len - io->done, 0, 0, 0), len);
}

long net_write(struct call *c)
{
	struct io io = IO(c, POLLOUT);

	if (c->arg[2] < 0)
		return CALL_PASS;
	return io_retry(&io, write_attempt);
}

static long sendto_attempt(struct io *io)
{
	const long *a = io->call->arg;
	size_t len = (size_t)a[2];

	return net_part(io, net_send(io, (const char *)a[1] + io->done, len - io->done, a[3], a[4], a[5]), len);
}

long sys_sendto(struct call *c)
{
	struct io io = IO(c, POLLOUT);

	io.dont_wait = c->arg[3] & MSG_DONTWAIT;
	if (c->arg[3] & MSG_FASTOPEN && !io.dont_wait)
		return offload_restartable(offload_call(c));
	return io_retry(&io, sendto_attempt);
}

/* preadv2's and pwritev2's RWF_NOWAIT. */
static bool asks_no_wait(const struct call *c)
{
	return (c->nr == SYS_preadv2 || c->nr == SYS_pwritev2) && c->arg[5] & RWF_NOWAIT;
}

static long readv_attempt(struct io *io)
{
	struct msghdr msg = {.msg_iov = (struct iovec *)io->call->arg[1], .msg_iovlen = (size_t)io->call->arg[2]};
	long ret;

	ret = io_call(SYS_recvmsg, io->fd, &msg, MSG_DONTWAIT);
	if (ret > 0)
		net_note_drained(io, ret, io_total(msg.msg_iov, msg.msg_iovlen));
	return ret;
}

long net_readv(struct call *c)
{
	struct io io = IO(c, POLLIN);

	if (asks_no_wait(c) || has_no_bytes(c))
		return CALL_PASS;
	return net_receive(c, &io, 0, readv_attempt);
}

static long writev_attempt(struct io *io)
{
	const struct iovec *iov = (const struct iovec *)io->call->arg[1];
	size_t n = (size_t)io->call->arg[2];
	struct msghdr msg = {.msg_iov = (struct iovec *)iov, .msg_iovlen = n};

	return net_send_vectors(io, &msg, 0);
}

long net_writev(struct call *c)
{
	struct io io = IO(c, POLLOUT);

	if (asks_no_wait(c) || has_no_bytes(c))
		return CALL_PASS;
	return io_retry(&io, writev_attempt);
}

/* A stream's send buffer: what has been queued counts against it (sock(7), SO_MEMINFO). Half, since the kernel's
 * own overhead counts too. */
long net_room(int fd)
{
	unsigned info[SK_MEMINFO_VARS] = {0};
	socklen_t size = sizeof(info);
	long ret, room;

	stats.kernel_calls++;
	ret = sys_call(SYS_getsockopt, fd, SOL_SOCKET, SO_MEMINFO, info, &size);
	if (sys_failed(ret))
		return ret;
	room = (long)info[SK_MEMINFO_SNDBUF] -
	       (long)(info[SK_MEMINFO_WMEM_QUEUED] ? info[SK_MEMINFO_WMEM_QUEUED] : info[SK_MEMINFO_WMEM_ALLOC]);
	return room > 1 ? room / 2 : 0;
}
