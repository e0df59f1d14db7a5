/* sendmsg, recvmsg, sendmmsg, recvmmsg. Ancillary data and msg_flags are the kernel's business; messages are looked at
 * only where the kernel has read them first. */
#include <errno.h>
#include <limits.h>
#include <sys/syscall.h>

#include "net.h"
#include "offload.h"
#include "stats.h"
#include "sys.h"
#include "thread.h"
#include "timeout.h"
#include "user.h"

static bool passes_descriptors(const struct msghdr *msg)
{
	const char *p = msg->msg_control, *end = p + msg->msg_controllen;
	struct cmsghdr h;

	while (p && end - p >= (long)sizeof(h) && !user_get(&h, p)) {
		if (h.cmsg_level == SOL_SOCKET && h.cmsg_type == SCM_RIGHTS)
			return true;
		if (h.cmsg_len < sizeof(h))
			break;
		p += CMSG_ALIGN(h.cmsg_len);
	}
	return false;
}

/* Descriptors that another process holds too may change behind our back. */
static void note_descriptors(const struct msghdr *msg)
{
	if (msg->msg_control && passes_descriptors(msg))
		fd_share_all();
}

static long sendmsg_now(const struct io *io, const struct msghdr *msg, long flags)
{
	return io_call(SYS_sendmsg, io->fd, msg, flags | MSG_DONTWAIT);
}

/* Ancillary data went with the first bytes. */
static long send_rest(const struct io *io, const struct msghdr *msg, long flags)
{
	struct iovec rest[IO_VECTORS];
	struct msghdr left = {.msg_iov = rest};

	left.msg_iovlen = (size_t)io_rest(msg->msg_iov, msg->msg_iovlen, io->done, rest);
	return sendmsg_now(io, &left, flags | MSG_NOSIGNAL);
}

long net_send_vectors(struct io *io, const struct msghdr *msg, long flags)
{
	long ret = io->done ? send_rest(io, msg, flags) : sendmsg_now(io, msg, flags);

	return ret < 0 ? ret : net_part(io, ret, io_total(msg->msg_iov, msg->msg_iovlen));
}

/* The head of the message is read once. */
struct sending {
	struct io io; /* first */
	struct msghdr msg;
};

static long sendmsg_attempt(struct io *io)
{
	const struct msghdr *msg = &((struct sending *)io)->msg;
	bool first = !io->done;
	long ret = net_send_vectors(io, msg, io->call->arg[2]);

	if (first && (ret >= 0 || io->done))
		note_descriptors(msg);
	return ret;
}

long sys_sendmsg(struct call *c)
{
	struct sending sending = {.io = IO(c, POLLOUT)};

	if (user_get(&sending.msg, (void *)c->arg[1]))
		return CALL_PASS;
	sending.io.dont_wait = c->arg[2] & MSG_DONTWAIT;
	return io_retry(&sending.io, sendmsg_attempt);
}

static long recvmsg_attempt(struct io *io)
{
	long flags = io->call->arg[2], ret;
	struct msghdr msg;

	ret = io_call(SYS_recvmsg, io->fd, io->call->arg[1], flags | MSG_DONTWAIT);
	if (ret > 0 && !(flags & MSG_PEEK) && !user_get(&msg, (void *)io->call->arg[1]))
		net_note_drained(io, ret, io_total(msg.msg_iov, msg.msg_iovlen));
	return ret;
}

/* MSG_WAITALL: the control buffer is still empty as long as nothing came with the bytes; what comes with some ends the
 * call (unix(7)). */
struct receive_all {
	struct io io;	   /* first */
	struct msghdr msg; /* as it was at first */
};

static long receive_first(struct receive_all *all)
{
	struct msghdr now;
	long ret = recvmsg_attempt(&all->io);

	if (ret <= 0 || fd_socket_type(all->io.fd) != SOCK_STREAM || user_get(&now, (void *)all->io.call->arg[1]) ||
	    now.msg_controllen)
		return ret;
	return net_received(&all->io, ret, io_total(all->msg.msg_iov, all->msg.msg_iovlen));
}

static long receive_rest(struct receive_all *all)
{
	struct iovec rest[IO_VECTORS];
	struct msghdr left = {
		.msg_iov = rest, .msg_control = all->msg.msg_control, .msg_controllen = all->msg.msg_controllen};
	struct io *io = &all->io;
	struct msghdr *to = (struct msghdr *)io->call->arg[1];
	long ret;

	left.msg_iovlen = (size_t)io_rest(all->msg.msg_iov, all->msg.msg_iovlen, io->done, rest);
	ret = io_call(SYS_recvmsg, io->fd, &left, io->call->arg[2] | MSG_DONTWAIT);
	if (ret > 0 && left.msg_controllen) {
		if (user_put(&to->msg_controllen, &left.msg_controllen) || user_put(&to->msg_flags, &left.msg_flags))
			return -EFAULT;
		return (long)io->done + ret;
	}
	return net_received(io, ret, io_total(all->msg.msg_iov, all->msg.msg_iovlen));
}

static long receive_all_attempt(struct io *io)
{
	struct receive_all *all = (struct receive_all *)io;

	return io->done ? receive_rest(all) : receive_first(all);
}

long sys_recvmsg(struct call *c)
{
	struct receive_all all = {.io = IO(c, POLLIN)};
	long flags = c->arg[2];

	if (!(flags & MSG_WAITALL) || flags & (MSG_PEEK | MSG_DONTWAIT))
		return net_receive(c, &all.io, flags, recvmsg_attempt);
	if (user_get(&all.msg, (void *)c->arg[1]))
		return CALL_PASS;
	return net_receive(c, &all.io, flags, receive_all_attempt);
}

/* The kernel takes no more at once, and says how many it took. */
static unsigned message_count(const struct io *io)
{
	unsigned n = (unsigned)io->call->arg[2];

	return n < IOV_MAX ? n : IOV_MAX;
}

/* Many messages: io->done counts messages. */
static long sendmmsg_now(struct io *io)
{
	const long *a = io->call->arg;
	struct mmsghdr *vec = (struct mmsghdr *)a[1] + io->done;
	struct msghdr msg;
	long ret;

	stats.kernel_calls++;
	ret = sys_call(SYS_sendmmsg, io->fd, vec, message_count(io) - io->done, a[3] | MSG_DONTWAIT);
	for (long i = 0; i < ret && !user_get(&msg, &vec[i].msg_hdr); i++)
		note_descriptors(&msg);
	return ret;
}

static long sendmmsg_attempt(struct io *io)
{
	return net_part(io, sendmmsg_now(io), message_count(io));
}

/* A stream may take a part of the last one. */
static long sendmmsg_some_attempt(struct io *io)
{
	return net_part(io, sendmmsg_now(io), 0);
}

/* The rest of one message, through a stream that took a part of it. */
struct send_one {
	struct io io; /* first */
	struct mmsghdr message;
};

static long send_one_attempt(struct io *io)
{
	struct send_one *one = (struct send_one *)io;

	return net_send_vectors(io, &one->message.msg_hdr, io->call->arg[3]);
}

/* SWITCHES. True: the last message sent is whole, or was meant to be sent without waiting. */
static bool complete_last(const struct io *io, struct mmsghdr *at)
{
	struct send_one one = {.io = *io};
	size_t total;
	unsigned len;

	if (user_get(&one.message, at))
		return false;
	total = io_total(one.message.msg_hdr.msg_iov, one.message.msg_hdr.msg_iovlen);
	len = one.message.msg_len;
	if (len >= total || io->dont_wait || fd_nonblocking(io->fd))
		return len >= total;
	one.io.done = len;
	one.io.must_wait = true;
	len = (unsigned)io_retry(&one.io, send_one_attempt);
	return !user_put(&at->msg_len, &len) && len >= total;
}

long sys_sendmmsg(struct call *c)
{
	struct io io = IO(c, POLLOUT);
	struct mmsghdr *vec = (struct mmsghdr *)c->arg[1];
	unsigned count = message_count(&io);
	long ret;

	io.dont_wait = c->arg[3] & MSG_DONTWAIT;
	if (fd_socket_type(io.fd) != SOCK_STREAM)
		return io_retry(&io, sendmmsg_attempt);
	for (;;) {
		struct io next = io;

		ret = io_retry(&next, sendmmsg_some_attempt);
		if (ret <= (long)io.done)
			return io.done ? (long)io.done : ret;
		io.done = next.done;
		if (!complete_last(&io, &vec[io.done - 1]) || io.done >= count)
			return (long)io.done;
	}
}

/* recvmmsg: the timeout is looked at after a message only (recvmmsg(2), BUGS), and a wait that has begun is not cut. */
struct receive_many {
	struct io io; /* first */
	uint64_t until_ns;
};

static long recvmmsg_attempt(struct io *io)
{
	const struct receive_many *many = (const struct receive_many *)io;
	const long *a = io->call->arg;
	long ret;

	stats.kernel_calls++;
	ret = sys_call(SYS_recvmmsg, io->fd, (struct mmsghdr *)a[1] + io->done, (unsigned)a[2] - io->done,
		       (a[3] & ~MSG_WAITFORONE) | MSG_DONTWAIT, NULL);
	ret = net_part(io, ret, (unsigned)a[2]);
	if (ret == -EAGAIN && io->done && (a[3] & MSG_WAITFORONE || now_ns() >= many->until_ns))
		return (long)io->done;
	return ret;
}

long sys_recvmmsg(struct call *c)
{
	struct receive_many many = {.io = IO(c, POLLIN)};
	void *timeout = (void *)c->arg[4];
	struct timespec left;
	long ret = timeout_from_now(timeout, &many.until_ns);

	if (ret)
		return ret;
	/* How much of which message has come is the kernel's to know. */
	if (c->arg[3] & MSG_WAITALL && !(c->arg[3] & MSG_DONTWAIT) && fd_socket_type(many.io.fd) == SOCK_STREAM)
		return offload_restartable(offload_call(c));
	ret = net_receive(c, &many.io, c->arg[3], recvmmsg_attempt);
	if (!timeout || ret <= 0)
		return ret;
	left = timeout_left(many.until_ns);
	return user_put(timeout, &left) ? -EFAULT : ret;
}
