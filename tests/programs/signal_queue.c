/* Queued signals: order of real-time signals, what sigqueue and timers say, overruns, which thread of several takes what;
 * masks of ppoll, pselect and epoll_pwait that open a signal only inside; sigwait in a daemon. */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "masked_wait.h"
#include "signal_test.h"

static char trace[1024];
static size_t traced;

static void note(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (traced < sizeof(trace) - 20)
		traced += (size_t)snprintf(trace + traced, sizeof(trace) - traced, " %d:%d", sig - SIGRTMIN,
					   info->si_value.sival_int);
}

static void show(const char *what)
{
	printf("%s:%s\n", what, trace);
	trace[traced = 0] = 0;
}

static sigset_t real_time(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (int sig = SIGRTMIN; sig <= SIGRTMIN + 4; sig++)
		sigaddset(&set, sig);
	return set;
}

static void open_all(void)
{
	sigset_t none;

	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
}

static void queue(int sig, int value)
{
	if (sigqueue(getpid(), SIGRTMIN + sig, (union sigval){.sival_int = value}))
		printf("sigqueue: %s\n", name_of(errno));
}

static void queue_thread(int sig, int value)
{
	int err = pthread_sigqueue(pthread_self(), SIGRTMIN + sig, (union sigval){.sival_int = value});

	if (err)
		printf("pthread_sigqueue: %s\n", name_of(err));
}

static void several(void)
{
	queue(3, 1);
	queue(1, 2);
	queue_thread(2, 3);
	queue(1, 4);
	queue_thread(1, 5);
	queue(2, 6);
	queue_thread(3, 7);
	queue(1, 8);
}

/* The thread's own come before the process's, of the same number. */
static void *order(void *arg)
{
	sigset_t set = real_time(), pending;
	siginfo_t info;
	int sig, n = 0;

	pthread_sigmask(SIG_BLOCK, &set, NULL);
	several();
	sigpending(&pending);
	for (sig = SIGRTMIN; sig <= SIGRTMIN + 4; sig++)
		n += sigismember(&pending, sig);
	printf("pending %d\n", n);
	open_all();
	show("handlers");
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	several();
	for (n = 0; n < 8 && (sig = sigwaitinfo(&set, &info)) > 0; n++) {
		note(sig, &info, NULL);
		if (info.si_code != SI_QUEUE || info.si_pid != getpid() || info.si_uid != getuid())
			printf("code %d\n", info.si_code);
	}
	show("sigwaitinfo");
	printf("nothing left: %d %s\n", sigtimedwait(&set, &info, &(struct timespec){0, 0}), name_of(errno));
	open_all();
	return arg;
}

static void *by_signalfd(void *arg)
{
	struct signalfd_siginfo info[10];
	sigset_t set = real_time();
	int fd;
	ssize_t n;

	pthread_sigmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	several();
	n = read(fd, info, sizeof(info)) / (ssize_t)sizeof(*info);
	printf("signalfd %zd:", n);
	for (ssize_t i = 0; i < n; i++)
		printf(" %d:%d", (int)info[i].ssi_signo - SIGRTMIN, info[i].ssi_int);
	puts("");
	close(fd);
	open_all();
	return arg;
}

/* A standard signal is pending once, with what came first. */
static void *standard(void *arg)
{
	sigset_t set = set_of(SIGUSR1);
	siginfo_t info;

	pthread_sigmask(SIG_BLOCK, &set, NULL);
	sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 1});
	sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 2});
	kill(getpid(), SIGUSR1);
	pthread_kill(pthread_self(), SIGUSR1);
	for (int i = 0; i < 3; i++) {
		int sig = sigtimedwait(&set, &info, &(struct timespec){0, 0});

		printf("%s %s", i ? "," : "standard:", sig > 0 ? "taken" : name_of(errno));
		if (sig > 0)
			printf(" code %d value %d", info.si_code,
			       info.si_code == SI_QUEUE ? info.si_value.sival_int : 0);
	}
	puts("");
	open_all();
	return arg;
}

static void errors(void)
{
	union sigval v = {.sival_int = 0};
	siginfo_t info = {.si_code = SI_USER};

	printf("errors: %d", sigqueue(getpid(), 65, v));
	printf(" %s", name_of(errno));
	printf(", %d %s", sigqueue(0x3fffffff, 0, v), name_of(errno));
	printf(", 0: %d", sigqueue(getpid(), 0, v));
	printf(", %s", name_of(pthread_sigqueue(pthread_self(), 65, v)));
	printf(", %s", name_of(pthread_kill(pthread_self(), 65)));
	printf(", %ld", syscall(SYS_rt_tgsigqueueinfo, getppid(), getppid(), 0, &info));
	printf(" %s", name_of(errno));
	printf(", %d", sigtimedwait(&(sigset_t){0}, NULL, &(struct timespec){0, 1000000000}));
	printf(" %s\n", name_of(errno));
}

/* RLIMIT_SIGPENDING bounds the queue. */
static void limited(void)
{
	struct rlimit limit, few;
	sigset_t set = real_time();
	int n = 0, taken = 0;

	getrlimit(RLIMIT_SIGPENDING, &limit);
	few = limit;
	few.rlim_cur = 0;
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	setrlimit(RLIMIT_SIGPENDING, &few);
	while (n < 100 && !sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = n}))
		n++;
	printf("RLIMIT_SIGPENDING 0: %d, %s\n", n, n < 100 ? name_of(errno) : "0");
	printf("to a thread: %s\n",
	       name_of(pthread_sigqueue(pthread_self(), SIGRTMIN, (union sigval){.sival_int = 1})));
	printf("pthread_kill: %s\n", name_of(pthread_kill(pthread_self(), SIGRTMIN)));
	setrlimit(RLIMIT_SIGPENDING, &limit);
	while (sigtimedwait(&set, NULL, &(struct timespec){0, 0}) > 0)
		taken++;
	printf("taken: %d\n", taken);
	open_all();
}

/* Pending before: the call fails at once, though something is ready too; its handler has run exactly once, inside. */
static void *masked(void *arg)
{
	sigset_t block = real_time(), none, now;

	sigemptyset(&none);
	pthread_sigmask(SIG_BLOCK, &block, NULL);
	for (size_t i = 0; i < MASKED_WAITS; i++) {
		long ret;

		queue_thread(1, (int)i);
		queue_thread(1, 10 + (int)i);
		ret = masked_waits[i].call(&none);
		pthread_sigmask(SIG_BLOCK, NULL, &now);
		printf("%s: %ld %s, blocked again %d,", masked_waits[i].name, ret, name_of(errno),
		       sigismember(&now, SIGRTMIN + 1));
		show("");
	}
	if (write(masked_ends[1], "x", 1) == 1)
		for (size_t i = 0; i + 1 < MASKED_WAITS; i++) {
			long ret;

			queue_thread(1, (int)i);
			ret = masked_waits[i].call(&none);
			printf("%s, ready: %ld,", masked_waits[i].name, ret);
			pthread_sigmask(SIG_UNBLOCK, &block, NULL);
			pthread_sigmask(SIG_BLOCK, &block, NULL);
			show("");
		}
	if (read(masked_ends[0], &none, 1) != 1)
		puts("read failed");
	pthread_sigmask(SIG_UNBLOCK, &block, NULL);
	return arg;
}

/* Of a timer that is not heard for a while, the others are counted. */
static void *overruns(void *arg)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 5};
	struct itimerspec every = {{0, 1000000}, {0, 1000000}}, off = {.it_value = {0, 0}}, now;
	sigset_t set = real_time();
	siginfo_t info;
	timer_t timer;

	if (arg) {
		event.sigev_notify = SIGEV_THREAD_ID;
		event._sigev_un._tid = gettid();
	}
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (timer_create(CLOCK_MONOTONIC, &event, &timer))
		printf("timer_create: %s\n", name_of(errno));
	timer_settime(timer, 0, &every, NULL);
	settle();
	timer_gettime(timer, &now);
	sigwaitinfo(&set, &info);
	printf("overrun: %d %d, value %d, SI_TIMER %d, running %d\n", info.si_overrun >= 10,
	       timer_getoverrun(timer) == info.si_overrun, info.si_value.sival_int, info.si_code == SI_TIMER,
	       now.it_interval.tv_nsec == 1000000);
	timer_settime(timer, 0, &off, NULL);
	timer_delete(timer);
	printf("no timer: %d %s\n", timer_getoverrun(timer), name_of(errno));
	while (sigtimedwait(&set, &info, &(struct timespec){0, 0}) > 0)
		;
	open_all();
	return NULL;
}

/* A signalfd reads what a timer sends to this thread. */
static void *timer_to_fd(void *arg)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 6};
	struct itimerspec every = {{0, 1000000}, {0, 1000000}}, off = {.it_value = {0, 0}};
	struct signalfd_siginfo info[4];
	sigset_t set = real_time();
	timer_t timer;
	int fd;

	pthread_sigmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	event._sigev_un._tid = gettid();
	timer_create(CLOCK_MONOTONIC, &event, &timer);
	timer_settime(timer, 0, &every, NULL);
	settle();
	settle();
	printf("a timer to a signalfd: %zd", read(fd, info, sizeof(info)) / (ssize_t)sizeof(*info));
	printf(", value %d, SI_TIMER %d", info[0].ssi_int, info[0].ssi_code == SI_TIMER);
	printf(", overrun %d\n", timer_getoverrun(timer) >= 10);
	timer_settime(timer, 0, &off, NULL);
	timer_delete(timer);
	while (sigtimedwait(&set, NULL, &(struct timespec){0, 0}) > 0)
		;
	close(fd);
	open_all();
	return arg;
}

static void *(*running)(void *);

static void *opened(void *arg)
{
	open_all();
	return running(arg);
}

/* In a thread while main blocks all, so that the process's go to it; then in main. */
static void each(void *(*run)(void *), void *arg)
{
	sigset_t all;

	running = run;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	pthread_join(spawn(opened, arg), NULL);
	opened(arg);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	if (pipe(masked_ends))
		return 1;
	wake_shim();
	for (int sig = SIGRTMIN; sig <= SIGRTMIN + 4; sig++)
		handle(sig, note, 0);
	handle(SIGUSR1, note, 0);
	errors();
	limited();
	each(order, NULL);
	each(by_signalfd, NULL);
	each(standard, NULL);
	each(masked, NULL);
	each(overruns, NULL);
	each(overruns, "this thread");
	each(timer_to_fd, NULL);
	return 0;
}
