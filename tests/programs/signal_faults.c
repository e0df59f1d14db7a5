/* Thousands of faults that a handler leaves by siglongjmp, while other processes want the same CPU: whenever the
 * kernel takes it away, a handler that has just begun must survive it. */
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "thread_test.h"

#define RIVALS 3
#define FAULTS 4000

static __thread sigjmp_buf back;
static __thread volatile int faults;

static void on_fault(int sig)
{
	(void)sig;
	faults++;
	siglongjmp(back, 1);
}

static void *fault(void *arg)
{
	while (faults < FAULTS)
		if (!sigsetjmp(back, 1))
			*(volatile int *)arg = 1;
	return (void *)(long)faults;
}

static pid_t rival(void)
{
	pid_t pid = fork();

	if (!pid) {
		alarm(60);
		for (;;)
			sched_yield();
	}
	return pid;
}

int main(void)
{
	struct sigaction sa = {.sa_handler = on_fault};
	pid_t rivals[RIVALS];
	pthread_t t;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(sched_getcpu(), &set);
	sched_setaffinity(0, sizeof(set), &set);
	for (int i = 0; i < RIVALS; i++)
		rivals[i] = rival();
	sigaction(SIGSEGV, &sa, NULL);
	t = go(fault, (void *)8);
	printf("main: %ld\n", (long)fault((void *)16));
	printf("thread: %ld\n", done(t));
	for (int i = 0; i < RIVALS; i++) {
		kill(rivals[i], SIGKILL);
		waitpid(rivals[i], NULL, 0);
	}
	return 0;
}
