/* sigwait, sigwaitinfo, sigtimedwait, signalfd: who gets it, in which order, with which values. */
#include <poll.h>
#include <sys/signalfd.h>

#include "signal_test.h"

static sigset_t all;
static volatile sig_atomic_t handled;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)info, (void)context;
	handled++;
}

static void show(const char *what, int sig, const siginfo_t *info)
{
	if (sig < 0)
		printf("%s: %s\n", what, name_of(errno));
	else
		printf("%s: %d+%d value %d code %d mine %d\n", what, sig >= SIGRTMIN ? 100 : sig,
		       sig >= SIGRTMIN ? sig - SIGRTMIN : 0, info->si_code == SI_QUEUE ? info->si_value.sival_int : 0,
		       info->si_code, info->si_pid == getpid());
}

static void wait_once(const char *what, const sigset_t *set, long ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};
	siginfo_t info;
	int sig;

	do
		sig = ms < 0 ? sigwaitinfo(set, &info) : sigtimedwait(set, &info, &ts);
	while (ms < 0 && sig < 0 && errno == EINTR);
	show(what, sig, &info);
}

static void queue(int sig, int value)
{
	sigqueue(getpid(), sig, (union sigval){.sival_int = value});
}

/* The very first wait is for nothing but time. */
static void for_nothing(void)
{
	sigset_t none;

	sigemptyset(&none);
	wait_once("for nothing", &none, 20);
}

static void order(void)
{
	queue(SIGRTMIN + 2, 1);
	queue(SIGRTMIN + 1, 2);
	queue(SIGRTMIN + 1, 3);
	queue(SIGUSR2, 4);
	queue(SIGUSR2, 5); /* lost: one is pending */
	for (int i = 0; i < 4; i++)
		wait_once("queued", &all, 0);
	wait_once("no more", &all, 0);
	wait_once("timed out", &all, 20);
}

static void *waiter(void *arg)
{
	int sig = 0;
	sigset_t set = set_of(*(int *)arg);

	if (sigwait(&set, &sig))
		puts("sigwait failed");
	printf("sigwait for %d: %d\n", *(int *)arg, sig);
	return NULL;
}

/* Several wait, each for its own. */
static void several(void)
{
	int sigs[] = {SIGUSR1, SIGUSR2, SIGHUP};
	pthread_t t[3];

	for (int i = 0; i < 3; i++)
		t[i] = spawn(waiter, &sigs[i]);
	settle();
	for (int i = 2; i >= 0; i--) {
		kill(getpid(), sigs[i]);
		pthread_join(t[i], NULL);
	}
	t[0] = spawn(waiter, &sigs[1]);
	settle();
	pthread_kill(t[0], SIGUSR2);
	pthread_join(t[0], NULL);
}

static void *directed(void *arg)
{
	pthread_barrier_t *barrier = arg;

	pthread_barrier_wait(barrier);
	pthread_barrier_wait(barrier);
	wait_once("directed", &all, 0);
	wait_once("directed again", &all, 0);
	return NULL;
}

static void thread_pending(void)
{
	pthread_barrier_t barrier;
	pthread_t t;

	pthread_barrier_init(&barrier, NULL, 2);
	t = spawn(directed, &barrier);
	pthread_barrier_wait(&barrier);
	pthread_kill(t, SIGUSR1);
	pthread_sigqueue(t, SIGRTMIN + 3, (union sigval){.sival_int = 7});
	wait_once("main sees nothing", &all, 0);
	pthread_barrier_wait(&barrier);
	pthread_join(t, NULL);
}

static void *interrupted(void *arg)
{
	siginfo_t info;
	struct timespec ts = {20, 0};
	int sig;

	(void)arg;
	sigset_t set = set_of(SIGUSR2);
	sig = sigtimedwait(&set, &info, &ts);
	show("interrupted by a handler", sig, &info);
	sig = sigwaitinfo(&set, &info);
	show("interrupted by a handler", sig, &info);
	return NULL;
}

static void by_handler(void)
{
	sigset_t alarm_set = set_of(SIGALRM);
	pthread_t t;

	handle(SIGALRM, on_signal, 0);
	sigprocmask(SIG_UNBLOCK, &alarm_set, NULL);
	t = spawn(interrupted, NULL);
	for (int i = 0; i < 2; i++) {
		settle();
		pthread_kill(t, SIGALRM);
	}
	pthread_join(t, NULL);
	printf("handled %d\n", (int)handled);
	sigprocmask(SIG_BLOCK, &alarm_set, NULL);
}

static void *reads_signalfd(void *arg)
{
	struct signalfd_siginfo info;

	for (int i = 0; i < 2; i++)
		if (read(*(int *)arg, &info, sizeof(info)) == sizeof(info))
			printf("signalfd: %u value %d\n", info.ssi_signo, (int)info.ssi_int);
	return NULL;
}

static void by_signalfd(void)
{
	sigset_t set = set_of(SIGUSR1);
	int fd = signalfd(-1, &set, 0);
	struct pollfd p = {fd, POLLIN, 0};
	pthread_t t = spawn(reads_signalfd, &fd);

	settle();
	queue(SIGUSR1, 11);
	settle();
	queue(SIGUSR1, 12);
	pthread_join(t, NULL);
	printf("poll: %d\n", poll(&p, 1, 0));
	kill(getpid(), SIGUSR1);
	printf("poll: %d\n", poll(&p, 1, 1000));
	wait_once("taken", &set, 0);
	close(fd);
}

/* Ignored by default, but waited for. */
static void child_signal(void)
{
	sigset_t set = set_of(SIGCHLD);
	siginfo_t info;
	pid_t child = fork();

	if (!child)
		_exit(3);
	printf("SIGCHLD: %d", sigwaitinfo(&set, &info) == SIGCHLD);
	printf(" status %d code %d child %d\n", info.si_status, info.si_code == CLD_EXITED, info.si_pid == child);
}

int main(void)
{
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	wake_shim();
	for_nothing();
	order();
	several();
	thread_pending();
	by_handler();
	by_signalfd();
	child_signal();
	struct timespec bad = {0, -1};
	sigtimedwait(&all, NULL, &bad);
	printf("bad timeout: %s\n", name_of(errno));
	return 0;
}
