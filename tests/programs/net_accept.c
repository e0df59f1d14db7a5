/* accept: from many threads, with a timeout, without waiting, on a listener that a child process shares. */
#include "io_test.h"

#define THREADS 8

static struct sockaddr_in at;
static int listener;

static void *accept_one(void *arg)
{
	struct sockaddr_in peer;
	socklen_t size = sizeof(peer);
	int fd = accept(listener, (struct sockaddr *)&peer, &size), flags = fcntl(fd, F_GETFL);

	(void)arg;
	if (fd < 0 || size != sizeof(peer) || peer.sin_addr.s_addr != htonl(INADDR_LOOPBACK) || flags & O_NONBLOCK)
		return NULL;
	return (void *)(write(fd, "hi", 2) + close(fd));
}

static int dial(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	must("connect", !connect(fd, (struct sockaddr *)&at, sizeof(at)));
	return fd;
}

static void many(void)
{
	pthread_t t[THREADS];
	int fds[THREADS];
	char buf[4];
	long total = 0;

	for (int i = 0; i < THREADS; i++)
		t[i] = spawn(accept_one, NULL);
	settle();
	for (int i = 0; i < THREADS; i++)
		fds[i] = dial();
	for (int i = 0; i < THREADS; i++)
		total += (long)read_n(fds[i], buf, sizeof(buf)) + close(fds[i]);
	printf("read %ld\n", total);
	for (int i = 0; i < THREADS; i++)
		total += join(t[i]);
	printf("and written %ld\n", total);
}

static void arguments(void)
{
	struct timespec start;
	int plain = socket(AF_INET, SOCK_STREAM, 0), udp = socket(AF_INET, SOCK_DGRAM, 0), fd, client;
	socklen_t size = 16;

	show("not listening", accept(plain, NULL, NULL));
	show("datagrams", accept(udp, NULL, NULL));
	show("not a socket", accept(0, NULL, NULL));
	show("not open", accept(987, NULL, NULL));
	show("bad flags", accept4(listener, NULL, NULL, 1));
	set_timeout(listener, SO_RCVTIMEO, 60);
	clock_gettime(CLOCK_MONOTONIC, &start);
	show("SO_RCVTIMEO", accept(listener, NULL, NULL));
	printf("waited: %d\n", ms_since(&start) >= 55);
	set_timeout(listener, SO_RCVTIMEO, 0);
	fcntl(listener, F_SETFL, O_NONBLOCK);
	show("O_NONBLOCK", accept(listener, NULL, NULL));
	fcntl(listener, F_SETFL, 0);
	client = dial();
	show("bad pointer", accept(listener, nowhere, &size));
	close(client);
	client = dial();
	fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	printf("flags: %d %d\n", fcntl(fd, F_GETFL) == (O_RDWR | O_NONBLOCK), fcntl(fd, F_GETFD));
	show("non-blocking", read(fd, &size, 1));
	close(fd);
	close(client);
	close(plain);
	close(udp);
}

/* Two processes accept; whoever gets one says so on it. */
static void *accept_some(void *arg)
{
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		char c;

		if (fd < 0 || read(fd, &c, 1) != 1)
			return NULL;
		if (write(fd, arg, 1) != 1)
			return NULL;
		close(fd);
		if (c == 'q')
			return NULL;
	}
}

static void with_child(void)
{
	int got = 0, fds[20];
	char c;
	pid_t child = fork();
	pthread_t t;

	if (!child) {
		pthread_t mine = spawn(accept_some, "c");

		join(mine);
		_exit(0);
	}
	t = spawn(accept_some, "p");
	for (int i = 0; i < 20; i++)
		fds[i] = dial();
	for (int i = 0; i < 20; i++) {
		must("write", write(fds[i], "x", 1) == 1);
		got += read(fds[i], &c, 1) == 1 && (c == 'c' || c == 'p');
		close(fds[i]);
	}
	printf("shared: %d of 20\n", got);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	do { /* those that died with the child do not count */
		fds[0] = dial();
		got = write(fds[0], "q", 1) == 1 && read(fds[0], &c, 1) == 1;
		close(fds[0]);
	} while (!got);
	join(t);
	puts("the thread has ended");
}

static void *accept_failing(void *arg)
{
	(void)arg;
	show("after shutdown", accept(listener, NULL, NULL));
	return NULL;
}

#define DIALS 250

/* A byte for each connection, until one asks for the end. */
static void *accept_for_all(void *arg)
{
	long answered = 0;
	char c = 0;

	(void)arg;
	while (c != 'e') {
		int fd = accept(listener, NULL, NULL);

		must("ask", read(fd, &c, 1) == 1);
		answered += write(fd, &c, 1);
		close(fd);
	}
	return (void *)answered;
}

static long asks(char what)
{
	int fd = dial();
	long n = write(fd, &what, 1) == 1 && read(fd, &what, 1) == 1;

	close(fd);
	return n;
}

static void *dials(void *arg)
{
	long n = 0;

	(void)arg;
	for (int i = 0; i < DIALS; i++)
		n += asks('x');
	return (void *)n;
}

/* As many that accept as that dial: for one connection several look, and one may have it. */
static void crowd(void)
{
	pthread_t acceptors[THREADS], t[THREADS];
	long answers = 0, answered = 0;

	for (int i = 0; i < THREADS; i++) {
		acceptors[i] = spawn(accept_for_all, NULL);
		t[i] = spawn(dials, NULL);
	}
	for (int i = 0; i < THREADS; i++)
		answers += join(t[i]);
	for (int i = 0; i < THREADS; i++)
		answers += asks('e');
	for (int i = 0; i < THREADS; i++)
		answered += join(acceptors[i]);
	printf("answers %ld of %ld\n", answers, answered);
}

int main(void)
{
	pthread_t t;

	begin();
	listener = tcp_listener(&at, 64);
	many();
	crowd();
	arguments();
	with_child();
	t = spawn(accept_failing, NULL);
	settle();
	shutdown(listener, SHUT_RDWR);
	join(t);
	return 0;
}
