/* io_test.h - what the programs about i/o share. Output goes to stdout only, and must not depend on timing. */
#ifndef IO_TEST_H
#define IO_TEST_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

/* Long enough for a thread to be in its blocking call. */
static inline void settle(void)
{
	struct timespec left = {0, 20000000};

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

static inline const char *name_of(int err)
{
	return err ? strerrorname_np(err) : "0";
}

/* "read: 5" or "read: -1 EBADF" */
static inline long show(const char *what, long ret)
{
	int err = errno;

	if (ret < 0)
		printf("%s: %ld %s\n", what, ret, name_of(err));
	else
		printf("%s: %ld\n", what, ret);
	errno = err;
	return ret;
}

static inline void must(const char *what, bool ok)
{
	if (ok)
		return;
	printf("%s failed: %s\n", what, name_of(errno));
	exit(1);
}

static inline pthread_t spawn(void *(*run)(void *), void *arg)
{
	pthread_t t;

	errno = pthread_create(&t, NULL, run, arg);
	must("pthread_create", !errno);
	return t;
}

/* What the thread returned. */
static inline long join(pthread_t t)
{
	void *ret;

	errno = pthread_join(t, &ret);
	must("pthread_join", !errno);
	return (long)ret;
}

static inline void *nothing(void *arg)
{
	return arg;
}

/* A thread that does nothing: where the shim is, it comes to life. */
static inline void begin(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	join(spawn(nothing, NULL));
}

/* An address where nothing is, and which the compiler does not see through. */
static void *volatile nowhere = (void *)8;

static inline uint32_t sum(const void *data, size_t n, uint32_t s)
{
	const unsigned char *p = data;

	while (n--)
		s = (s ^ *p++) * 16777619u;
	return s;
}

#define SUM_START 2166136261u

static inline void fill(void *data, size_t n)
{
	unsigned char *p = data;
	uint32_t x = 1;

	while (n--)
		*p++ = (unsigned char)((x = x * 1103515245 + 12345) >> 16);
}

/* Reads until `n` bytes are there or the end: how many. */
static inline size_t read_n(int fd, void *buf, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = read(fd, (char *)buf + got, n - got);

		if (r <= 0)
			break;
		got += (size_t)r;
	}
	return got;
}

static inline int tcp_listener(struct sockaddr_in *at, int backlog)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t size = sizeof(*at);

	*at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	must("bind", !bind(fd, (struct sockaddr *)at, size));
	must("listen", !listen(fd, backlog));
	getsockname(fd, (struct sockaddr *)at, &size);
	return fd;
}

/* Two ends of a connection over TCP. */
static inline void tcp_pair(int pair[2])
{
	struct sockaddr_in at;
	int listener = tcp_listener(&at, 1);

	pair[0] = socket(AF_INET, SOCK_STREAM, 0);
	must("connect", !connect(pair[0], (struct sockaddr *)&at, sizeof(at)));
	pair[1] = accept(listener, NULL, NULL);
	must("accept", pair[1] >= 0);
	close(listener);
}

static inline void set_timeout(int fd, int option, int ms)
{
	struct timeval tv = {ms / 1000, ms % 1000 * 1000};

	must("setsockopt", !setsockopt(fd, SOL_SOCKET, option, &tv, sizeof(tv)));
}

static inline long ms_since(const struct timespec *start)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - start->tv_sec) * 1000 + (now.tv_nsec - start->tv_nsec) / 1000000;
}

#endif
