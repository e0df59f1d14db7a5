/* Load for servers that answer one request with the same bytes each time. Arguments: port, connections, milliseconds, and
 * what is spoken: memcached or mysql. Each connection has one request outstanding; every answer is compared with the first.
 * Prints what greenshim bench understands. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

#define BUCKETS 100000 /* of 100 us */

struct connection {
	int fd;
	size_t got;
	int64_t sent_ns;
};

/* What must come first, and the request. */
struct protocol {
	const char *name;
	void (*hello)(int fd);
	size_t size;
	const char *request;
};

static char answer[4096];
static size_t answer_size;
static long latency[BUCKETS], requests;
static bool counts;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void say(int fd, const char *bytes, size_t size)
{
	if (send(fd, bytes, size, MSG_NOSIGNAL) != (ssize_t)size)
		fail("send");
}

static void hear(int fd, char *bytes, size_t size)
{
	if (recv(fd, bytes, size, MSG_WAITALL) != (ssize_t)size)
		fail("recv");
}

static void memcached(int fd)
{
	char told[8];

	say(fd, "set key 0 0 16\r\n0123456789abcdef\r\n", 34);
	hear(fd, told, 8);
	if (memcmp(told, "STORED\r\n", 8))
		fail("not stored");
}

/* A packet: three bytes of size, a number, and as much. */
static void packet(int fd, char *bytes, size_t most)
{
	unsigned char head[4];
	size_t size;

	hear(fd, (char *)head, 4);
	size = head[0] | (size_t)head[1] << 8;
	if (size > most)
		fail("packet");
	hear(fd, bytes, size);
}

/* Root without a password, by the protocol of 4.1. */
static void mysql(int fd)
{
	static const char login[] =
		"\x3c\0\0\x01\x01\x82\x08\0\0\0\0\x01\x21\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
		"root\0\0mysql_native_password";
	char told[512];

	_Static_assert(sizeof(login) == 4 + 0x3c, "the packet's size comes first");
	packet(fd, told, sizeof(told));
	say(fd, login, sizeof(login));
	packet(fd, told, sizeof(told));
	if (told[0])
		fail("login");
}

#define QUERY "\x03select n from shop.counter where id = 3"

static const struct protocol protocols[] = {
	{"memcached", memcached, 9, "get key\r\n"},
	{"mysql", mysql, sizeof(QUERY) - 1 + 4, "\x28\0\0\0" QUERY},
};

static int connect_to(int port, const struct protocol *p)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	if (connect(fd, (struct sockaddr *)&to, sizeof(to)))
		fail("connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	p->hello(fd);
	return fd;
}

/* The first answer is whole when nothing has come for a tenth of a second. */
static void learn(int fd, const struct protocol *p)
{
	struct timeval limit = {5, 0}, silence = {0, 100000};
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	say(fd, p->request, p->size);
	while ((n = recv(fd, answer + answer_size, sizeof(answer) - answer_size, 0)) > 0) {
		answer_size += (size_t)n;
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence));
	}
	if (!answer_size)
		fail("no answer");
}

static void ask(struct connection *c, const struct protocol *p)
{
	c->got = 0;
	c->sent_ns = now_ns();
	say(c->fd, p->request, p->size);
}

static void heard(struct connection *c, const struct protocol *p)
{
	char bytes[sizeof(answer)];
	ssize_t n = recv(c->fd, bytes, answer_size - c->got, 0);
	int64_t after;

	if (n <= 0 || memcmp(bytes, answer + c->got, (size_t)n)) {
		errno = EPROTO;
		fail("another answer than the first");
	}
	c->got += (size_t)n;
	if (c->got < answer_size)
		return;
	after = (now_ns() - c->sent_ns) / 100000;
	if (counts) {
		latency[after < BUCKETS ? after : BUCKETS - 1]++;
		requests++;
	}
	ask(c, p);
}

static void run_until(int epoll_fd, const struct protocol *p, int64_t until_ns)
{
	struct epoll_event events[512];

	while (now_ns() < until_ns) {
		int n = epoll_wait(epoll_fd, events, 512, 10000);

		if (n <= 0)
			fail("no answer");
		for (int i = 0; i < n; i++)
			heard(events[i].data.ptr, p);
	}
}

static double percentile_ms(double share)
{
	long seen = 0, wanted = (long)((double)requests * share);

	for (int i = 0; i < BUCKETS; i++)
		if ((seen += latency[i]) > wanted)
			return i / 10.0;
	return BUCKETS / 10.0;
}

int main(int argc, char **argv)
{
	const struct protocol *p = &protocols[argc > 4 && !strcmp(argv[4], "mysql")];
	int port = argc > 4 ? atoi(argv[1]) : 0, n = argc > 4 ? atoi(argv[2]) : 0, set = epoll_create1(EPOLL_CLOEXEC);
	struct connection *all = calloc((size_t)n + 1, sizeof(*all));
	int64_t begin;

	if (n < 1)
		return 2;
	for (int i = 0; i < n; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};

		all[i].fd = connect_to(port, p);
		if (!i)
			learn(all[i].fd, p);
		epoll_ctl(set, EPOLL_CTL_ADD, all[i].fd, &event);
	}
	for (int i = 0; i < n; i++)
		ask(&all[i], p);
	run_until(set, p, now_ns() + 200000000); /* warm */
	counts = true;
	begin = now_ns();
	run_until(set, p, begin + atol(argv[3]) * 1000000);
	printf("requests_per_second %.0f\nrequests %ld\np50_ms %.1f\np99_ms %.1f\n",
	       (double)requests * 1e9 / (double)(now_ns() - begin), requests, percentile_ms(0.5), percentile_ms(0.99));
	return 0;
}
