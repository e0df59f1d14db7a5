/* eventfd, timerfd and epoll: every function, the errors that are documented, many waiters, signals, a child. */
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "thread_test.h"

static void *volatile nowhere = (void *)8;
static volatile int fewer = -1;

#define LENGTH(array) (int)(sizeof(array) / sizeof(*(array)))

static void *nothing(void *arg)
{
	return arg;
}

static void *write_later(void *arg)
{
	nap(10);
	eventfd_write(*(int *)arg, 3);
	return NULL;
}

static void *read_later(void *arg)
{
	eventfd_t value;

	nap(10);
	eventfd_read(*(int *)arg, &value);
	return NULL;
}

static void event_errors(int fd)
{
	eventfd_t value = 0;
	char small[4];

	printf("flags: %s", outcome(eventfd(0, 1 << 20)));
	printf(", write all ones: %s", outcome(eventfd_write(fd, ~0ull)));
	printf(", read small: %s", outcome(read(fd, small, sizeof(small))));
	printf(", write small: %s", outcome(write(fd, small, sizeof(small))));
	printf(", bad: %s", outcome(eventfd_read(-1, &value)));
	printf(" %s", outcome(eventfd_write(-1, 1)));
	printf(" %s\n", outcome(read(fd, nowhere, 8)));
}

static void events(void)
{
	eventfd_t value = 0;
	int fd = eventfd(5, EFD_CLOEXEC), other = eventfd(3, EFD_NONBLOCK | EFD_SEMAPHORE);
	pthread_t t;

	SHOW_ERRNO(eventfd_read(fd, &value));
	printf("value %lu\n", value);
	t = go(write_later, &fd);
	SHOW_ERRNO(eventfd_read(fd, &value));
	printf("value %lu\n", value);
	done(t);
	SHOW_ERRNO(eventfd_write(fd, 0xfffffffffffffffeull));
	t = go(read_later, &fd);
	SHOW_ERRNO(eventfd_write(fd, 1)); /* waits */
	done(t);
	for (int i = 0; i < 4; i++) {
		printf("semaphore: %s", outcome(eventfd_read(other, &value)));
		printf(" %lu\n", value);
	}
	SHOW_ERRNO(eventfd_write(other, 0xfffffffffffffffeull));
	SHOW_ERRNO(eventfd_write(other, 1));
	eventfd_write(fd, 1);
	event_errors(fd);
	close(fd);
	close(other);
}

static volatile int started;

static void *read_one(void *arg)
{
	eventfd_t value = 0;

	__atomic_add_fetch(&started, 1, __ATOMIC_SEQ_CST);
	while (eventfd_read(*(int *)arg, &value))
		__atomic_add_fetch(&started, 100, __ATOMIC_SEQ_CST);
	return (void *)value;
}

#define MANY 10
static void many_events(void)
{
	int fd = eventfd(0, EFD_SEMAPHORE);
	pthread_t t[MANY];
	long sum = 0;

	handle(SIGUSR1, 0);
	started = 0;
	for (int i = 0; i < MANY; i++)
		t[i] = go(read_one, &fd);
	while (started < MANY)
		nap(1);
	settle();
	pthread_kill(t[0], SIGUSR1);
	while (started < 100)
		nap(1);
	eventfd_write(fd, MANY);
	for (int i = 0; i < MANY; i++)
		sum += done(t[i]);
	printf("many: %ld, interrupted %d\n", sum, started / 100);
	close(fd);
}

static const clockid_t clocks[] = {CLOCK_REALTIME,
				   CLOCK_MONOTONIC,
				   CLOCK_BOOTTIME,
				   CLOCK_PROCESS_CPUTIME_ID,
				   CLOCK_THREAD_CPUTIME_ID,
				   CLOCK_TAI,
				   CLOCK_MONOTONIC_COARSE,
				   77,
				   -1};

static void show_timer(int fd)
{
	struct itimerspec now = {{-1, -1}, {-1, -1}};

	printf("  gettime %s", outcome(timerfd_gettime(fd, &now)));
	printf(": armed %d, interval %ld\n", now.it_value.tv_sec || now.it_value.tv_nsec, now.it_interval.tv_nsec);
}

static uint64_t expirations(int fd)
{
	uint64_t n = 0;
	ssize_t got = read(fd, &n, sizeof(n));

	return got == (ssize_t)sizeof(n) ? n : 1000000 + (uint64_t)errno;
}

static void timer_of(clockid_t clock)
{
	struct itimerspec in = {{0, 3 * MS}, {0, 5 * MS}}, at = {{0, 0}, in_ms(clock, 5)}, off = {{0, 0}, {0, 0}}, old;
	int fd = timerfd_create(clock, TFD_CLOEXEC);
	uint64_t n;

	printf("clock %d: %s\n", clock, fd < 0 ? error_name(errno) : "a timer");
	if (fd < 0)
		return;
	show_timer(fd);
	printf("  settime %s\n", outcome(timerfd_settime(fd, 0, &in, NULL)));
	show_timer(fd);
	n = expirations(fd);
	printf("  expired %d", n >= 1 && n < 1000000);
	n = expirations(fd);
	printf(" %d\n", n >= 1 && n < 1000000);
	printf("  absolutely %s", outcome(timerfd_settime(fd, TFD_TIMER_ABSTIME, &at, &old)));
	printf(", before %ld", old.it_interval.tv_nsec);
	n = expirations(fd);
	printf(", expired %lu, %s\n", n, waited(clock, at.it_value));
	printf("  off %s\n", outcome(timerfd_settime(fd, 0, &off, &old)));
	show_timer(fd);
	at.it_value = (struct timespec){1, 0};
	printf("  past %s", outcome(timerfd_settime(fd, TFD_TIMER_ABSTIME, &at, NULL)));
	printf(" %lu\n", expirations(fd));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	printf("  empty %d\n", expirations(fd) == 1000000 + EAGAIN);
	close(fd);
}

static void timers(void)
{
	struct itimerspec bad = {{0, 0}, {0, 1000000000}}, negative = {{0, 0}, {-1, 0}}, good = {{0, 0}, {1, 0}};
	int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK), null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	for (int i = 0; i < LENGTH(clocks); i++)
		timer_of(clocks[i]);
	printf("flags %s", outcome(timerfd_create(CLOCK_REALTIME, 1 << 20)));
	printf(", settime: bad %s", outcome(timerfd_settime(fd, 0, &bad, NULL)));
	printf(" negative %s", outcome(timerfd_settime(fd, 0, &negative, NULL)));
	printf(" flags %s", outcome(timerfd_settime(fd, 64, &good, NULL)));
	printf(" pointer %s", outcome(timerfd_settime(fd, 0, nowhere, NULL)));
	printf(" descriptor %s %s", outcome(timerfd_settime(-1, 0, &good, NULL)), "");
	printf("%s", outcome(timerfd_settime(null, 0, &good, NULL)));
	printf(", gettime %s", outcome(timerfd_gettime(null, &good)));
	printf(" %s", outcome(timerfd_gettime(-1, &good)));
	printf(" %s\n", outcome(timerfd_gettime(fd, nowhere)));
	printf("cancel on set: %s\n",
	       outcome(timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &good, NULL)));
	close(fd);
	close(null);
}

static int set;

static void ctl(const char *what, int op, int fd, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.fd = fd};

	printf(" %s %s", what, outcome(epoll_ctl(set, op, fd, &e)));
}

static void sets(void)
{
	struct epoll_event got[4];
	struct timespec soon = {0, 5 * MS}, bad = {0, -1};
	int fd = eventfd(0, 0), file = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	sigset_t none;

	sigemptyset(&none);
	printf("create %s", outcome(epoll_create(0)));
	printf(" %s", outcome(epoll_create(-1)));
	printf(" %s\nctl:", outcome(epoll_create1(1 << 20)));
	set = epoll_create(1);
	printf(" %d", fcntl(set, F_GETFD));
	ctl("mod", EPOLL_CTL_MOD, fd, EPOLLIN);
	ctl("del", EPOLL_CTL_DEL, fd, 0);
	ctl("add", EPOLL_CTL_ADD, fd, EPOLLIN);
	ctl("again", EPOLL_CTL_ADD, fd, EPOLLIN);
	ctl("itself", EPOLL_CTL_ADD, set, EPOLLIN);
	ctl("a file", EPOLL_CTL_ADD, file, EPOLLIN);
	ctl("closed", EPOLL_CTL_ADD, 999, EPOLLIN);
	ctl("op", 77, fd, EPOLLIN);
	ctl("exclusive", EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLEXCLUSIVE);
	printf(" null %s", outcome(epoll_ctl(set, EPOLL_CTL_MOD, fd, NULL)));
	printf(" no set %s\n", outcome(epoll_ctl(fd, EPOLL_CTL_MOD, fd, got)));
	printf("wait: timeout %s", outcome(epoll_wait(set, got, 4, 5)));
	printf(" at once %s", outcome(epoll_wait(set, got, 4, 0)));
	printf(" none %s", outcome(epoll_wait(set, got, 0, 0)));
	printf(" fewer %s", outcome(epoll_wait(set, got, fewer, 0)));
	printf(" pwait %s", outcome(epoll_pwait(set, got, 4, 5, &none)));
	printf(" pwait2 %s", outcome(epoll_pwait2(set, got, 4, &soon, &none)));
	printf(" bad %s", outcome(epoll_pwait2(set, got, 4, &bad, NULL)));
	printf(" no set %s", outcome(epoll_wait(fd, got, 4, 0)));
	printf(" closed %s\n", outcome(epoll_wait(999, got, 4, 0)));
	eventfd_write(fd, 1);
	printf("ready: %s", outcome(epoll_pwait2(set, got, 4, NULL, NULL)));
	printf(" %x %d", got[0].events, got[0].data.fd == fd);
	printf(" bad %s", outcome(epoll_wait(set, nowhere, 4, 0)));
	printf(" %s\n", outcome(epoll_wait(set, got, 1, -1)));
	close(fd);
	close(file);
	close(set);
}

static void *wait_set(void *arg)
{
	struct epoll_event got[1];
	struct timespec longer = {100, 0};
	long ret;

	(void)arg;
	__atomic_add_fetch(&started, 1, __ATOMIC_SEQ_CST);
	ret = epoll_pwait2(set, got, 1, &longer, NULL);
	return (void *)(ret < 0 ? -errno : ret);
}

static void set_waiters(void)
{
	struct epoll_event e = {.events = EPOLLIN};
	pthread_t t[MANY];
	int fd = eventfd(0, 0);
	long sum = 0;

	set = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(set, EPOLL_CTL_ADD, fd, &e);
	started = 0;
	handle(SIGUSR1, SA_RESTART);
	for (int i = 0; i < MANY; i++)
		t[i] = go(wait_set, NULL);
	while (started < MANY)
		nap(1);
	settle();
	pthread_kill(t[0], SIGUSR1);
	printf("interrupted: %s\n", error_name((int)-done(t[0])));
	eventfd_write(fd, 1);
	for (int i = 1; i < MANY; i++)
		sum += done(t[i]);
	printf("woken: %ld\n", sum);
	close(fd);
	close(set);
}

static void all(void)
{
	events();
	many_events();
	timers();
	sets();
	set_waiters();
}

static void *in_a_child(void *arg)
{
	int status, fd = eventfd(0, 0), timer = timerfd_create(CLOCK_MONOTONIC, 0);
	struct itimerspec in = {{0, 0}, {0, 5 * MS}};
	pid_t pid;

	timerfd_settime(timer, 0, &in, NULL);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		eventfd_write(fd, 4);
		printf("the parent's timer: %lu\n", expirations(timer));
		all();
		fflush(stdout);
		_exit(6);
	}
	printf("the child's event: %lu\n", expirations(fd));
	fflush(stdout);
	waitpid(pid, &status, 0);
	printf("child %d\n", WEXITSTATUS(status));
	return arg;
}

int main(void)
{
	done(go(nothing, NULL));
	all();
	done(go(in_a_child, NULL));
	return 0;
}
