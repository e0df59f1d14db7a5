/* echo.h - what the echo servers share. They listen on 127.0.0.1, print the port, and end with their standard input. */
#ifndef ECHO_H
#define ECHO_H

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGE 64

/* On this port, or 0: any. Several may listen on one that is shared. */
static inline int echo_listen_on(int port, int is_shared)
{
	struct sockaddr_in at = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)port),
				 .sin_addr = {htonl(INADDR_LOOPBACK)},
				 .sin_zero = ""};
	socklen_t size = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &is_shared, sizeof(is_shared)) ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 4096) ||
	    getsockname(fd, (struct sockaddr *)&at, &size))
		abort();
	if (!port) {
		printf("%d\n", ntohs(at.sin_port));
		fflush(stdout);
	}
	return fd;
}

static inline int echo_listen(void)
{
	return echo_listen_on(0, 0);
}

static inline void echo_no_delay(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

#endif
