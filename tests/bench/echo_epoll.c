/* The same by hand: one level-triggered epoll loop, non-blocking sockets; read and write where ready. Argument: so many
 * threads (1), each with a loop and, by SO_REUSEPORT, a listener of its own. */
#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>

#include "echo.h"

#define EVENTS 512

static void watch(int epoll_fd, int fd)
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

static void welcome(int epoll_fd, int listener)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	echo_no_delay(fd);
	watch(epoll_fd, fd);
}

static void *loop(void *arg)
{
	struct epoll_event events[EVENTS];
	int listener = (int)(long)arg, epoll_fd = epoll_create1(EPOLL_CLOEXEC);

	watch(epoll_fd, listener);
	watch(epoll_fd, 0);
	for (;;) {
		int n = epoll_wait(epoll_fd, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			if (!events[i].data.fd)
				exit(0);
			if (events[i].data.fd == listener)
				welcome(epoll_fd, listener);
			else
				serve(events[i].data.fd);
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct sockaddr_in at;
	socklen_t size = sizeof(at);
	int loops = argc > 1 ? atoi(argv[1]) : 1, listener = echo_listen_on(0, loops > 1);
	pthread_t t;

	getsockname(listener, (struct sockaddr *)&at, &size);
	for (int i = 1; i < loops; i++)
		pthread_create(&t, NULL, loop, (void *)(long)echo_listen_on(ntohs(at.sin_port), 1));
	loop((void *)(long)listener);
	return 0;
}
