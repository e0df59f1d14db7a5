/* A thread that releases a lock only to take it again, and lets others run while it holds it: they get it all the same.
 * With a mutex and with a semaphore. */
#include <semaphore.h>
#include <unistd.h>

#include "thread_test.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static sem_t sem;
static volatile int stop, had;

static void take(const void *which)
{
	if (which == &mutex)
		pthread_mutex_lock(&mutex);
	else
		sem_wait(&sem);
}

static void release(const void *which)
{
	if (which == &mutex)
		pthread_mutex_unlock(&mutex);
	else
		sem_post(&sem);
}

static void *greedy(void *which)
{
	while (!stop) {
		take(which);
		sched_yield();
		release(which);
	}
	return NULL;
}

static void *modest(void *which)
{
	for (int i = 0; i < 5; i++) {
		take(which);
		had++;
		release(which);
		nap(1);
	}
	return NULL;
}

static void share(void *which, const char *what)
{
	pthread_t g = go(greedy, which), m[2];

	stop = had = 0;
	nap(5);
	for (int i = 0; i < 2; i++)
		m[i] = go(modest, which);
	for (int i = 0; i < 2; i++)
		done(m[i]);
	stop = 1;
	done(g);
	printf("%s: had %d times\n", what, had);
}

int main(void)
{
	sem_init(&sem, 0, 1);
	alarm(50);
	share(&mutex, "mutex");
	share(&sem, "semaphore");
	return 0;
}
