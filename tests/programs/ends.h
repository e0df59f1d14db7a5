/* ends.h - descriptors on which nothing can be done yet: nothing to read, or no room to write. */
#ifndef ENDS_H
#define ENDS_H

#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

static int empty_pipe[2], full_pipe[2];
static int pair[2], full_pair[2];
static int listener; /* nobody comes */
static int epoll_fd; /* of the empty pipe */

static void fill(int fd)
{
	static char much[4096];
	int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	while (write(fd, much, sizeof(much)) > 0)
		;
	while (write(fd, much, 1) > 0)
		;
	fcntl(fd, F_SETFL, flags);
}

static void make_ends(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct epoll_event event = {.events = EPOLLIN};

	if (pipe(empty_pipe) || pipe(full_pipe) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, full_pair))
		abort();
	fill(full_pipe[1]);
	fill(full_pair[0]);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&any, sizeof(any)) || listen(listener, 5))
		abort();
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, empty_pipe[0], &event);
}

#endif
