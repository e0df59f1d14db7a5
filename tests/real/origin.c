/* origin.c - the small server behind proxies and under threaded clients.
 *
 *   origin http DIRECTORY     GET of the directory's files, keep-alive
 *   origin echo               sends back what it receives
 *
 * Listens on a free port of 127.0.0.1, prints it, and serves with one epoll
 * loop until killed. It is never itself under greenshim in these tests.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

struct conn {
	int fd;
	int file;
	off_t offset, size;
	bool closes;
	size_t in_size, out_size, out_sent;
	char in[8192], out[8192];
};

static int epoll, echo, directory;

static void conn_close(struct conn *c)
{
	if (c->file >= 0)
		close(c->file);
	close(c->fd);
	free(c);
}

static void answer(struct conn *c, const char *status, off_t size)
{
	c->out_size = (size_t)snprintf(
		c->out, sizeof(c->out),
		"HTTP/1.1 %s\r\nContent-Type: application/octet-stream\r\nContent-Length: %lld\r\n%s\r\n", status,
		(long long)size, c->closes ? "Connection: close\r\n" : "");
	c->out_sent = 0;
	c->offset = 0;
	c->size = size;
}

static void request(struct conn *c)
{
	char path[1024], version[16];
	struct stat status;

	c->in[c->in_size < sizeof(c->in) ? c->in_size : sizeof(c->in) - 1] = '\0';
	if (sscanf(c->in, "%*s /%1023s HTTP/%15s", path, version) != 2)
		strcpy(path, "/"), strcpy(version, "1.0");
	c->closes = !strncmp(version, "1.0", 3) ? !strcasestr(c->in, "\nConnection: keep-alive")
						: !!strcasestr(c->in, "\nConnection: close");
	c->file = openat(directory, path, O_RDONLY | O_CLOEXEC);
	if (c->file < 0 || fstat(c->file, &status) || !S_ISREG(status.st_mode))
		answer(c, "404 Not Found", 0);
	else
		answer(c, "200 OK", status.st_size);
	c->in_size = 0;
}

/* 1: all is sent, 0: would block, -1: broken. */
static int send_out(struct conn *c)
{
	while (c->out_sent < c->out_size) {
		long n = send(c->fd, c->out + c->out_sent, c->out_size - c->out_sent, MSG_NOSIGNAL);

		if (n < 0)
			return errno == EAGAIN ? 0 : -1;
		c->out_sent += (size_t)n;
	}
	while (c->file >= 0 && c->offset < c->size) {
		if (sendfile(c->fd, c->file, &c->offset, (size_t)(c->size - c->offset)) < 0)
			return errno == EAGAIN ? 0 : -1;
	}
	if (c->file >= 0)
		close(c->file);
	c->file = -1;
	c->out_size = c->out_sent = 0;
	return c->closes ? -1 : 1;
}

/* 1: something was taken, 0: would block, -1: the end. */
static int receive(struct conn *c)
{
	long n = recv(c->fd, c->in + c->in_size, sizeof(c->in) - 1 - c->in_size, 0);

	if (n < 0)
		return errno == EAGAIN ? 0 : -1;
	if (n == 0)
		return -1;
	if (echo) {
		memcpy(c->out, c->in, (size_t)n);
		c->out_size = (size_t)n;
		return 1;
	}
	c->in_size += (size_t)n;
	if (memmem(c->in, c->in_size, "\r\n\r\n", 4))
		request(c);
	else if (c->in_size == sizeof(c->in) - 1)
		return -1;
	return 1;
}

static void conn_event(struct conn *c)
{
	for (;;) {
		int step = send_out(c);

		if (step > 0)
			step = receive(c);
		if (step < 0)
			conn_close(c);
		if (step <= 0)
			return;
	}
}

static void accept_all(int listener)
{
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), one = 1;
		struct conn *c;
		struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET};

		if (fd < 0)
			return;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		c = calloc(1, sizeof(*c));
		c->fd = fd;
		c->file = -1;
		event.data.ptr = c;
		epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
	}
}

static int listen_anywhere(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);

	if (bind(fd, (void *)&address, size) || listen(fd, 4096) || getsockname(fd, (void *)&address, &size)) {
		perror("origin");
		exit(1);
	}
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
	return fd;
}

int main(int argc, char **argv)
{
	struct epoll_event events[256], event = {.events = EPOLLIN};
	struct rlimit files;
	int listener;

	echo = argc == 2 && !strcmp(argv[1], "echo");
	if (!echo && (argc != 3 || strcmp(argv[1], "http") || (directory = open(argv[2], O_PATH | O_CLOEXEC)) < 0)) {
		fputs("usage: origin http DIRECTORY | echo\n", stderr);
		return 2;
	}
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	signal(SIGPIPE, SIG_IGN); /* sendfile has no MSG_NOSIGNAL */
	epoll = epoll_create1(EPOLL_CLOEXEC);
	listener = listen_anywhere();
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
	for (;;) {
		int n = epoll_wait(epoll, events, 256, -1);

		for (int i = 0; i < n; i++) {
			if (events[i].data.ptr)
				conn_event(events[i].data.ptr);
			else
				accept_all(listener);
		}
	}
}
