/* sendfile, splice, tee, vmsplice. Pipes have SPLICE_F_NONBLOCK; a socket's end of a splice knows only its own
 * O_NONBLOCK, so never more is asked for than it has room for. */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include "file.h"
#include "net.h"
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
		return ret;
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
		return -EAGAIN;
	return send_from(io, a[3]);
}

long sys_sendfile(struct call *c)
{
	struct io io = IO(c, POLLOUT);
	enum fd_kind kind = kind_of(io.fd);

	if (kind == FD_FILE)
		return sys_file(c);
	if ((kind != FD_SOCKET && kind != FD_PIPE) || c->arg[3] <= 0)
		return CALL_PASS;
	if (fd_nonblocking(io.fd))
		return options.files_pool ? send_from(&io, c->arg[3]) : CALL_PASS;
	return io_retry(&io, kind == FD_PIPE ? sendfile_pipe_attempt : sendfile_attempt);
}

/* One end of a splice or tee. */
struct end {
	int fd;
	short events;
};

static bool end_is_ready(const struct end *end)
{
	return kind_of(end->fd) >= FD_READY || io_ready(end->fd, end->events);
}

static bool end_waits(const struct end *end, long flags)
{
	bool pipe = kind_of(end->fd) == FD_PIPE;

	return !(pipe && flags & SPLICE_F_NONBLOCK) && !fd_nonblocking(end->fd);
}

/* SWITCHES. 0: try again. If the descriptor is closed meanwhile the next attempt finds that out. */
static long end_wait(const struct end *end, const char *why)
{
	uint64_t deadline_ns = fd_deadline(end->fd, end->events == POLLIN ? FD_RECEIVE : FD_SEND);
	int fd = end->fd;
	long ret = fd_wait(&fd, end->events, why, deadline_ns);

	if (fd != end->fd)
		fd_release(fd);
	if (ret == -ETIMEDOUT)
		return -EAGAIN;
	if (ret == -EINTR)
		return -ERESTARTSYS;
	return ret < 0 ? ret : 0;
}

static int mode_of(int fd)
{
	return (int)sys_call(SYS_fcntl, fd, F_GETFL) & O_ACCMODE;
}

/* What the kernel refuses before it waits: the wrong ends of pipes, and eventfd and its like, which cannot be spliced. */
static bool is_possible(const struct end *in, const struct end *out)
{
	return kind_of(in->fd) != FD_ANON && mode_of(in->fd) != O_WRONLY && mode_of(out->fd) != O_RDONLY;
}

static long splice_now(const struct call *c, const struct end *in, const struct end *out)
{
	const long *a = c->arg;
	long len = a[4], arg[6] = {a[0], a[1], a[2], a[3], len, a[5] | SPLICE_F_NONBLOCK};
	struct file_range from = {in->fd, (const off_t *)a[1], (size_t)len};

	/* Of a pipe the kernel says it itself, once it has found nothing wrong. */
	if (kind_of(in->fd) != FD_PIPE && !end_is_ready(in))
		return is_possible(in, out) ? -EAGAIN : call_native(c);
	if (kind_of(out->fd) == FD_SOCKET && !fd_nonblocking(out->fd)) {
		len = room_for(out->fd, len);
		if (len < 0)
			return len;
		arg[4] = len;
		from.len = (size_t)len;
	}
	return file_move(SYS_splice, arg, &from, out->fd);
}

static long tee_now(const struct call *c)
{
	const long *a = c->arg;

	stats.kernel_calls++;
	return sys_call(SYS_tee, a[0], a[1], a[2], a[3] | SPLICE_F_NONBLOCK);
}

static long between(struct call *c, const struct end *in, const struct end *out, long flags)
{
	long ret;

	for (;;) {
		const struct end *missing;

		ret = c->nr == SYS_tee ? tee_now(c) : splice_now(c, in, out);
		if (ret != -EAGAIN)
			break;
		missing = end_is_ready(in) ? out : in;
		if (!end_waits(missing, flags))
			break;
		ret = end_wait(missing, call_name(c->nr));
		if (ret)
			break;
	}
	thread_did_not_block();
	return ret;
}

static bool has_positions(int fd)
{
	enum fd_kind kind = kind_of(fd);

	return kind != FD_PIPE && kind != FD_SOCKET;
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

	if (kind_of(io.fd) != FD_PIPE || c->arg[3] & SPLICE_F_NONBLOCK)
		return CALL_PASS;
	if ((sys_call(SYS_fcntl, io.fd, F_GETFL) & O_ACCMODE) == O_RDONLY)
		io.events = POLLIN;
	return io_retry(&io, vmsplice_attempt);
}
