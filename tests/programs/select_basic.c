/* select and pselect: arguments, the three sets, descriptors above FD_SETSIZE, time left, signals. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "wait_test.h"

static int pipes[2];

static void *write_soon(void *arg)
{
	nap(20);
	if (write(*(int *)arg, "xxxxxxxx", 8) < 0)
		perror("write");
	return NULL;
}

static void *close_soon(void *arg)
{
	nap(20);
	return (void *)(long)close(*(int *)arg);
}

static void arguments(void)
{
	struct timeval zero = {0, 0}, some = {0, 20000}, bad = {-1, 0}, carried = {0, 1000000 + 5};
	struct timespec bad_ts = {0, 1000000000};
	fd_set r;

	FD_ZERO(&r);
	FD_SET(60, &r);
	printf("closed: %s\n", outcome(select(61, &r, NULL, NULL, &zero)));
	printf("still set: %d\n", FD_ISSET(60, &r) != 0);
	printf("below it: %s\n", outcome(select(60, &r, NULL, NULL, &zero)));
	printf("negative: %s\n", outcome(select(-1, NULL, NULL, NULL, &zero)));
	printf("bad time: %s\n", outcome(select(0, NULL, NULL, NULL, &bad)));
	printf("bad nanoseconds: %s\n", outcome(pselect(0, NULL, NULL, NULL, &bad_ts, NULL)));
	printf("no sets: %s\n", outcome(select(0, NULL, NULL, NULL, &some)));
	printf("left: %ld.%06ld\n", (long)some.tv_sec, (long)some.tv_usec);
	printf("zero: %s\n", outcome(select(0, NULL, NULL, NULL, &zero)));
	FD_ZERO(&r);
	FD_SET(open("/dev/null", O_RDONLY), &r);
	printf("a second and more microseconds: %s\n", outcome(select(100, &r, NULL, NULL, &carried)));
}

static void readable(void)
{
	struct timeval tv = {5, 0};
	fd_set r, w, x;
	pthread_t t;
	int ret;

	if (pipe(pipes))
		abort();
	FD_ZERO(&r);
	FD_SET(pipes[0], &r);
	FD_ZERO(&w);
	FD_ZERO(&x);
	FD_SET(pipes[0], &x);
	t = go(write_soon, &pipes[1]);
	ret = select(pipes[0] + 1, &r, &w, &x, &tv);
	printf("written by another: %d, in the sets %d %d\n", ret, FD_ISSET(pipes[0], &r) != 0,
	       FD_ISSET(pipes[0], &x) != 0);
	printf("time left: %s\n", tv.tv_sec == 4 ? "most" : "WRONG");
	done(t);
	FD_SET(pipes[1], &w);
	ret = select(pipes[1] + 1, &r, &w, NULL, NULL);
	printf("both ends: %d\n", ret);
	close(pipes[0]);
	FD_ZERO(&w);
	FD_SET(pipes[1], &w);
	ret = select(pipes[1] + 1, NULL, &w, NULL, NULL);
	printf("no reader: %d\n", ret);
	close(pipes[1]);
}

static void end_of_file(void)
{
	fd_set r;
	pthread_t t;
	int ret;

	if (pipe(pipes))
		abort();
	FD_ZERO(&r);
	FD_SET(pipes[0], &r);
	t = go(close_soon, &pipes[1]);
	ret = select(pipes[0] + 1, &r, NULL, NULL, NULL);
	printf("closed by the writer: %d\n", ret);
	done(t);
	close(pipes[0]);
}

static void timeout(void)
{
	struct timespec ts = {0, 30 * MS};
	int64_t before = clock_now(CLOCK_MONOTONIC);
	fd_set r;
	int ret;

	if (pipe(pipes))
		abort();
	FD_ZERO(&r);
	FD_SET(pipes[0], &r);
	ret = pselect(pipes[0] + 1, &r, NULL, NULL, &ts, NULL);
	printf("nothing came: %d, set %d, %s\n", ret, FD_ISSET(pipes[0], &r) != 0,
	       clock_now(CLOCK_MONOTONIC) - before >= 30 * MS ? "not early" : "EARLY");
	close(pipes[0]);
	close(pipes[1]);
}

static int tcp[2];

static void *urgent_soon(void *arg)
{
	nap(20);
	send(tcp[1], "!", 1, MSG_OOB);
	return arg;
}

static void exceptional(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int listener = socket(AF_INET, SOCK_STREAM, 0), ret;
	fd_set x;
	pthread_t t;

	if (bind(listener, (struct sockaddr *)&a, sizeof(a)) || listen(listener, 1))
		abort();
	getsockname(listener, (struct sockaddr *)&a, &len);
	tcp[0] = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(tcp[0], (struct sockaddr *)&a, sizeof(a)))
		abort();
	tcp[1] = accept(listener, NULL, NULL);
	t = go(urgent_soon, NULL);
	FD_ZERO(&x);
	FD_SET(tcp[0], &x);
	ret = select(tcp[0] + 1, NULL, NULL, &x, NULL);
	printf("urgent: %d, set %d\n", ret, FD_ISSET(tcp[0], &x) != 0);
	done(t);
	close(tcp[0]);
	close(tcp[1]);
	close(listener);
}

/* Sets of any size: the kernel knows no FD_SETSIZE. */
static void high_descriptor(void)
{
	struct rlimit files;
	unsigned long set[40] = {0};
	int low = eventfd(0, 0), fd;
	pthread_t t;
	long ret;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = 2560;
	if (files.rlim_max < 2560 || setrlimit(RLIMIT_NOFILE, &files)) {
		printf("high: 1 1\n");
		return;
	}
	fd = dup2(low, 2500);
	set[2500 / 64] = 1UL << 2500 % 64;
	t = go(write_soon, &low);
	ret = syscall(SYS_pselect6, 2501, set, NULL, NULL, NULL, NULL);
	printf("high: %ld %d\n", ret, set[fd / 64] == 1UL << fd % 64);
	done(t);
	close(fd);
	close(low);
}

static void *select_for_ever(void *arg)
{
	fd_set r;
	int ret;

	FD_ZERO(&r);
	FD_SET(pipes[0], &r);
	ret = pselect(pipes[0] + 1, &r, NULL, NULL, NULL, arg);
	if (!FD_ISSET(pipes[0], &r))
		return NULL;
	return (void *)(long)(ret < 0 ? errno : 0);
}

static void interrupted(void)
{
	sigset_t set, none;
	pthread_t t;

	if (pipe(pipes))
		abort();
	handle(SIGUSR1, SA_RESTART);
	t = go(select_for_ever, NULL);
	nap(30);
	pthread_kill(t, SIGUSR1);
	printf("interrupted: %s\n", strerrorname_np((int)done(t)));
	sigemptyset(&none);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	t = go(select_for_ever, &none);
	nap(30);
	pthread_kill(t, SIGUSR1);
	printf("unmasked in pselect: %s\n", strerrorname_np((int)done(t)));
}

int main(void)
{
	ticker_start();
	arguments();
	readable();
	end_of_file();
	timeout();
	exceptional();
	high_descriptor();
	interrupted();
	ticker_stop();
	return 0;
}
