/* client.c - a load client that proves every byte.
 *
 *   client [-t] [-r] [-c N] [-h MS] [-T SECONDS] HOST PORT CONNECTIONS ROUNDS http PATH FILE
 *   client [...] HOST PORT CONNECTIONS ROUNDS talk SEND EXPECT [SEND EXPECT]...
 *
 * Opens all connections, holds them open together for -h milliseconds, then
 * has ROUNDS exchanges on each and closes none before all are through, unless
 * the server itself closes after each answer: then it connects anew.
 *   http  every answer must be 200 and its body the same as FILE, to the byte
 *   talk  sends SEND, must receive exactly EXPECT; both know \r \n \0 \\ \xHH,
 *         %c (the connection's number, 6 digits), %r (the round, 6 digits) and
 *         %z (8 KiB of bytes that differ for each connection and round)
 *   -t    over TLS (certificates are not verified)
 *   -r    http: a new connection for each request, whatever the server says
 *   -c N  at most N connections are being opened at a time (default 64)
 * Prints one line of totals; exits 0 only if every exchange was right.
 */
#define _GNU_SOURCE
#include "exchange.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum state { IDLE, CONNECTING, HANDSHAKE, HOLDING, TALKING, DONE, FAILED };

struct conn {
	int fd;
	enum state state;
	int number, round;
	SSL *tls;
	double started;
	struct exchange exchange;
};

static struct {
	struct sockaddr_in server;
	int connections, rounds, opening_limit, hold_ms, timeout_s;
	SSL_CTX *tls;
	struct script script;
} options = {.opening_limit = 64, .hold_ms = 500, .timeout_s = 60};

static struct {
	int epoll;
	int opening, ready, done, failed, next;
	bool holding;
	long exchanges, bytes;
	double *latencies;
} all;

static struct conn *conns;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(struct conn *c, const char *why)
{
	if (all.failed++ < 5)
		fprintf(stderr, "client: connection %d round %d: %s (%s)\n", c->number, c->round, why, strerror(errno));
	if (c->state == CONNECTING || c->state == HANDSHAKE)
		all.opening--;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->state = FAILED;
	all.ready++;
	all.done++;
}

static void conn_open(struct conn *c)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
	int one = 1;

	c->state = CONNECTING;
	all.opening++;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0) {
		fail(c, "socket");
		return;
	}
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (connect(c->fd, (void *)&options.server, sizeof(options.server)) && errno != EINPROGRESS)
		fail(c, "connect");
	else if (epoll_ctl(all.epoll, EPOLL_CTL_ADD, c->fd, &event))
		fail(c, "epoll_ctl");
}

static void conn_close(struct conn *c)
{
	if (c->tls) {
		SSL_free(c->tls);
		c->tls = NULL;
	}
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

static void talk_begin(struct conn *c)
{
	c->state = TALKING;
	c->started = now();
	exchange_begin(&c->exchange, &options.script, c->number, c->round);
}

/* An opened connection waits for all the others before its first exchange. */
static void conn_opened(struct conn *c)
{
	all.opening--;
	if (all.holding) {
		c->state = HOLDING;
		all.ready++;
	} else {
		talk_begin(c);
	}
}

/* read() and write() on either kind: -1 with EAGAIN where it would block. */
static long tls_result(SSL *tls, int result)
{
	int error = SSL_get_error(tls, result);

	if (result > 0)
		return result;
	if (error == SSL_ERROR_ZERO_RETURN)
		return 0;
	errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : EPROTO;
	return -1;
}

static long conn_read(struct conn *c, void *buffer, size_t size)
{
	if (!c->tls)
		return read(c->fd, buffer, size);
	ERR_clear_error();
	return tls_result(c->tls, SSL_read(c->tls, buffer, (int)size));
}

static long conn_write(struct conn *c, const void *buffer, size_t size)
{
	if (!c->tls)
		return send(c->fd, buffer, size, MSG_NOSIGNAL);
	ERR_clear_error();
	return tls_result(c->tls, SSL_write(c->tls, buffer, (int)size));
}

static void handshake(struct conn *c)
{
	ERR_clear_error();
	if (tls_result(c->tls, SSL_connect(c->tls)) > 0)
		conn_opened(c);
	else if (errno != EAGAIN)
		fail(c, "TLS handshake");
}

static void connected(struct conn *c)
{
	int error = 0;
	socklen_t size = sizeof(error);

	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error) {
		errno = error;
		fail(c, "connect");
		return;
	}
	if (!options.tls) {
		conn_opened(c);
		return;
	}
	c->tls = SSL_new(options.tls);
	SSL_set_fd(c->tls, c->fd);
	c->state = HANDSHAKE;
	handshake(c);
}

static void exchange_ended(struct conn *c, bool peer_closes)
{
	all.latencies[all.exchanges++] = now() - c->started;
	all.bytes += c->exchange.received;
	c->round++;
	if (c->round == options.rounds) {
		c->state = DONE;
		all.done++;
		if (peer_closes)
			conn_close(c);
		return;
	}
	if (peer_closes) {
		conn_close(c);
		conn_open(c);
	} else {
		talk_begin(c);
	}
}

static bool push(struct conn *c)
{
	struct exchange *e = &c->exchange;

	while (e->sent < e->send_size) {
		long n = conn_write(c, e->send + e->sent, e->send_size - e->sent);

		if (n > 0)
			e->sent += (size_t)n;
		else if (errno == EAGAIN)
			return true;
		else
			return false;
	}
	return true;
}

/* One read's worth; true while there may be more to read. */
static bool pull(struct conn *c)
{
	static char buffer[65536];
	struct exchange *e = &c->exchange;
	long n = conn_read(c, buffer, sizeof(buffer));
	enum verdict verdict;

	if (n < 0 && errno == EAGAIN)
		return false;
	if (n < 0) {
		fail(c, "read");
		return false;
	}
	verdict = n ? exchange_take(e, buffer, (size_t)n) : exchange_end(e);
	if (verdict == WRONG)
		fail(c, e->why);
	else if (verdict != MORE)
		exchange_ended(c, verdict == COMPLETE_CLOSE);
	return c->state == TALKING;
}

static void conn_event(struct conn *c)
{
	if (c->state == CONNECTING)
		connected(c);
	else if (c->state == HANDSHAKE)
		handshake(c);
	while (c->state == TALKING) {
		if (!push(c)) {
			fail(c, "write");
			return;
		}
		if (!pull(c))
			return;
	}
}

static void open_more(void)
{
	while (all.opening < options.opening_limit && all.next < options.connections)
		conn_open(&conns[all.next++]);
}

/* Runs the loop until the condition holds or the time is over. */
static bool run_until(bool (*condition)(void), double deadline)
{
	struct epoll_event events[256];

	while (!condition()) {
		int n;

		open_more();
		if (now() > deadline)
			return false;
		n = epoll_wait(all.epoll, events, 256, 100);
		for (int i = 0; i < n; i++) {
			struct conn *c = events[i].data.ptr;

			if (c->fd >= 0)
				conn_event(c);
		}
	}
	return true;
}

static bool all_ready(void)
{
	return all.ready == options.connections;
}

static bool all_done(void)
{
	return all.done == options.connections;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static int report(double seconds)
{
	long wanted = (long)options.connections * options.rounds, n = all.exchanges;

	qsort(all.latencies, (size_t)n, sizeof(double), ascending);
	printf("connections %d exchanges %ld of %ld failed %d bytes %ld seconds %.3f per_second %.0f "
	       "p50_us %.0f p99_us %.0f\n",
	       options.connections, n, wanted, all.failed, all.bytes, seconds, (double)n / seconds,
	       n ? all.latencies[n / 2] * 1e6 : 0, n ? all.latencies[n * 99 / 100] * 1e6 : 0);
	return n == wanted && all.failed == 0 ? 0 : 1;
}

static int run(void)
{
	double deadline = now() + options.timeout_s, begin;

	all.epoll = epoll_create1(EPOLL_CLOEXEC);
	all.holding = true;
	if (!run_until(all_ready, deadline)) {
		fprintf(stderr, "client: timeout: %d of %d connected\n", all.ready, options.connections);
		return 1;
	}
	usleep((useconds_t)options.hold_ms * 1000);
	all.holding = false;
	begin = now();
	for (int i = 0; i < options.connections; i++) {
		if (conns[i].state == HOLDING) {
			talk_begin(&conns[i]);
			conn_event(&conns[i]);
		}
	}
	if (!run_until(all_done, deadline))
		fprintf(stderr, "client: timeout: %d of %d through\n", all.done, options.connections);
	return report(now() - begin);
}

static void usage(void)
{
	fputs("usage: client [-tr] [-c N] [-h MS] [-T SECONDS] HOST PORT CONNECTIONS ROUNDS\n"
	      "              http PATH FILE | talk SEND EXPECT...\n",
	      stderr);
	exit(2);
}

static void parse(int argc, char **argv)
{
	for (int o; (o = getopt(argc, argv, "+trc:h:T:")) != -1;) {
		if (o == 't')
			options.tls = SSL_CTX_new(TLS_client_method());
		else if (o == 'r')
			options.script.one_request = true;
		else if (o == 'c')
			options.opening_limit = atoi(optarg);
		else if (o == 'h')
			options.hold_ms = atoi(optarg);
		else if (o == 'T')
			options.timeout_s = atoi(optarg);
		else
			usage();
	}
	argv += optind;
	if (argc - optind < 7)
		usage();
	options.server.sin_family = AF_INET;
	if (inet_pton(AF_INET, argv[0], &options.server.sin_addr) != 1)
		usage();
	options.server.sin_port = htons((uint16_t)atoi(argv[1]));
	options.connections = atoi(argv[2]);
	options.rounds = atoi(argv[3]);
	if (!script_parse(&options.script, argv[0], argv[1], argv + 4))
		usage();
}

int main(int argc, char **argv)
{
	struct rlimit files;

	parse(argc, argv);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	conns = calloc((size_t)options.connections, sizeof(*conns));
	all.latencies = calloc((size_t)options.connections * (size_t)options.rounds, sizeof(double));
	for (int i = 0; i < options.connections; i++)
		conns[i] = (struct conn){.fd = -1, .number = i};
	return run();
}
