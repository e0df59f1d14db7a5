/* sendfile, splice, tee, vmsplice. Pipes have SPLICE_F_NONBLOCK; a socket's end of a splice knows only its own
 * O_NONBLOCK, so never more is asked for than it has room for. */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bounded.h"
#include "file.h"
#include "net.h"
#include "offload.h"
#include "options.h"
#include "stats.h"
#include "sys.h"
#include "thread.h"

static enum fd_kind kind_of(int fd)
{
	const struct fd *f = fd_get(fd);

	return f ? f->kind : FD_UNKNOWN;
}

/* How much of len the socket takes now without blocking: -EAGAIN if it is not writable. */
static long room_for(int fd, long len)
{
	long room = net_room(fd);

	if (room < 0 || room >= len)
		return room < 0 ? room : len;
	if (!io_ready(fd, POLLOUT))
		return -EAGAIN;
	return room ? room : 1;
}

/* The kernel looks at what they may do before it waits for anything. */
static bool may_be_read(int fd)
{
	long flags = sys_call(SYS_fcntl, fd, F_GETFL);

	return flags >= 0 && (flags & O_ACCMODE) != O_WRONLY;
}

static bool may_be_written(int fd)
{
	long flags = sys_call(SYS_fcntl, fd, F_GETFL);

	return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

/* No room: to be waited for, unless the kernel refuses the call before that. */
static long no_room(const struct io *io)
{
	int in = (int)io->call->arg[1];
	bool has_no_positions = io->call->arg[2] && sys_call(SYS_lseek, in, 0, SEEK_CUR) == -ESPIPE;

	return may_be_read(in) && may_be_written(io->fd) && !has_no_positions ? -EAGAIN : CALL_PASS;
}

static long send_from(const struct io *io, long len)
{
	const long *a = io->call->arg;
	long arg[6] = {io->fd, a[1], a[2], len};
	struct file_range from = {(int)a[1], (const off_t *)a[2], (size_t)len};

	return file_move(SYS_sendfile, arg, &from, io->fd);
}

/* The file's position, or the one that is given, is moved on by the kernel. */
static long sendfile_attempt(struct io *io)
{
	const long *a = io->call->arg;
	long left = (a[3] < (long)RW_MAX ? a[3] : (long)RW_MAX) - (long)io->done, ret = room_for(io->fd, left);

	if (ret < 0)
		return ret == -EAGAIN ? no_room(io) : ret;
	ret = send_from(io, ret);
	if (ret <= 0)
		return ret ? ret : (long)io->done;
	io->done += (size_t)ret;
	return ret == left ? (long)io->done : -EAGAIN;
}

/* To a pipe one splice is made of what fits. */
static long sendfile_pipe_attempt(struct io *io)
{
	const long *a = io->call->arg;

	if (!io_ready(io->fd, POLLOUT))
		return no_room(io);
	return send_from(io, a[3]);
}

long sys_sendfile(struct call *c)
{
	struct io io = IO(c, POLLOUT);
	enum fd_kind kind = kind_of(io.fd);

	if (kind == FD_FILE || kind == FD_READY)
		return sys_file_whole(c);
	if ((kind != FD_SOCKET && kind != FD_PIPE) || c->arg[3] <= 0)
		return CALL_PASS;
	if (fd_nonblocking(io.fd))
		return options.files_pool ? send_from(&io, c->arg[3]) : CALL_PASS;
	return io_retry(&io, kind == FD_PIPE ? sendfile_pipe_attempt : sendfile_attempt);
}

/* One end of a splice or tee. */
struct end {
	int fd; /* another number than the call's once that was closed meanwhile */
	short events;
};

static bool end_is_ready(const struct end *end)
{
	return kind_of(end->fd) >= FD_READY || io_ready(end->fd, end->events);
}

/* Of sockets only streams of unix(7) care for the flag, and only where they are read. */
static bool heeds_flag(const struct end *end)
{
	socklen_t size = sizeof(int);
	int domain = 0;

	if (kind_of(end->fd) != FD_SOCKET || end->events != POLLIN || fd_socket_type(end->fd) != SOCK_STREAM)
		return kind_of(end->fd) == FD_PIPE;
	stats.kernel_calls++;
	sys_call(SYS_getsockopt, end->fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);
	return domain == AF_UNIX;
}

/* A pipe's O_NONBLOCK, of either, is as good as SPLICE_F_NONBLOCK (fs/splice.c, do_splice). */
static bool end_waits(const struct end *end, const struct end *other, long flags)
{
	bool asked = flags & SPLICE_F_NONBLOCK || (kind_of(other->fd) == FD_PIPE && fd_nonblocking(other->fd));

	return !fd_nonblocking(end->fd) && !(asked && heeds_flag(end));
}

/* SWITCHES. 0: try again. */
static long end_wait(struct end *end, struct end *other, const char *why)
{
	uint64_t deadline_ns = fd_deadline(end->fd, end->events == POLLIN ? FD_RECEIVE : FD_SEND);
	int fds[2] = {end->fd, other->fd};
	long ret = fd_wait_keeping(&end->fd, &other->fd, end->events, why, deadline_ns);

	if (end->fd != fds[0])
		fd_release(fds[0]); /* moved once more, or the call's own number */
	if (other->fd != fds[1])
		fd_release(fds[1]);
	if (ret == -ETIMEDOUT)
		return -EAGAIN;
	if (ret == -EINTR)
		return -ERESTARTSYS;
	return ret < 0 ? ret : 0;
}

/* A socket that is not connected, say, has nothing to wait for. */
static bool is_refused_by(int fd)
{
	char byte;

	stats.kernel_calls++;
	return kind_of(fd) == FD_SOCKET &&
	       sys_call(SYS_recvfrom, fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT, NULL, NULL) != -EAGAIN;
}

static long splice_now(const struct call *c, const struct end *in, const struct end *out)
{
	const long *a = c->arg;
	long len = a[4], arg[6] = {in->fd, a[1], out->fd, a[3], len, a[5] | SPLICE_F_NONBLOCK};
	struct file_range from = {in->fd, (const off_t *)a[1], (size_t)len};

	/* Of a pipe the kernel says it itself, once it has found nothing wrong. A pipe without a reader comes first. */
	if (kind_of(in->fd) != FD_PIPE && !end_is_ready(in) && !is_refused_by(in->fd) &&
	    !(kind_of(out->fd) == FD_PIPE && io_ready(out->fd, 0)))
		return -EAGAIN;
	if (kind_of(out->fd) == FD_SOCKET && !fd_nonblocking(out->fd)) {
		len = room_for(out->fd, len);
		if (len < 0)
			return len;
		arg[4] = len;
		from.len = (size_t)len;
	}
	return file_move(SYS_splice, arg, &from, out->fd);
}

static long tee_now(const struct call *c, const struct end *in, const struct end *out)
{
	const long *a = c->arg;

	stats.kernel_calls++;
	return sys_call(SYS_tee, in->fd, out->fd, a[2], a[3] | SPLICE_F_NONBLOCK);
}

/* Room in a pipe comes before what a socket or device has for it; between pipes it is the other way round. NULL: for
 * neither, the kernel refuses them. */
static struct end *missing_of(const struct call *c, struct end *in, struct end *out)
{
	if (!may_be_read(in->fd) || !may_be_written(out->fd))
		return NULL;
	if (c->nr == SYS_splice && kind_of(in->fd) != FD_PIPE)
		return end_is_ready(out) ? in : out;
	return end_is_ready(in) ? out : in;
}

static long try_between(struct call *c, struct end *in, struct end *out, long flags)
{
	long ret;

	for (;;) {
		struct end *missing, *other;

		ret = c->nr == SYS_tee ? tee_now(c, in, out) : splice_now(c, in, out);
		if (ret != -EAGAIN)
			return ret;
		missing = missing_of(c, in, out);
		if (!missing)
			return CALL_PASS;
		other = missing == in ? out : in;
		if (!end_waits(missing, other, flags))
			return ret;
		ret = end_wait(missing, other, call_name(c->nr));
		if (ret)
			return ret;
	}
}

static long between(struct call *c, struct end *in, struct end *out, long flags)
{
	const struct end was[2] = {*in, *out};
	long ret = try_between(c, in, out, flags);

	if (in->fd != was[0].fd)
		fd_release(in->fd);
	if (out->fd != was[1].fd)
		fd_release(out->fd);
	thread_did_not_block();
	return ret;
}

static bool has_positions(int fd)
{
	enum fd_kind kind = kind_of(fd);

	return kind != FD_PIPE && kind != FD_SOCKET;
}

/* SWITCHES. Whether a device, a timer or the like can be spliced at all only its own code knows. */
static long from_device(struct call *c)
{
	long ret = bounded_call(c->nr, c->arg);

	return ret == -EAGAIN && !fd_nonblocking((int)c->arg[0]) ? offload_restartable(offload_call(c)) : ret;
}

/* The kernel finds these wrong before it waits for anything. */
static bool is_refused(const struct call *c, int in, int out)
{
	if ((kind_of(in) != FD_PIPE && kind_of(out) != FD_PIPE) || !kind_of(in) || !kind_of(out))
		return true;
	return (c->arg[1] && !has_positions(in)) || (c->arg[3] && !has_positions(out));
}

long sys_splice(struct call *c)
{
	struct end in = {(int)c->arg[0], POLLIN}, out = {(int)c->arg[2], POLLOUT};

	if (is_refused(c, in.fd, out.fd) || c->arg[4] <= 0)
		return CALL_PASS;
	if (kind_of(in.fd) == FD_ANON || kind_of(in.fd) == FD_DEVICE)
		return from_device(c);
	return between(c, &in, &out, c->arg[5]);
}

long sys_tee(struct call *c)
{
	struct end in = {(int)c->arg[0], POLLIN}, out = {(int)c->arg[1], POLLOUT};

	if (kind_of(in.fd) != FD_PIPE || kind_of(out.fd) != FD_PIPE || c->arg[2] <= 0)
		return CALL_PASS;
	return between(c, &in, &out, c->arg[3]);
}

static long vmsplice_attempt(struct io *io)
{
	const long *a = io->call->arg;

	stats.kernel_calls++;
	return sys_call(SYS_vmsplice, io->fd, a[1], a[2], a[3] | SPLICE_F_NONBLOCK);
}

long sys_vmsplice(struct call *c)
{
	struct io io = IO(c, POLLOUT);

	io.always_waits = true;
	if (kind_of(io.fd) != FD_PIPE || c->arg[3] & SPLICE_F_NONBLOCK)
		return CALL_PASS;
	if ((sys_call(SYS_fcntl, io.fd, F_GETFL) & O_ACCMODE) == O_RDONLY)
		io.events = POLLIN;
	return io_retry(&io, vmsplice_attempt);
}
