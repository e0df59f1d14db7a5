/* Signals that are pending when the first thread is made: some for the one thread there is, some for the process. */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "thread_test.h"

static const int numbers[] = {SIGUSR1, SIGUSR2, SIGHUP, SIGSEGV, SIGBUS};

static void show_pending(const char *who)
{
	sigset_t set;

	sigpending(&set);
	printf("pending for %s:", who);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		printf(" %s %d", sigabbrev_np(numbers[i]), sigismember(&set, numbers[i]));
	printf(" RTMIN+1 %d RTMIN+2 %d\n", sigismember(&set, SIGRTMIN + 1), sigismember(&set, SIGRTMIN + 2));
}

static void take(const char *who)
{
	struct timespec zero = {0, 0};
	sigset_t all;
	siginfo_t info;
	int sig;

	sigfillset(&all);
	while ((sig = sigtimedwait(&all, &info, &zero)) > 0)
		printf("%s takes %d, code %d, value %d\n", who, sig, info.si_code,
		       sig >= SIGRTMIN ? info.si_value.sival_int : 0);
	printf("%s: %s\n", who, error_name(errno));
}

static void *other(void *arg)
{
	show_pending("the new thread");
	take("it");
	return arg;
}

int main(void)
{
	pthread_t t;
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	raise(SIGUSR1);
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR2);
	raise(SIGHUP);
	raise(SIGSEGV);
	kill(getpid(), SIGBUS);
	for (int i = 1; i <= 3; i++) {
		pthread_sigqueue(pthread_self(), SIGRTMIN + 1, (union sigval){.sival_int = i});
		sigqueue(getpid(), SIGRTMIN + 2, (union sigval){.sival_int = 10 * i});
		sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 100 * i});
	}
	pthread_create(&t, NULL, other, NULL);
	pthread_join(t, NULL);
	show_pending("main");
	take("main");
	return 0;
}
