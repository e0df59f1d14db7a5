/* The CPU's time stamp counter may be forbidden: who reads it gets SIGSEGV, and nobody else. prctl(2), PR_SET_TSC. */
#include <setjmp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <x86intrin.h>

#include "thread_test.h"

#define ROUNDS 200

static sigjmp_buf back;
static int ends[2];

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	siglongjmp(back, sig == SIGSEGV && info->si_code > 0 ? 1 : 2);
}

static const char *reads(void)
{
	int how = sigsetjmp(back, 1);

	if (!how)
		__rdtsc();
	return how == 0 ? "read" : how == 1 ? "SIGSEGV" : "another signal";
}

static void *answers(void *arg)
{
	char c;

	while (read(ends[0], &c, 1) == 1)
		sched_yield();
	return arg;
}

int main(void)
{
	struct sigaction act = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
	struct timespec moment = {0, 1000};
	pthread_t t;
	int set = 0, slept = 0;

	sigaction(SIGSEGV, &act, NULL);
	if (pipe(ends))
		return 1;
	if (prctl(PR_SET_TSC, PR_TSC_SIGSEGV)) {
		puts("this kernel does not");
		return 77;
	}
	pthread_create(&t, NULL, answers, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		if (write(ends[1], "x", 1) != 1)
			return 1;
		slept += !nanosleep(&moment, NULL);
	}
	prctl(PR_GET_TSC, &set);
	printf("slept %d, set %d, %s\n", slept, set, reads());
	prctl(PR_SET_TSC, PR_TSC_ENABLE);
	printf("allowed: %s\n", reads());
	prctl(PR_SET_TSC, PR_TSC_SIGSEGV);
	for (int i = 0; i < ROUNDS; i++)
		sched_yield();
	printf("forbidden: %s\n", reads());
	prctl(PR_SET_TSC, PR_TSC_ENABLE);
	close(ends[1]);
	pthread_join(t, NULL);
	return 0;
}
