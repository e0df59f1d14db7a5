/* exit, _exit and main's return end the process while threads wait in every way. Argument: which. */
#include <semaphore.h>

#include "thread_test.h"

static int fds[2];
static sem_t sem;

static void at_exit(void)
{
	nap(5); /* others may still run */
	puts("exit handler");
}

static void *by_read(void *arg)
{
	char byte;

	if (read(fds[0], &byte, 1) > 0)
		puts("read");
	return arg;
}

static void *by_sem(void *arg)
{
	sem_wait(&sem);
	return arg;
}

static void *by_sleep(void *arg)
{
	sleep(100);
	return arg;
}

static void *by_exit(void *arg)
{
	nap(20);
	puts("exit in a thread");
	if (arg)
		_exit(4);
	exit(3);
}

int main(int argc, char **argv)
{
	char way = argc > 1 ? argv[1][0] : 'r';

	setvbuf(stdout, NULL, _IOLBF, 0);
	atexit(at_exit);
	sem_init(&sem, 0, 0);
	if (pipe(fds))
		return 1;
	go(by_read, NULL), go(by_sem, NULL), go(by_sleep, NULL);
	settle();
	if (way == 'r')
		return 7;
	done(go(by_exit, way == '_' ? (void *)1 : NULL));
	puts("NOT reached");
	return 0;
}
