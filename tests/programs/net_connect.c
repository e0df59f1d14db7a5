/* connect: made, refused, too slow for SO_SNDTIMEO, a local listener whose queue is full, again, interrupted. */
#include "io_test.h"

static struct sockaddr_in at;

static int tcp(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static long try(int fd)
{
	return connect(fd, (struct sockaddr *)&at, sizeof(at));
}

static void made_and_refused(void)
{
	int listener = tcp_listener(&at, 4), fd = tcp(), refused = tcp(), error = 1;
	struct sockaddr_in none = {.sin_family = AF_UNSPEC};
	socklen_t size = sizeof(error);

	show("connect", try(fd));
	printf("still blocking: %d\n", !(fcntl(fd, F_GETFL) & O_NONBLOCK));
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	printf("SO_ERROR %d\n", error);
	show("again", try(fd));
	show("dissolved", connect(fd, (struct sockaddr *)&none, sizeof(none)));
	close(listener);
	show("refused", try(refused));
	show("refused again", try(refused));
	show("bad pointer", connect(refused, nowhere, 16));
	show("bad size", connect(refused, (struct sockaddr *)&at, 3));
	show("not a socket", connect(0, (struct sockaddr *)&at, sizeof(at)));
	show("not open", connect(987, (struct sockaddr *)&at, sizeof(at)));
	close(fd);
	close(refused);
}

/* Once the queue of a listener is full, further connections hang. */
static void slow(void)
{
	struct timespec start;
	int listener = tcp_listener(&at, 0), fds[3], late = tcp(), other = tcp();

	for (int i = 0; i < 3; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		try(fds[i]);
	}
	settle();
	show("O_NONBLOCK", try(fds[2]) < 0 && (errno == EALREADY || errno == EINPROGRESS) ? -1 : 0);
	set_timeout(late, SO_SNDTIMEO, 80);
	clock_gettime(CLOCK_MONOTONIC, &start);
	show("SO_SNDTIMEO", try(late));
	printf("waited: %d\n", ms_since(&start) >= 75);
	set_timeout(other, SO_SNDTIMEO, 80);
	show("and another", try(other));
	show("again", try(other));
	for (int i = 0; i < 3; i++)
		close(fds[i]);
	close(late);
	close(other);
	close(listener);
}

static struct sockaddr_un local;

static void *connect_local(void *arg)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	long ret = connect(fd, (struct sockaddr *)&local, sizeof(local));

	(void)arg;
	printf("waiting connect: %ld\n", ret);
	close(fd);
	return NULL;
}

static void full_queue(void)
{
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), first, fd = socket(AF_UNIX, SOCK_STREAM, 0);
	pthread_t t;

	local.sun_family = AF_UNIX;
	snprintf(local.sun_path + 1, sizeof(local.sun_path) - 1, "greenshim-connect-%d", getpid());
	must("bind", !bind(listener, (struct sockaddr *)&local, sizeof(local)));
	show("not listening", connect(fd, (struct sockaddr *)&local, sizeof(local)));
	must("listen", !listen(listener, 0));
	first = socket(AF_UNIX, SOCK_STREAM, 0);
	show("local connect", connect(first, (struct sockaddr *)&local, sizeof(local)));
	set_timeout(fd, SO_SNDTIMEO, 60);
	show("full, with SO_SNDTIMEO", connect(fd, (struct sockaddr *)&local, sizeof(local)));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	show("full, with O_NONBLOCK", connect(fd, (struct sockaddr *)&local, sizeof(local)));
	t = spawn(connect_local, NULL);
	settle();
	puts("main goes on");
	close(accept(listener, NULL, NULL));
	join(t);
	close(accept(listener, NULL, NULL));
	close(first);
	close(fd);
	close(listener);
}

static void on_signal(int sig)
{
	(void)sig;
}

static void *hanging(void *arg)
{
	int fd = *(int *)arg;

	show("interrupted", try(fd));
	return NULL;
}

static void interrupted(void)
{
	int listener = tcp_listener(&at, 0), fds[2], fd = tcp();
	struct sigaction sa = {.sa_handler = on_signal};
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	pthread_t t;

	sigaction(SIGUSR1, &sa, NULL);
	for (int i = 0; i < 2; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		try(fds[i]);
	}
	t = spawn(hanging, &fd);
	settle();
	pthread_kill(t, SIGUSR1);
	join(t);
	printf("goes on: %d\n", poll(&p, 1, 0));
	for (int i = 0; i < 2; i++)
		close(fds[i]);
	close(fd);
	close(listener);
}

static void datagrams(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	show("datagrams", try(fd));
	show("elsewhere", try(fd));
	close(fd);
}

int main(void)
{
	begin();
	made_and_refused();
	slow();
	full_queue();
	interrupted();
	datagrams();
	return 0;
}
