/* Sockets from their making to their connection: socket, socketpair, accept, connect, setsockopt. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "../core/fdwait.h"
#include "bounded.h"
#include "channel.h"
#include "io.h"
#include "net.h"
#include "offload.h"
#include "stats.h"
#include "sys.h"
#include "thread.h"
#include "user.h"

#define TYPE_MASK 0xf /* without SOCK_NONBLOCK and SOCK_CLOEXEC */

long sys_socket(struct call *c)
{
	long ret = call_native(c);

	if (ret >= 0)
		fd_made((int)ret, FD_SOCKET, (int)c->arg[1] & TYPE_MASK, (int)c->arg[1]);
	return ret;
}

long sys_socketpair(struct call *c)
{
	long ret = call_native(c);
	int pair[2];

	if (ret || user_get(&pair, (void *)c->arg[3]))
		return ret;
	for (int i = 0; i < 2; i++)
		fd_made(pair[i], FD_SOCKET, (int)c->arg[1] & TYPE_MASK, (int)c->arg[1]);
	channel_made(pair[0], pair[1]);
	channel_made(pair[1], pair[0]);
	return ret;
}

enum listener { LISTENER_UNKNOWN, LISTENER_ALONE, LISTENER_SHARED };

/* Decimal at the end of a path. */
static char *append_number(char *p, long n)
{
	char digits[20];
	int len = 0;

	do
		digits[len++] = (char)('0' + n % 10);
	while (n /= 10);
	while (len)
		*p++ = digits[--len];
	return p;
}

static char *append(char *p, const char *text)
{
	while (*text)
		*p++ = *text++;
	return p;
}

/* What a process's descriptor refers to, as /proc shows it; its length, or -errno. */
static long describe(long pid, int fd, char *out, long size)
{
	char path[64], *p = append_number(append(path, "/proc/"), pid);

	p = append_number(append(p, "/fd/"), fd);
	*p = '\0';
	stats.kernel_calls++;
	return sys_call(SYS_readlinkat, AT_FDCWD, path, out, size);
}

/* Servers that fork share a listener under one number with their parent, and so with each other. */
static bool parent_has_it_too(int fd)
{
	char mine[64], parents[64];
	long n = describe(sys_call(SYS_getpid), fd, mine, sizeof(mine));
	long m = describe(sys_call(SYS_getppid), fd, parents, sizeof(parents));

	if (m == -ENOENT)
		return false;
	if (n < 0 || m < 0)
		return true; /* unknown */
	if (n != m)
		return false;
	while (n--)
		if (mine[n] != parents[n])
			return false;
	return true;
}

/* Could another process take the connection between poll's answer and accept? */
static bool listener_is_shared(int fd)
{
	struct fd *f = fd_get(fd);

	if (!f || f->kind != FD_SOCKET)
		return true;
	if (fd_is_private(fd))
		return false;
	if (f->listener == LISTENER_UNKNOWN)
		f->listener = fd_was_shared(fd) || parent_has_it_too(fd) ? LISTENER_SHARED : LISTENER_ALONE;
	return f->listener == LISTENER_SHARED;
}

/* With the hub's lock since poll's answer, if that was asked: nobody here takes the connection before. */
static long accept_now(const struct io *io)
{
	const struct call *c = io->call;

	stats.kernel_calls++;
	return sys_call(SYS_accept4, io->fd, c->arg[1], c->arg[2], c->nr == SYS_accept4 ? c->arg[3] : 0);
}

/* What does not listen is refused at once. */
static bool listens(int fd)
{
	socklen_t size = sizeof(int);
	int yes = 1;

	stats.kernel_calls++;
	return sys_failed(sys_call(SYS_getsockopt, fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &size)) || yes;
}

static long accept_attempt(struct io *io)
{
	long arg[6] = {io->fd, io->call->arg[1], io->call->arg[2], io->call->nr == SYS_accept4 ? io->call->arg[3] : 0};

	if (!io_ready(io->fd, POLLIN))
		return listens(io->fd) ? -EAGAIN : accept_now(io);
	if (listener_is_shared(io->fd) && !fd_nonblocking(io->fd))
		return bounded_call(SYS_accept4, arg);
	return accept_now(io);
}

static long accept_any(struct call *c, int flags)
{
	struct io io = IO(c, POLLIN);
	struct fd *f = fd_get(io.fd);
	int type;
	long ret;

	if (!f || f->kind != FD_SOCKET || flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC))
		return CALL_PASS;
	type = fd_socket_type(io.fd);
	if (type != SOCK_STREAM && type != SOCK_SEQPACKET)
		return CALL_PASS;
	ret = io_retry(&io, accept_attempt);
	if (ret >= 0)
		fd_made((int)ret, FD_SOCKET, type, flags);
	return ret;
}

long sys_accept(struct call *c)
{
	return accept_any(c, 0);
}

long sys_accept4(struct call *c)
{
	return accept_any(c, (int)c->arg[3]);
}

/* The kernel starts the connection and returns, as if the descriptor were non-blocking. Where no other process can see
 * it, for the length of this one call it is; else the call is cut short, and the connection goes on by itself. */
static long connect_start(const struct io *io, long flags)
{
	const long *a = io->call->arg;
	long ret;

	if (!fd_is_private(io->fd) && !(flags & O_NONBLOCK)) {
		long arg[6] = {io->fd, a[1], a[2]};

		ret = bounded_call(SYS_connect, arg);
		return ret == -EAGAIN ? -EINPROGRESS : ret;
	}
	stats.kernel_calls += 3;
	sys_call(SYS_fcntl, io->fd, F_SETFL, flags | O_NONBLOCK);
	ret = sys_call(SYS_connect, io->fd, a[1], a[2]);
	sys_call(SYS_fcntl, io->fd, F_SETFL, flags);
	return ret;
}

struct connecting {
	struct io io; /* first */
	long pending; /* what the caller sees if the time is up (SO_SNDTIMEO) */
};

/* The first attempt starts the connection, or waits for one that an earlier call began (EALREADY); the next asks how
 * it ended. */
static long connect_attempt(struct io *io)
{
	struct connecting *connecting = (struct connecting *)io;
	long flags = sys_call(SYS_fcntl, io->fd, F_GETFL), ret;

	if (flags < 0)
		return flags;
	ret = connect_start(io, flags);
	if (ret == -EISCONN && io->vain)
		return 0;
	if (ret != -EINPROGRESS && ret != -EALREADY)
		return ret;
	if (!connecting->pending)
		connecting->pending = ret;
	return -EAGAIN;
}

static bool is_local(const struct call *c)
{
	int domain = 0;
	socklen_t size = sizeof(domain);

	return !sys_call(SYS_getsockopt, (int)c->arg[0], SOL_SOCKET, SO_DOMAIN, &domain, &size) && domain == AF_UNIX;
}

/* A local connection is made at once, or waits for a place in the listener's queue, which nothing reports. */
static long connect_local(struct call *c)
{
	struct io io = IO(c, POLLOUT);
	long flags = sys_call(SYS_fcntl, io.fd, F_GETFL), ret;

	if (flags < 0)
		return flags;
	ret = connect_start(&io, flags);
	/* An interrupted one has left nothing behind. */
	return ret == -EAGAIN || ret == -EINPROGRESS ? offload_restartable(offload_call(c)) : ret;
}

long sys_connect(struct call *c)
{
	struct connecting connecting = {.io = IO(c, POLLOUT)};
	int type = fd_socket_type(connecting.io.fd);
	long ret;

	if ((type != SOCK_STREAM && type != SOCK_SEQPACKET) || fd_nonblocking(connecting.io.fd))
		return CALL_PASS;
	if (is_local(c))
		return connect_local(c);
	ret = io_retry(&connecting.io, connect_attempt);
	return ret == -EAGAIN ? connecting.pending : ret;
}

long sys_setsockopt(struct call *c)
{
	long ret = call_native(c);
	struct fd *f = ret || (int)c->arg[1] != SOL_SOCKET ? NULL : fd_get((int)c->arg[0]);
	struct linger linger;
	int bytes;

	if (!f)
		return ret;
	switch ((int)c->arg[2]) {
	case SO_RCVTIMEO_OLD:
	case SO_RCVTIMEO_NEW:
	case SO_SNDTIMEO_OLD:
	case SO_SNDTIMEO_NEW:
		fd_changed((int)c->arg[0]);
		break;
	case SO_RCVLOWAT:
		f->low_water = !user_get(&bytes, (void *)c->arg[3]) && bytes > 1;
		break;
	case SO_LINGER:
		f->lingers = !user_get(&linger, (void *)c->arg[3]) && linger.l_onoff && linger.l_linger;
		break;
	}
	return ret;
}
