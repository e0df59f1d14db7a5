/* The same by hand: one thread, one level-triggered epoll loop, non-blocking sockets; read and write where ready. */
#include <errno.h>
#include <sys/epoll.h>

#include "echo.h"

#define EVENTS 512

static int epoll_fd;

static void watch(int fd)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event))
		abort();
}

/* One outstanding message for each connection always fits the socket's buffer. */
static void serve(int fd)
{
	char buffer[4096];
	ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0 || send(fd, buffer, (size_t)n, MSG_NOSIGNAL) != n)
		close(fd);
}

static void welcome(int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	echo_no_delay(fd);
	watch(fd);
}

int main(void)
{
	struct epoll_event events[EVENTS];
	int listener = echo_listen();

	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	watch(listener);
	watch(0);
	for (;;) {
		int n = epoll_wait(epoll_fd, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (!events[i].data.fd)
				return 0;
			if (events[i].data.fd == listener)
				welcome(listener);
			else
				serve(events[i].data.fd);
		}
	}
}
