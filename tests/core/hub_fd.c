/* Descriptors: waiting, deadlines, closing, many waiters, streams, the server. */
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "core_test.h"

static void join_all(greenlet_t *g, size_t n)
{
	EQ(greenlet_joinall(g, n, GREENLET_FOREVER), n);
	for (size_t i = 0; i < n; i++)
		greenlet_unref(g[i]);
}

static int ends[2];

static void open_pipe(void)
{
	EQ(pipe(ends), 0);
}

static void open_sockets(void)
{
	EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
}

static void close_ends(void)
{
	EQ(greenlet_close(ends[0]), 0);
	EQ(greenlet_close(ends[1]), 0);
}

static int wait_readable(void *value, void **result)
{
	int got = greenlet_wait_fd(ends[0], POLLIN, GREENLET_FOREVER);
	char c;

	(void)result;
	tell("%ld:%d ", N(value), got);
	if (got == POLLIN)
		EQ(read(ends[0], &c, 1) >= 0, true);
	return got < 0 ? got : 0;
}

static void deadline(void)
{
	uint64_t begin = clock_ms();

	open_pipe();
	EQ(greenlet_wait_fd(ends[0], POLLIN, 0), -ETIMEDOUT);
	EQ(greenlet_wait_fd(ends[0], POLLIN, 10 * MS), -ETIMEDOUT);
	EQ(clock_ms() - begin >= 9, true);
	EQ(greenlet_wait_fd(ends[1], POLLOUT, 0), POLLOUT);
	EQ(write(ends[1], "x", 1), 1);
	EQ(greenlet_wait_fd(ends[0], POLLIN, 10 * MS), POLLIN);
	EQ(greenlet_wait_fd(-1, POLLIN, GREENLET_FOREVER) < 0, true);
	close_ends();
	EQ(greenlet_wait_fd(ends[0], POLLIN, GREENLET_FOREVER), -EBADF);
}

/* Any number may wait; one byte wakes one, the first. */
static void waiters_in_order(void)
{
	greenlet_t g[3];

	open_pipe();
	for (long i = 0; i < 3; i++)
		g[i] = greenlet_spawn(wait_readable, V(i));
	EQ(greenlet_sleep(MS), 0);
	for (int i = 0; i < 3; i++) {
		EQ(write(ends[1], "x", 1), 1);
		EQ(greenlet_join(g[i], GREENLET_FOREVER), 0);
	}
	TOLD("0:1 1:1 2:1 ");
	join_all(g, 3);
	close_ends();
}

static int wait_writable(void *value, void **result)
{
	*result = value;
	EQ(greenlet_wait_fd(ends[0], POLLOUT, GREENLET_FOREVER), POLLOUT);
	tell("out ");
	return 0;
}

static void both_directions(void)
{
	static char block[1 << 16];
	greenlet_t g[2];

	open_sockets();
	while (send(ends[0], block, sizeof(block), MSG_DONTWAIT) > 0)
		;
	g[0] = greenlet_spawn(wait_readable, V(0));
	g[1] = greenlet_spawn(wait_writable, NULL);
	EQ(greenlet_sleep(MS), 0);
	EQ(write(ends[1], "x", 1), 1);
	EQ(greenlet_join(g[0], GREENLET_FOREVER), 0);
	TOLD("0:1 ");
	while (recv(ends[1], block, sizeof(block), MSG_DONTWAIT) > 0)
		;
	join_all(g, 2);
	TOLD("out ");
	close_ends();
}

/* The number is used again at once: who waited before is told, who waits now is not confused. */
static void closed_while_waiting(void)
{
	greenlet_t g[3];
	int before;

	open_pipe();
	before = ends[0];
	g[0] = greenlet_spawn(wait_readable, V(0));
	g[1] = greenlet_spawn(wait_readable, V(1));
	EQ(greenlet_sleep(MS), 0);
	EQ(greenlet_close(ends[1]) | greenlet_close(ends[0]), 0);
	open_pipe();
	EQ(ends[0], before);
	EQ(greenlet_joinall(g, 2, GREENLET_FOREVER), 2);
	TOLD("0:-9 1:-9 ");
	EQ(greenlet_failure(g[0]).value, EBADF);
	g[2] = greenlet_spawn(wait_readable, V(2));
	EQ(greenlet_sleep(MS), 0);
	EQ(write(ends[1], "x", 1), 1);
	EQ(greenlet_join(g[2], GREENLET_FOREVER), 0);
	TOLD("2:1 ");
	join_all(g, 3);
	close_ends();
	EQ(greenlet_close(ends[0]), -EBADF);
}

static int only_waits(void *value, void **result)
{
	(void)result;
	tell("%ld:%d ", N(value), greenlet_wait_fd(ends[0], POLLIN, GREENLET_FOREVER));
	return 0;
}

/* By somebody who does not say so, before the loop has seen it: it is said to be ready. */
static void closed_behind(void)
{
	greenlet_t g;

	open_pipe();
	g = greenlet_spawn(only_waits, V(0));
	EQ(greenlet_sleep(0), 0);
	EQ(close(ends[0]), 0);
	EQ(greenlet_join(g, GREENLET_FOREVER), 0);
	TOLD("0:1 ");
	join_all(&g, 1);
	EQ(close(ends[1]), 0);
}

static void hang_up(void)
{
	greenlet_t g;
	char c;

	open_pipe();
	g = greenlet_spawn(wait_readable, V(0));
	EQ(greenlet_sleep(MS), 0);
	EQ(greenlet_close(ends[1]), 0);
	greenlet_join(g, GREENLET_FOREVER);
	EQ(greenlet_dead(g), true);
	EQ(greenlet_read(ends[0], &c, 1), 0);
	EQ(greenlet_close(ends[0]), 0);
	greenlet_unref(g);
}

/* Watchers stay after a wake-up: a descriptor that keeps firing with nobody waiting disturbs no one. */
static void nobody_waits(void)
{
	char c;

	open_sockets();
	EQ(write(ends[1], "ab", 2), 2);
	for (int i = 0; i < 2; i++)
		EQ(greenlet_read(ends[0], &c, 1), 1);
	EQ(greenlet_wait_fd(ends[0], POLLIN, MS), -ETIMEDOUT);
	EQ(write(ends[1], "c", 1), 1);
	for (int i = 0; i < 20; i++)
		EQ(greenlet_sleep(100000), 0);
	EQ(greenlet_read(ends[0], &c, 1), 1);
	EQ(c, 'c');
	EQ(greenlet_wait_fd(ends[0], POLLIN, MS), -ETIMEDOUT);
	close_ends();
}

#define BULK (1 << 20)

static int write_bulk(void *value, void **result)
{
	char *data = malloc(BULK);

	*result = NULL;
	for (int i = 0; i < BULK; i++)
		data[i] = (char)(i * 7 >> 3);
	EQ(greenlet_write((int)N(value), data, BULK), BULK);
	EQ(greenlet_close((int)N(value)), 0);
	free(data);
	return 0;
}

static int read_bulk(void *value, void **result)
{
	char data[5000];
	long total = 0, n;

	while ((n = greenlet_read((int)N(value), data, sizeof(data))) > 0)
		for (long i = 0; i < n; i++, total++)
			EQ(data[i], (char)(total * 7 >> 3));
	EQ(n, 0);
	EQ(greenlet_close((int)N(value)), 0);
	*result = V(total);
	return 0;
}

static void bulk(void)
{
	for (int pipes = 0; pipes < 2; pipes++) {
		greenlet_t g[2];
		void *out = NULL;

		if (pipes)
			open_pipe();
		else
			open_sockets();
		g[0] = greenlet_spawn(write_bulk, V(ends[1]));
		g[1] = greenlet_spawn(read_bulk, V(ends[0]));
		EQ(greenlet_get(g[1], GREENLET_FOREVER, &out), 0);
		EQ(out, BULK);
		EQ(fcntl(ends[0], F_GETFL), -1); /* closed */
		join_all(g, 2);
	}
}

static void errors(void)
{
	struct sockaddr_un nobody = {.sun_family = AF_UNIX, .sun_path = "/nonexistent/socket"};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	char c = 0;

	open_sockets();
	EQ(greenlet_close(ends[1]), 0);
	EQ(greenlet_write(ends[0], &c, 1), -EPIPE); /* and no signal */
	EQ(greenlet_close(ends[0]), 0);
	EQ(greenlet_read(ends[0], &c, 1), -EBADF);
	EQ(greenlet_write(ends[0], &c, 1), -EBADF);
	EQ(greenlet_connect(fd, (struct sockaddr *)&nobody, sizeof(nobody)), -ENOENT);
	EQ(fcntl(fd, F_GETFL) & O_NONBLOCK, 0); /* as it was */
	EQ(greenlet_connect(ends[0], (struct sockaddr *)&nobody, sizeof(nobody)), -EBADF);
	EQ(greenlet_accept(fd, NULL, NULL), -EINVAL);
	EQ(greenlet_close(fd), 0);
}

static struct sockaddr_in address;
static int served, serving, most_serving;

static void echo(int fd, void *arg)
{
	char data[64];
	ssize_t n;

	EQ(arg, 5);
	if (++serving > most_serving)
		most_serving = serving;
	while ((n = greenlet_read(fd, data, sizeof(data))) > 0)
		if (greenlet_write(fd, data, (size_t)n) != n)
			break;
	serving--;
	served++;
}

static struct greenlet_server listening(unsigned limit)
{
	struct greenlet_server s = {.handle = echo, .arg = V(5), .connections.limit = limit};
	socklen_t size = sizeof(address);

	s.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	address = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	EQ(bind(s.fd, (struct sockaddr *)&address, sizeof(address)), 0);
	EQ(listen(s.fd, 128), 0);
	EQ(getsockname(s.fd, (struct sockaddr *)&address, &size), 0);
	return s;
}

static int client(void *value, void **result)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char out[16], in[16];

	*result = NULL;
	EQ(greenlet_connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	for (int round = 0; round < 5; round++) {
		int n = snprintf(out, sizeof(out), "%ld:%d", N(value), round);

		EQ(greenlet_write(fd, out, (size_t)n + 1), n + 1);
		for (int got = 0; got <= n;) {
			ssize_t more = greenlet_read(fd, in + got, sizeof(in) - (size_t)got);

			EQ(more > 0, true);
			got += (int)more;
		}
		STR_EQ(in, out);
	}
	EQ(greenlet_close(fd), 0);
	return 0;
}

static void server(void)
{
	struct greenlet_server s = listening(0);
	greenlet_t g[50];

	EQ(greenlet_server_start(&s), 0);
	for (long i = 0; i < (long)COUNT(g); i++)
		g[i] = greenlet_spawn(client, V(i));
	join_all(g, COUNT(g));
	EQ(greenlet_server_stop(&s, GREENLET_FOREVER), 0);
	EQ(served, 50);
	EQ(most_serving > 1, true);
	EQ(fcntl(s.fd, F_GETFD), -1);
}

static void server_with_pool(void)
{
	struct greenlet_server s = listening(2);
	greenlet_t g[10];

	served = most_serving = 0;
	EQ(greenlet_server_start(&s), 0);
	for (long i = 0; i < (long)COUNT(g); i++)
		g[i] = greenlet_spawn(client, V(i));
	join_all(g, COUNT(g));
	EQ(greenlet_server_stop(&s, GREENLET_FOREVER), 0);
	EQ(served, 10);
	EQ(most_serving, 2);
}

/* Who is left when time is up is killed; its connection is closed. */
static void server_killed(void)
{
	struct greenlet_server s = listening(0);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char c;

	served = 0;
	EQ(greenlet_server_start(&s), 0);
	EQ(greenlet_connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	EQ(greenlet_write(fd, "x", 1), 1);
	EQ(greenlet_read(fd, &c, 1), 1);
	EQ(greenlet_server_stop(&s, 5 * MS), 0);
	EQ(served, 1);
	EQ(greenlet_read(fd, &c, 1), 0);
	EQ(greenlet_close(fd), 0);
}

TESTS({0, "deadline", deadline}, {0, "waiters_in_order", waiters_in_order}, {0, "both_directions", both_directions},
      {0, "closed_while_waiting", closed_while_waiting}, {0, "closed_behind", closed_behind}, {0, "hang_up", hang_up},
      {0, "nobody_waits", nobody_waits}, {0, "bulk", bulk}, {0, "errors", errors}, {0, "server", server},
      {0, "server_with_pool", server_with_pool}, {0, "server_killed", server_killed})
