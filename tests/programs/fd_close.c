/* A descriptor is closed, replaced or shut down by one thread while another is in a call on it: on Linux the call goes
 * on with the file; the number is free at once. */
#include <linux/close_range.h>

#include "io_test.h"

static int pair[2], ends[2];

static void *reader(void *arg)
{
	char buf[16] = "";
	ssize_t n = read((int)(long)arg, buf, sizeof(buf) - 1);

	printf("read %zd '%s'\n", n, buf);
	return NULL;
}

/* Woken just before the reader, by the hub or on another CPU. */
static void *closer(void *arg)
{
	char c;

	must("read", read(*(int *)arg, &c, 1) == 1);
	close(ends[0]);
	return NULL;
}

static void *looker(void *arg)
{
	struct pollfd fds[2] = {{pair[0], POLLIN, 0}, {*(int *)arg, POLLIN, 0}};

	show("poll", poll(fds, 2, -1));
	return NULL;
}

static void *receiver(void *arg)
{
	char buf[10] = "";
	ssize_t n = recv((int)(long)arg, buf, 6, MSG_WAITALL);

	printf("received %zd '%s'\n", n, buf);
	return NULL;
}

static void socketpair_new(void)
{
	must("socketpair", !socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}

static void closed_socket(void)
{
	pthread_t t;
	char buf[4];

	socketpair_new();
	t = spawn(receiver, (void *)(long)pair[0]);
	settle();
	show("close", close(pair[0]));
	show("read from it", read(pair[0], buf, 1));
	show("close again", close(pair[0]));
	must("send", send(pair[1], "abc", 3, MSG_NOSIGNAL) == 3);
	settle();
	must("send", send(pair[1], "def", 3, MSG_NOSIGNAL) == 3);
	join(t);
	settle();
	show("now nobody is there", send(pair[1], "x", 1, MSG_NOSIGNAL));
	close(pair[1]);
}

static void closed_pipe(void)
{
	int again[2];
	pthread_t t;

	must("pipe", !pipe(ends));
	t = spawn(reader, (void *)(long)ends[0]);
	settle();
	close(ends[0]);
	must("pipe", !pipe(again)); /* takes the same number */
	printf("same number: %d\n", again[0] == ends[0]);
	must("write", write(again[1], "new", 3) == 3);
	must("write", write(ends[1], "old", 3) == 3);
	join(t);
	reader((void *)(long)again[0]);
	close(again[0]);
	close(again[1]);
	close(ends[1]);
}

static void replaced(void)
{
	int other[2];
	pthread_t t;

	socketpair_new();
	must("pipe", !pipe(other));
	t = spawn(reader, (void *)(long)pair[0]);
	settle();
	show("dup2", dup2(other[0], pair[0]) - pair[0]);
	must("write", write(other[1], "pipe", 4) == 4);
	reader((void *)(long)pair[0]);
	must("write", write(pair[1], "socket", 6) == 6);
	join(t);
	t = spawn(reader, (void *)(long)pair[1]);
	settle();
	show("dup3", dup3(other[0], pair[1], O_CLOEXEC) - pair[1]);
	join(t); /* the end of the socket: its peer is gone */
	show("dup2 to itself", dup2(other[0], other[0]) - other[0]);
	show("dup2 of nothing", dup2(987, other[0]));
	show("dup2 to nothing", dup2(other[0], -1));
	show("dup3 to itself", dup3(other[0], other[0], 0));
	show("dup3 with a bad flag", dup3(other[0], pair[0], 1));
	close(other[0]);
	close(other[1]);
	close(pair[0]);
	close(pair[1]);
}

static void *acceptor(void *arg)
{
	int fd = accept((int)(long)arg, NULL, NULL);

	close(fd);
	return (void *)(long)(fd >= 0);
}

static void closed_listener(void)
{
	struct sockaddr_in at;
	int listener = tcp_listener(&at, 4), fd = socket(AF_INET, SOCK_STREAM, 0);
	pthread_t t = spawn(acceptor, (void *)(long)listener);

	settle();
	close(listener);
	show("still listening", connect(fd, (struct sockaddr *)&at, sizeof(at)));
	printf("accepted: %ld\n", (long)join(t));
	close(fd);
	settle();
	fd = socket(AF_INET, SOCK_STREAM, 0);
	show("no longer", connect(fd, (struct sockaddr *)&at, sizeof(at)));
	close(fd);
}

static void *poller(void *arg)
{
	struct pollfd p = {.fd = (int)(long)arg, .events = POLLIN};

	printf("poll: %d\n", poll(&p, 1, 300));
	return NULL;
}

static void ranges(void)
{
	pthread_t t, p;

	socketpair_new();
	must("pipe", !pipe(ends));
	t = spawn(reader, (void *)(long)ends[0]);
	settle();
	p = spawn(poller, (void *)(long)pair[0]);
	settle();
	show("cloexec", close_range((unsigned)pair[0], ~0U, CLOSE_RANGE_CLOEXEC));
	printf("flag %d\n", fcntl(pair[0], F_GETFD));
	show("backwards", close_range(5, 4, 0));
	show("bad flag", close_range(1000, 1000, 64));
	must("write", write(ends[1], "before", 6) == 6);
	join(t);
	join(p);
	show("all from there", close_range((unsigned)pair[0], ~0U, 0));
	show("closed", fcntl(ends[1], F_GETFD));
	for (int fd = 3; fd < 1100; fd++) /* as daemons do */
		close(fd);
	t = spawn(nothing, NULL);
	settle();
	join(t);
	puts("threads still run");
}

static void shut_down(void)
{
	pthread_t t[2];

	tcp_pair(pair);
	for (int i = 0; i < 2; i++)
		t[i] = spawn(reader, (void *)(long)pair[0]);
	settle();
	must("shutdown", !shutdown(pair[0], SHUT_RD));
	join(t[0]);
	join(t[1]);
	close(pair[0]);
	close(pair[1]);
}

/* A number that is used again for another kind of file. */
static void reused(void)
{
	char buf[8];
	int first = -1;

	for (int i = 0; i < 3; i++) {
		int fds[2];

		must("make", !(i == 1 ? socketpair(AF_UNIX, SOCK_STREAM, 0, fds) : pipe(fds)));
		if (i == 0)
			first = fds[0];
		must("write", write(fds[1], "abc", 3) == 3);
		printf("%d: same number %d, ", i, fds[0] == first);
		show("read", read(fds[0], buf, sizeof(buf)));
		close(fds[0]);
		close(fds[1]);
	}
	show("file", open("/dev/null", O_RDONLY) - first);
	show("read", read(first, buf, sizeof(buf)));
	close(first);
}

static void closed_when_woken(void)
{
	int gate[2];

	must("pipe", !pipe(gate) && !pipe(ends));
	for (int i = 0; i < 3; i++) {
		pthread_t first = spawn(closer, &gate[0]), second = spawn(reader, (void *)(long)ends[0]);

		settle();
		/* The hub may take them in either order. */
		if (i & 1)
			must("write", write(gate[1], "x", 1) == 1 && write(ends[1], "old", 3) == 3);
		else
			must("write", write(ends[1], "old", 3) == 3 && write(gate[1], "x", 1) == 1);
		join(first);
		join(second);
		close(ends[1]);
		must("pipe", !pipe(ends));
	}
	close(ends[0]);
	close(ends[1]);
	close(gate[0]);
	close(gate[1]);
}

/* The last who had the file lets go of it when poll returns. */
static void closed_under_poll(void)
{
	struct pollfd other;
	int gate[2];
	pthread_t t;

	must("pipe", !pipe(gate));
	socketpair_new();
	t = spawn(looker, &gate[0]);
	settle();
	close(pair[0]);
	must("write", write(gate[1], "x", 1) == 1);
	join(t);
	other = (struct pollfd){pair[1], POLLIN, 0};
	show("the end is told", poll(&other, 1, 10000));
	close(pair[1]);
	close(gate[0]);
	close(gate[1]);
}

int main(void)
{
	begin();
	reused();
	closed_when_woken();
	closed_under_poll();
	closed_socket();
	closed_pipe();
	replaced();
	closed_listener();
	shut_down();
	ranges();
	return 0;
}
