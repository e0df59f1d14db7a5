/* Load for the echo servers. Arguments: port, connections, milliseconds. Each connection has one message of 64 bytes
 * outstanding; every byte that comes back is checked. Prints requests/s, and the median and 99th percentile of the
 * latency in us. */
#include <string.h>
#include <sys/epoll.h>

#include "bench.h"
#include "echo.h"

#define BUCKETS 1000000 /* of 1 us */

struct connection {
	int fd;
	uint32_t number, got;
	int64_t sent_ns;
	char message[MESSAGE];
};

static struct connection *all;
static long latency[BUCKETS];
static long requests;
static int epoll_fd;
static int64_t end_ns, begin_ns;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void ask(struct connection *c)
{
	c->number++;
	c->got = 0;
	for (uint32_t i = 0; i < MESSAGE; i += 4)
		memcpy(c->message + i, &(uint32_t){c->number * 2654435761u + (uint32_t)c->fd + i}, 4);
	c->sent_ns = now_ns();
	if (send(c->fd, c->message, MESSAGE, MSG_NOSIGNAL) != MESSAGE)
		fail("send");
}

static void answered(struct connection *c)
{
	char reply[MESSAGE];
	ssize_t n = recv(c->fd, reply, MESSAGE - c->got, 0);
	int64_t us;

	if (n <= 0 || memcmp(reply, c->message + c->got, (size_t)n))
		fail("wrong answer");
	c->got += (uint32_t)n;
	if (c->got < MESSAGE)
		return;
	us = (now_ns() - c->sent_ns) / 1000;
	if (begin_ns) {
		latency[us < BUCKETS ? us : BUCKETS - 1]++;
		requests++;
	}
	ask(c);
}

static void connect_all(int port, int n)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};

	all = calloc((size_t)n, sizeof(*all));
	for (int i = 0; i < n; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};

		all[i].fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(all[i].fd, (struct sockaddr *)&to, sizeof(to)))
			fail("connect");
		echo_no_delay(all[i].fd);
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, all[i].fd, &event);
	}
}

static void run_until(int64_t until_ns)
{
	struct epoll_event events[512];

	while (now_ns() < until_ns) {
		int n = epoll_wait(epoll_fd, events, 512, 1000);

		if (n <= 0)
			fail("no answer");
		for (int i = 0; i < n; i++)
			answered(events[i].data.ptr);
	}
}

static long percentile(double share)
{
	long seen = 0, wanted = (long)((double)requests * share);

	for (int us = 0; us < BUCKETS; us++)
		if ((seen += latency[us]) > wanted)
			return us;
	return BUCKETS;
}

int main(int argc, char **argv)
{
	int n;

	if (argc < 4)
		return 2;
	n = atoi(argv[2]);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	connect_all(atoi(argv[1]), n);
	for (int i = 0; i < n; i++)
		ask(&all[i]);
	run_until(now_ns() + 200000000); /* warm */
	begin_ns = now_ns();
	run_until(begin_ns + atol(argv[3]) * 1000000);
	end_ns = now_ns();
	printf("%.0f %ld %ld\n", (double)requests * 1e9 / (double)(end_ns - begin_ns), percentile(0.5),
	       percentile(0.99));
	return 0;
}
