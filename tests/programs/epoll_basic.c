/* epoll_wait, epoll_pwait, epoll_pwait2: arguments, triggers, sets that change while a thread waits, sets in sets,
 * several threads on one set, signals. */
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>

#include "wait_test.h"

static int set, event;

static void add(int to, int fd, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.fd = fd};

	if (epoll_ctl(to, EPOLL_CTL_ADD, fd, &e))
		perror("epoll_ctl");
}

static void post(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		perror("write");
}

static void take(int fd)
{
	uint64_t value;

	if (read(fd, &value, sizeof(value)) < 0)
		perror("read");
}

static void *post_soon(void *arg)
{
	nap(20);
	post(event);
	return arg;
}

static void *add_soon(void *arg)
{
	nap(20);
	add(set, event, EPOLLIN);
	return arg;
}

static void arguments(void)
{
	struct epoll_event e[4];
	struct timespec bad = {0, 1000000000}, zero = {0, 0}, some = {0, 20 * MS};

	printf("no set: %s\n", outcome(epoll_wait(999, e, 4, 20)));
	printf("not a set: %s\n", outcome(epoll_wait(event, e, 4, 20)));
	printf("no room: %s\n", outcome(epoll_wait(set, e, 0, 20)));
	printf("bad address: %s\n", outcome(syscall(SYS_epoll_pwait, set, 8, 4, 20, NULL, 8)));
	printf("bad mask size: %s\n", outcome(syscall(SYS_epoll_pwait, set, e, 4, 20, e, 7)));
	printf("bad time: %s\n", outcome(syscall(SYS_epoll_pwait2, set, e, 4, &bad, NULL, 8)));
	printf("zero: %s %s\n", outcome(epoll_wait(set, e, 4, 0)),
	       syscall(SYS_epoll_pwait2, set, e, 4, &zero, NULL, 8) == 0 ? "and zero" : "WRONG");
	printf("some: %s %s\n", outcome(epoll_wait(set, e, 4, 20)),
	       syscall(SYS_epoll_pwait2, set, e, 4, &some, NULL, 8) == 0 ? "and some" : "WRONG");
}

static void woken(void)
{
	struct epoll_event e[4];
	pthread_t t = go(add_soon, NULL);
	int n;

	post(event);
	n = epoll_wait(set, e, 4, -1);
	printf("added meanwhile: %d %d\n", n, n == 1 && e[0].data.fd == event);
	done(t);
	take(event);
	t = go(post_soon, NULL);
	n = epoll_wait(set, e, 4, -1);
	printf("posted by another: %d %#x\n", n, n == 1 ? e[0].events : 0);
	done(t);
	printf("level: %d", epoll_wait(set, e, 4, -1));
	printf(" %d\n", epoll_wait(set, e, 4, 10));
	take(event);
	printf("taken: %d\n", epoll_wait(set, e, 4, 10));
}

static void triggers(void)
{
	struct epoll_event e[4], once = {.events = EPOLLIN | EPOLLONESHOT}, edge = {.events = EPOLLIN | EPOLLET};
	pthread_t t;

	epoll_ctl(set, EPOLL_CTL_MOD, event, &edge);
	t = go(post_soon, NULL);
	printf("edge: %d", epoll_wait(set, e, 4, -1));
	printf(" %d\n", epoll_wait(set, e, 4, 10));
	done(t);
	t = go(post_soon, NULL);
	printf("another edge: %d\n", epoll_wait(set, e, 4, -1));
	done(t);
	take(event);
	epoll_ctl(set, EPOLL_CTL_MOD, event, &once);
	t = go(post_soon, NULL);
	printf("once: %d", epoll_wait(set, e, 4, -1));
	printf(" %d\n", epoll_wait(set, e, 4, 10));
	done(t);
	take(event);
	epoll_ctl(set, EPOLL_CTL_DEL, event, NULL);
}

static void nested(void)
{
	int outer = epoll_create1(0);
	struct epoll_event e[4];
	pthread_t t;

	add(set, event, EPOLLIN);
	add(outer, set, EPOLLIN);
	t = go(post_soon, NULL);
	printf("nested: %d\n", epoll_wait(outer, e, 4, -1));
	done(t);
	take(event);
	printf("nested, taken: %d\n", epoll_wait(outer, e, 4, 10));
	close(outer);
}

static unsigned taken;
static volatile int stop;

static void *serve(void *arg)
{
	struct epoll_event e[2];
	uint64_t value;

	while (!stop) {
		int n = epoll_wait(set, e, 2, 20);

		for (int i = 0; i < n; i++)
			if (read(e[i].data.fd, &value, sizeof(value)) == sizeof(value))
				__atomic_add_fetch(&taken, value, __ATOMIC_SEQ_CST);
	}
	return arg;
}

static void several_threads(void)
{
	pthread_t t[8];
	int fds[50];

	for (int i = 0; i < 50; i++) {
		fds[i] = eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE);
		add(set, fds[i], EPOLLIN);
	}
	for (int i = 0; i < 8; i++)
		t[i] = go(serve, NULL);
	for (int i = 0; i < 1000; i++) {
		post(fds[i * 7 % 50]);
		if (i % 50 == 0)
			nap(1);
	}
	while (__atomic_load_n(&taken, __ATOMIC_SEQ_CST) < 1000)
		nap(1);
	stop = 1;
	for (int i = 0; i < 8; i++)
		done(t[i]);
	printf("several threads: %u\n", taken);
	for (int i = 0; i < 50; i++)
		close(fds[i]);
}

static void *wait_masked(void *arg)
{
	struct epoll_event e;
	int ret = epoll_pwait(set, &e, 1, -1, arg);

	return (void *)(long)(ret < 0 ? errno : 0);
}

static void interrupted(void)
{
	sigset_t mask, none;
	pthread_t t;

	handle(SIGUSR1, SA_RESTART);
	t = go(wait_masked, NULL);
	nap(30);
	pthread_kill(t, SIGUSR1);
	printf("interrupted: %s\n", strerrorname_np((int)done(t)));
	sigemptyset(&none);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &mask, NULL);
	t = go(wait_masked, &none);
	nap(30);
	pthread_kill(t, SIGUSR1);
	printf("unmasked in epoll_pwait: %s\n", strerrorname_np((int)done(t)));
}

int main(void)
{
	set = epoll_create1(EPOLL_CLOEXEC);
	event = eventfd(0, EFD_NONBLOCK);
	ticker_start();
	arguments();
	woken();
	triggers();
	nested();
	several_threads();
	interrupted();
	ticker_stop();
	return 0;
}
