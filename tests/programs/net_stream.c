/* Streams, local and over TCP: what waits, what does not, parts and wholes, timeouts, ends. Each case runs on both. */
#include "io_test.h"

#define BIG (3 << 20)

static int pair[2];
static char big[BIG], back[BIG];

static void *read_some(void *arg)
{
	char buf[100] = "";
	ssize_t n = recv(pair[1], buf, sizeof(buf) - 1, (int)(long)arg);

	printf("received %zd '%s'\n", n, buf);
	return NULL;
}

static void waits(void)
{
	char buf[8];
	pthread_t t;

	t = spawn(read_some, NULL);
	settle();
	must("send", send(pair[0], "one", 3, 0) == 3);
	join(t);
	t = spawn(read_some, (void *)(long)MSG_PEEK);
	settle();
	must("write", write(pair[0], "two", 3) == 3);
	join(t);
	show("peeked is still there", recv(pair[1], buf, sizeof(buf), MSG_DONTWAIT));
	show("MSG_DONTWAIT", recv(pair[1], buf, sizeof(buf), MSG_DONTWAIT));
	show("read of nothing", read(pair[1], buf, 0));
	show("write of nothing", write(pair[0], buf, 0));
	show("send of nothing", send(pair[0], buf, 0, 0));
}

static void *receive_all(void *arg)
{
	(void)arg;
	return (void *)recv(pair[1], back, 10, MSG_WAITALL);
}

static void *receive_vectors(void *arg)
{
	struct iovec iov[3] = {{back, 3}, {back + 3, 3}, {back + 6, 4}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 3};

	(void)arg;
	return (void *)recvmsg(pair[1], &msg, MSG_WAITALL);
}

static void *receive_peeking(void *arg)
{
	(void)arg;
	return (void *)recv(pair[1], back, 10, MSG_WAITALL | MSG_PEEK);
}

static void whole(const char *what, void *(*run)(void *))
{
	pthread_t t = spawn(run, NULL);

	for (int i = 0; i < 5; i++) {
		settle();
		must("send", send(pair[0], "ab", 2, 0) == 2);
	}
	printf("%s: %ld, ", what, join(t));
	printf("%.10s\n", back);
	memset(back, 0, 10);
}

static void *write_big(void *arg)
{
	struct iovec iov[3] = {{big, 100}, {big + 100, BIG / 2}, {big + 100 + BIG / 2, BIG - 100 - BIG / 2}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 3};

	switch ((long)arg) {
	case 0:
		return (void *)write(pair[0], big, BIG);
	case 1:
		return (void *)send(pair[0], big, BIG, 0);
	case 2:
		return (void *)writev(pair[0], iov, 3);
	default:
		return (void *)sendmsg(pair[0], &msg, 0);
	}
}

static void big_writes(void)
{
	for (long i = 0; i < 4; i++) {
		pthread_t t = spawn(write_big, (void *)i);

		settle();
		memset(back, 0, BIG);
		must("read_n", read_n(pair[1], back, BIG) == BIG);
		printf("written %ld, %s\n", join(t), memcmp(big, back, BIG) ? "differs" : "same");
	}
}

/* Both directions at once, from four threads. */
static void *pump_out(void *arg)
{
	return (void *)(long)(write(pair[(long)arg], big, BIG) == BIG);
}

static void *pump_in(void *arg)
{
	size_t left = BIG;
	char *buf = malloc(65536);

	while (left) {
		ssize_t n = read(pair[(long)arg], buf, left < 65536 ? left : 65536);

		if (n <= 0)
			break;
		left -= (size_t)n;
	}
	free(buf);
	return (void *)(long)!left;
}

static void both_ways(void)
{
	pthread_t t[4];
	long ok = 0;

	for (long i = 0; i < 4; i++)
		t[i] = spawn(i < 2 ? pump_in : pump_out, (void *)(i % 2));
	for (int i = 0; i < 4; i++)
		ok += join(t[i]);
	printf("both ways: %ld of 4\n", ok);
}

static void timeouts(void)
{
	struct timespec start;
	char buf[8];
	ssize_t n;

	set_timeout(pair[1], SO_RCVTIMEO, 60);
	clock_gettime(CLOCK_MONOTONIC, &start);
	show("SO_RCVTIMEO", read(pair[1], buf, sizeof(buf)));
	printf("waited: %d\n", ms_since(&start) >= 55);
	must("send", send(pair[0], "abc", 3, 0) == 3);
	show("part by then", recv(pair[1], buf, sizeof(buf), MSG_WAITALL));
	set_timeout(pair[1], SO_RCVTIMEO, 0);
	set_timeout(pair[0], SO_SNDTIMEO, 60);
	clock_gettime(CLOCK_MONOTONIC, &start);
	n = send(pair[0], big, BIG, 0);
	printf("SO_SNDTIMEO: a part %d, waited %d\n", n > 0 && n < BIG, ms_since(&start) >= 55);
	show("nothing more", send(pair[0], big, 1 << 20, 0) < 1 << 20 ? -1 : 0);
	set_timeout(pair[0], SO_SNDTIMEO, 0);
	while (recv(pair[1], back, BIG, MSG_DONTWAIT) > 0)
		usleep(2000);
}

static void *read_end(void *arg)
{
	char byte;

	(void)arg;
	return (void *)read(pair[1], &byte, 1);
}

static void ends(void)
{
	char buf[8];
	pthread_t t = spawn(read_end, NULL);

	settle();
	show("shutdown", shutdown(pair[0], SHUT_WR));
	show("end of data", join(t));
	show("once more", recv(pair[1], buf, sizeof(buf), MSG_WAITALL));
	show("bad pointer", recv(pair[1], nowhere, 0, MSG_DONTWAIT));
	show("other direction", send(pair[1], "abc", 3, 0));
	show("bad pointer to read", read(pair[0], nowhere, 3));
	close(pair[1]);
	settle();
	while (send(pair[0], "x", 1, MSG_NOSIGNAL) > 0)
		settle();
	show("EPIPE", send(pair[0], "x", 1, MSG_NOSIGNAL));
	show("EPIPE with SIGPIPE ignored", write(pair[0], "x", 1));
	close(pair[0]);
}

static void all(bool tcp)
{
	waits();
	whole("MSG_WAITALL", receive_all);
	whole("recvmsg MSG_WAITALL", receive_vectors);
	if (tcp) { /* a local one returns early */
		whole("MSG_WAITALL MSG_PEEK", receive_peeking);
		must("drain", read_n(pair[1], back, 10) == 10);
	}
	big_writes();
	both_ways();
	timeouts();
	ends();
}

int main(void)
{
	int size = 100000;

	begin();
	signal(SIGPIPE, SIG_IGN);
	fill(big, BIG);
	must("socketpair", !socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	puts("local");
	all(false);
	tcp_pair(pair);
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	setsockopt(pair[1], SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	puts("tcp");
	all(true);
	return 0;
}
