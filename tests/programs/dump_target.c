/* Threads in well-known places, for a dump. Without an argument they all wait; "busy": main computes. Ends on a byte
 * from stdin or after half a minute. */
#include <poll.h>

#include "signal_test.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static volatile sig_atomic_t own;

static void *locks(void *arg)
{
	pthread_setname_np(pthread_self(), "locker");
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
	return arg;
}

static void *sleeps(void *arg)
{
	pthread_setname_np(pthread_self(), "sleeper");
	sleep(30);
	return arg;
}

static int compare(const void *a, const void *b)
{
	(void)a, (void)b;
	poll(NULL, 0, 30000);
	return 0;
}

static void *sorts(void *arg)
{
	int numbers[] = {3, 2, 1};

	qsort(numbers, 3, sizeof(*numbers), compare);
	return arg;
}

static void on_own(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	own = info->si_value.sival_int;
}

int main(int argc, char **argv)
{
	struct timespec end, now;
	char byte;

	(void)argv;
	pthread_mutex_lock(&mutex);
	spawn(locks, NULL);
	spawn(sleeps, NULL);
	spawn(sorts, NULL);
	settle();
	handle(SIGRTMAX, on_own, SA_RESTART); /* the same signal as the request's */
	sigqueue(getpid(), SIGRTMAX, (union sigval){.sival_int = 5});
	printf("ready %d\n", (int)own);
	fflush(stdout);
	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += 30;
	while (argc > 1) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec >= end.tv_sec)
			return 1;
	}
	return read(STDIN_FILENO, &byte, 1) == 1 ? 0 : 1;
}
