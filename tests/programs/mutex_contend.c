/* Many threads, one mutex of each type, with waits inside and outside it: nothing may be lost, nobody may starve. */
#include "thread_test.h"

#define THREADS 16
#define ROUNDS 300

static pthread_mutex_t mutex;
static long counter, inside, overlaps;

static void *work(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&mutex);
		if (inside++)
			overlaps++;
		if (i % 3 == 0)
			sched_yield();
		if (i % 100 == 0)
			nap(1);
		inside--;
		counter++;
		pthread_mutex_unlock(&mutex);
		if (i % 7 == 0)
			sched_yield();
	}
	return arg;
}

static void kind(const char *name, int type, int protocol, int robust)
{
	pthread_mutexattr_t attr;
	pthread_t t[THREADS];

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, type);
	pthread_mutexattr_setprotocol(&attr, protocol);
	pthread_mutexattr_setrobust(&attr, robust);
	pthread_mutex_init(&mutex, &attr);
	counter = 0;
	for (int i = 0; i < THREADS; i++)
		t[i] = go(work, NULL);
	for (int i = 0; i < THREADS; i++)
		done(t[i]);
	printf("%s: %ld, overlaps %ld, destroy %s\n", name, counter, overlaps,
	       error_name(pthread_mutex_destroy(&mutex)));
}

int main(void)
{
	kind("normal", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED);
	kind("recursive", PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED);
	kind("errorcheck", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED);
	kind("adaptive", PTHREAD_MUTEX_ADAPTIVE_NP, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED);
	kind("robust", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST);
	kind("inherit", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_STALLED);
	kind("inherit, robust", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_ROBUST);
	kind("inherit, recursive", PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_STALLED);
	return 0;
}
