/* greenlet_io.c - descriptors, and what cannot be polled. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "fdwait.h"
#include "greenlet_hub.h"

static int ready_now(int fd, short events)
{
	struct pollfd p = {.fd = fd, .events = events};
	int n = poll(&p, 1, 0);

	if (n < 0)
		return -errno;
	return p.revents & POLLNVAL ? -EBADF : p.revents;
}

static int wait_fd(int fd, short events, const char *why, uint64_t deadline_ns)
{
	struct thread_state *t = thread_state();
	struct fd_waiter w = {.fd = fd, .events = events, .exclusive = true};
	int ret;

	if (t->current->is_hub)
		return -EDEADLK;
	if (!hub_of(t))
		return -ENOMEM;
	w.fiber = &t->current->fiber;
	ret = fdwait_add(&w);
	if (ret)
		return ret;
	ret = greenlet_block(why, deadline_ns);
	fdwait_remove(&w);
	return ret;
}

int greenlet_wait_fd(int fd, short events, uint64_t timeout_ns)
{
	int ret = ready_now(fd, events);

	if (ret)
		return ret;
	return timeout_ns ? wait_fd(fd, events, "a descriptor", deadline_of(timeout_ns)) : -ETIMEDOUT;
}

/* Sockets are tried first; what is no socket is asked first, for a read of it might block the OS thread. */
static ssize_t try_read(int fd, void *data, size_t size)
{
	ssize_t n = recv(fd, data, size, MSG_DONTWAIT);
	int ready;

	if (n >= 0 || errno != ENOTSOCK)
		return n < 0 ? -errno : n;
	ready = ready_now(fd, POLLIN);
	if (ready <= 0)
		return ready ? ready : -EAGAIN;
	n = read(fd, data, size);
	return n < 0 ? -errno : n;
}

/* A pipe that is writable takes PIPE_BUF bytes without blocking (pipe(7)). */
static ssize_t try_write(int fd, const void *data, size_t size)
{
	ssize_t n = send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	int ready;

	if (n >= 0 || errno != ENOTSOCK)
		return n < 0 ? -errno : n;
	ready = ready_now(fd, POLLOUT);
	if (ready <= 0)
		return ready ? ready : -EAGAIN;
	n = write(fd, data, size < 4096 ? size : 4096);
	return n < 0 ? -errno : n;
}

ssize_t greenlet_read(int fd, void *data, size_t size)
{
	for (;;) {
		ssize_t n = try_read(fd, data, size);
		int ret = n == -EAGAIN ? wait_fd(fd, POLLIN, "read", DEADLINE_NEVER) : 0;

		if (n != -EAGAIN && n != -EINTR)
			return n;
		if (ret < 0)
			return ret;
	}
}

ssize_t greenlet_write(int fd, const void *data, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = try_write(fd, (const char *)data + done, size - done);
		int ret = n == -EAGAIN ? wait_fd(fd, POLLOUT, "write", DEADLINE_NEVER) : 0;

		if (n < 0 && n != -EAGAIN && n != -EINTR)
			return n;
		if (ret < 0)
			return ret;
		done += n > 0 ? (size_t)n : 0;
	}
	return (ssize_t)done;
}

int greenlet_accept(int fd, struct sockaddr *addr, socklen_t *size)
{
	for (;;) {
		int ret = accept4(fd, addr, size, SOCK_CLOEXEC);

		if (ret >= 0)
			return ret;
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			return -errno;
		ret = errno == EAGAIN ? wait_fd(fd, POLLIN, "accept", DEADLINE_NEVER) : 0;
		if (ret < 0)
			return ret;
	}
}

static int finish_connect(int fd)
{
	socklen_t size = sizeof(int);
	int err = 0, ret = wait_fd(fd, POLLOUT, "connect", DEADLINE_NEVER);

	if (ret < 0)
		return ret;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size) ? -errno : -err;
}

/* The descriptor is non-blocking only while the connection is begun. */
int greenlet_connect(int fd, const struct sockaddr *addr, socklen_t size)
{
	int flags = fcntl(fd, F_GETFL), ret;

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK))
		return -errno;
	ret = connect(fd, addr, size) ? -errno : 0;
	fcntl(fd, F_SETFL, flags);
	return ret == -EINPROGRESS ? finish_connect(fd) : ret;
}

int greenlet_close(int fd)
{
	struct thread_state *t = thread_state();

	if (t->hub)
		fdwait_forget(&t->hub->hub, fd, -EBADF);
	return close(fd) ? -errno : 0;
}
