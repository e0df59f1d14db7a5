/* Load of short connections for the echo servers. Arguments: port, connections at a time, milliseconds. Each connects, sends
 * one message of 64 bytes, checks the answer and closes, by a reset: a port that waits out its time would soon be missing.
 * Prints connections/s, and the median and 99th percentile of what one took, in us. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "bench.h"
#include "echo.h"

#define BUCKETS 1000000 /* of 1 us */

struct connection {
	int fd;
	bool has_asked;
	int64_t begin_ns;
};

static const char message[MESSAGE] = "a message of sixty-four bytes, which must come back as it was";
static struct sockaddr_in to;
static long latency[BUCKETS], served;
static bool counts;
static int epoll_fd;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void start(struct connection *c)
{
	struct linger reset = {1, 0};
	struct epoll_event event = {.events = EPOLLOUT, .data.ptr = c};

	c->begin_ns = now_ns();
	c->has_asked = false;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)) && errno != EINPROGRESS)
		fail("connect");
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, c->fd, &event))
		fail("epoll_ctl");
}

static void ask(struct connection *c)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};

	if (send(c->fd, message, MESSAGE, MSG_NOSIGNAL) != MESSAGE)
		fail("send");
	c->has_asked = true;
	epoll_ctl(epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
}

static void answered(struct connection *c)
{
	char reply[MESSAGE];
	int64_t us;

	if (recv(c->fd, reply, MESSAGE, 0) != MESSAGE || memcmp(reply, message, MESSAGE))
		fail("wrong answer");
	close(c->fd);
	us = (now_ns() - c->begin_ns) / 1000;
	if (counts) {
		latency[us < BUCKETS ? us : BUCKETS - 1]++;
		served++;
	}
	start(c);
}

static void run_until(int64_t until_ns)
{
	struct epoll_event events[512];

	while (now_ns() < until_ns) {
		int n = epoll_wait(epoll_fd, events, 512, 3000);

		if (n <= 0)
			fail("no answer");
		for (int i = 0; i < n; i++) {
			struct connection *c = events[i].data.ptr;

			if (c->has_asked)
				answered(c);
			else
				ask(c);
		}
	}
}

static long percentile(double share)
{
	long seen = 0, wanted = (long)((double)served * share);

	for (int us = 0; us < BUCKETS; us++)
		if ((seen += latency[us]) > wanted)
			return us;
	return BUCKETS;
}

int main(int argc, char **argv)
{
	struct connection *all;
	int64_t begin;
	int n;

	if (argc < 4)
		return 2;
	to = (struct sockaddr_in){.sin_family = AF_INET,
				  .sin_port = htons((uint16_t)atoi(argv[1])),
				  .sin_addr = {htonl(INADDR_LOOPBACK)}};
	n = atoi(argv[2]);
	all = calloc((size_t)n, sizeof(*all));
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < n; i++)
		start(&all[i]);
	run_until(now_ns() + 200000000); /* warm */
	counts = true;
	begin = now_ns();
	run_until(begin + atol(argv[3]) * 1000000);
	printf("%.0f %ld %ld\n", (double)served * 1e9 / (double)(now_ns() - begin), percentile(0.5), percentile(0.99));
	return 0;
}
