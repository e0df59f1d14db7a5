/* Preloaded into a program of others: a thread that waits for ever, in each of its processes. What a suite tests in
 * processes that have no threads is so tested in some that have, and greenshim has something to do. */
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stddef.h>

static sem_t never;

static void *companion(void *arg)
{
	(void)arg;
	for (;;)
		sem_wait(&never);
	return NULL;
}

/* Signals are for the program's own threads. */
static void begin(void)
{
	pthread_t thread;
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (!pthread_create(&thread, NULL, companion, NULL))
		pthread_detach(thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

__attribute__((constructor)) static void start(void)
{
	pthread_atfork(NULL, NULL, begin);
	begin();
}
