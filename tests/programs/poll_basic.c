/* poll and ppoll: arguments, every event, timeouts, signals; each while another thread makes it happen. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "wait_test.h"

static void show(const char *what, int ret, const struct pollfd *p, int n)
{
	printf("%s: %s", what, outcome(ret));
	for (int i = 0; i < n; i++)
		printf(" %#x", p[i].revents);
	printf("\n");
}

static struct pollfd *volatile bad_address = (struct pollfd *)8;

static void bad_arguments(void)
{
	struct pollfd p[3] = {{.fd = -1, .events = POLLIN}, {.fd = 999, .events = POLLIN}, {.fd = -7}};
	struct rlimit files;

	getrlimit(RLIMIT_NOFILE, &files);
	show("closed and negative", poll(p, 3, -1), p, 3);
	show("only negative", poll(p, 1, 20), p, 1);
	show("nothing", poll(NULL, 0, 20), p, 0);
	show("too many", poll(p, files.rlim_cur + 1, 0), p, 0);
	show("bad address", poll(bad_address, 1, 20), p, 0);
}

static void always_ready(void)
{
	struct pollfd p[3] = {{.fd = open("/proc/self/exe", O_RDONLY), .events = POLLIN | POLLOUT},
			      {.fd = open("/dev/null", O_RDWR), .events = POLLIN | POLLOUT},
			      {.fd = open("/proc/self/exe", O_RDONLY), .events = 0}};

	show("files", poll(p, 3, -1), p, 3);
	show("a file, nothing wanted", poll(p + 2, 1, 30), p + 2, 1);
	for (int i = 0; i < 3; i++)
		close(p[i].fd);
}

static int pipes[2];

static void *write_soon(void *arg)
{
	nap(20);
	return (void *)write(pipes[1], "x", 1);
	(void)arg;
}

static void *close_soon(void *arg)
{
	nap(20);
	return (void *)(long)close(*(int *)arg);
}

static void *drain_soon(void *arg)
{
	static char buffer[1 << 20];

	nap(20);
	return (void *)(read(pipes[0], buffer, sizeof(buffer)) > 0 ? arg : NULL);
}

static void readable_and_hangup(void)
{
	struct pollfd p[2] = {{.fd = -1}, {.events = POLLIN}};
	pthread_t t;

	if (pipe(pipes))
		abort();
	p[1].fd = pipes[0];
	t = go(write_soon, NULL);
	show("written by another", poll(p, 2, -1), p, 2);
	done(t);
	p[1].events = 0;
	t = go(close_soon, &pipes[1]);
	show("data, but only the end is wanted", poll(p, 2, -1), p, 2);
	done(t);
	p[1].events = POLLRDNORM | POLLIN;
	show("data and the end", poll(p, 2, -1), p, 2);
	close(pipes[0]);
}

static void writable(void)
{
	struct pollfd p = {.events = POLLOUT};
	pthread_t t;

	if (pipe2(pipes, O_NONBLOCK))
		abort();
	while (write(pipes[1], "0123456789abcdef", 16) > 0)
		;
	p.fd = pipes[1];
	show("full", poll(&p, 1, 20), &p, 1);
	t = go(drain_soon, NULL);
	p.events = POLLWRNORM;
	show("drained by another", poll(&p, 1, -1), &p, 1);
	done(t);
	t = go(close_soon, &pipes[0]);
	p.events = 0;
	show("reader gone", poll(&p, 1, -1), &p, 1);
	done(t);
	close(pipes[1]);
}

static int tcp[2];

static void tcp_pair(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(listener, (struct sockaddr *)&a, sizeof(a)) || listen(listener, 1))
		abort();
	getsockname(listener, (struct sockaddr *)&a, &len);
	tcp[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(tcp[0], (struct sockaddr *)&a, sizeof(a)))
		abort();
	tcp[1] = accept(listener, NULL, NULL);
	close(listener);
}

static void *urgent_soon(void *arg)
{
	nap(20);
	send(tcp[1], "!", 1, MSG_OOB);
	return arg;
}

static void *shutdown_soon(void *arg)
{
	nap(20);
	shutdown(tcp[1], SHUT_WR);
	return arg;
}

static void rare_events(void)
{
	struct pollfd p = {.events = POLLIN | POLLPRI};
	char c;
	pthread_t t;

	tcp_pair();
	p.fd = tcp[0];
	for (int i = 0; i < 3; i++) {
		t = go(urgent_soon, NULL);
		poll(&p, 1, -1);
		printf("urgent: %d\n", p.revents & POLLPRI);
		done(t);
		recv(tcp[0], &c, 1, MSG_OOB);
	}
	p.events = POLLRDHUP;
	t = go(shutdown_soon, NULL);
	show("peer has shut down", poll(&p, 1, -1), &p, 1);
	done(t);
	p.events = POLLPRI;
	show("nothing urgent", poll(&p, 1, 20), &p, 1);
	close(tcp[0]);
	close(tcp[1]);
}

static void *poll_for_ever(void *arg)
{
	int ret = poll(NULL, 0, -1);

	(void)arg;
	return (void *)(long)(ret < 0 ? errno : 0);
}

static void *ppoll_masked(void *arg)
{
	sigset_t none;
	int ret;

	sigemptyset(&none);
	ret = ppoll(arg, 1, NULL, &none);
	return (void *)(long)(ret < 0 ? errno : 0);
}

static void interrupted(void)
{
	struct pollfd p = {.fd = -1};
	sigset_t set;
	pthread_t t;

	handle(SIGUSR1, SA_RESTART);
	t = go(poll_for_ever, NULL);
	nap(30);
	pthread_kill(t, SIGUSR1);
	printf("interrupted: %s\n", strerrorname_np((int)done(t)));
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	t = go(ppoll_masked, &p);
	nap(30);
	pthread_kill(t, SIGUSR1);
	printf("unmasked in ppoll: %s\n", strerrorname_np((int)done(t)));
}

static void time_left(void)
{
	struct timespec ts = {0, 20 * MS}, bad = {0, 1000000000};
	struct pollfd p = {.fd = -1};
	int64_t before = clock_now(CLOCK_MONOTONIC);
	long ret = syscall(SYS_ppoll, &p, 1, &ts, NULL, 8);

	printf("ppoll: %ld, left %ld.%09ld, %s\n", ret, (long)ts.tv_sec, ts.tv_nsec,
	       clock_now(CLOCK_MONOTONIC) - before >= 20 * MS ? "not early" : "EARLY");
	printf("bad time: %s\n", outcome(ppoll(&p, 1, &bad, NULL)));
	ts = (struct timespec){7, 5};
	p = (struct pollfd){.fd = 999};
	ret = syscall(SYS_ppoll, &p, 1, &ts, NULL, 8);
	printf("ready at once: %ld, left %s\n", ret, ts.tv_sec == 6 || ts.tv_sec == 7 ? "nearly all" : "WRONG");
	printf("bad mask size: %s\n", outcome(syscall(SYS_ppoll, &p, 1, &ts, &ts, 7)));
}

int main(void)
{
	ticker_start();
	bad_arguments();
	always_ready();
	readable_and_hangup();
	writable();
	rare_events();
	interrupted();
	time_left();
	ticker_stop();
	return 0;
}
