/* Who gets a lock next: among real-time threads the highest priority, and then who came first. sched(7), futex(2). */
#include <errno.h>
#include <semaphore.h>
#include <string.h>

#include "thread_test.h"

#define THREADS 6

static const int priorities[THREADS] = {5, 20, 10, 20, 0, 5};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, inheriting, guard = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static sem_t sem;
static int order[THREADS], got;

static void note(long number)
{
	pthread_mutex_lock(&guard);
	order[got++] = (int)number;
	pthread_mutex_unlock(&guard);
}

static void *locks(void *arg)
{
	pthread_mutex_lock(&mutex);
	note((long)arg);
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static void *locks_inheriting(void *arg)
{
	pthread_mutex_lock(&inheriting);
	note((long)arg);
	pthread_mutex_unlock(&inheriting);
	return NULL;
}

static void *waits(void *arg)
{
	pthread_mutex_lock(&mutex);
	pthread_cond_wait(&cond, &mutex);
	pthread_mutex_unlock(&mutex);
	note((long)arg);
	return NULL;
}

static void *takes(void *arg)
{
	sem_wait(&sem);
	note((long)arg);
	return NULL;
}

static pthread_t start(void *(*run)(void *), long number)
{
	struct sched_param param = {.sched_priority = priorities[number]};
	pthread_attr_t attr;
	pthread_t t;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, param.sched_priority ? SCHED_FIFO : SCHED_OTHER);
	pthread_attr_setschedparam(&attr, &param);
	err = pthread_create(&t, &attr, run, (void *)number);
	if (err) {
		puts(error_name(err)); /* no right to priorities */
		exit(0);
	}
	settle();
	return t;
}

/* One after another, each awake only when the one before has noted it. */
static void let(void (*next)(void))
{
	for (int i = 0; next && i < THREADS; i++) {
		next();
		settle();
	}
}

static void post(void)
{
	sem_post(&sem);
}

static void signal_one(void)
{
	pthread_cond_signal(&cond);
}

static void try(const char *what, void *(*run)(void *), pthread_mutex_t *held, void (*next)(void))
{
	pthread_t t[THREADS];

	got = 0;
	if (held)
		pthread_mutex_lock(held);
	for (long i = 0; i < THREADS; i++)
		t[i] = start(run, i);
	if (held)
		pthread_mutex_unlock(held);
	let(next);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	printf("%s:", what);
	for (int i = 0; i < THREADS; i++)
		printf(" %d (%d)", order[i], priorities[order[i]]);
	puts("");
}

int main(void)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&inheriting, &attr);
	sem_init(&sem, 0, 0);
	try("priority inheritance", locks_inheriting, &inheriting, NULL);
	try("semaphore", takes, NULL, post);
	try("condition variable", waits, NULL, signal_one);
	try("mutex", locks, &mutex, NULL);
	return 0;
}
