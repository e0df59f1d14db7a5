/* clone(2) with CLONE_VM alone: a process that shares the memory, and even the thread-local storage, and runs beside
 * the threads. Its calls are its own: they stop, and name, nobody else. Sanitizers look for leaks in such a process. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "thread_test.h"

#define ROUNDS 300

static char stack[4][65536] __attribute__((aligned(16)));
static int fds[2];
static volatile int own_pid[4];
static volatile unsigned long spun;

/* Raw calls: errno is shared too. */
static int child(void *arg)
{
	long i = (long)arg;
	struct timespec ms = {0, 200000};
	char byte = (char)('a' + i);

	own_pid[i] = (int)syscall(SYS_gettid) == (int)syscall(SYS_getpid) ? 1 : -1;
	for (int k = 0; k < ROUNDS; k++) {
		syscall(SYS_sched_yield);
		if (k % 50 == 0)
			syscall(SYS_nanosleep, &ms, NULL);
		syscall(SYS_write, fds[1], &byte, 1);
	}
	syscall(SYS_exit, 3 + i);
	return 0;
}

static void *spin(void *arg)
{
	volatile int *stop = arg;

	while (!*stop) {
		spun++;
		sched_yield();
	}
	return NULL;
}

int main(void)
{
	volatile int stop = 0;
	int counts[4] = {0};
	pthread_t t = go(spin, (void *)&stop);
	pid_t pids[4];
	char byte;

	alarm(50);
	pipe(fds);
	for (long i = 0; i < 4; i++)
		pids[i] = clone(child, stack[i] + sizeof(stack[i]),
				CLONE_VM | CLONE_FS | CLONE_FILES | (i % 2 ? SIGCHLD : 0), (void *)i);
	for (int k = 0; k < 4 * ROUNDS; k++)
		if (read(fds[0], &byte, 1) == 1)
			counts[byte - 'a']++;
	for (int i = 0; i < 4; i++) {
		int status = 0;
		int mine = waitpid(pids[i], &status, __WALL) == pids[i];

		printf("%d: %d bytes, pid %d, waited %d, status %d\n", i, counts[i], own_pid[i], mine,
		       WEXITSTATUS(status));
	}
	stop = 1;
	done(t);
	printf("spun: %d\n", spun > 0);
	return 0;
}
