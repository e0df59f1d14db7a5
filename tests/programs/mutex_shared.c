/* Process-shared mutex, condition variable, semaphore, rwlock and barrier between two processes, each with threads. */
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "thread_test.h"

static struct shared {
	pthread_mutex_t mutex, robust;
	pthread_cond_t cond;
	pthread_rwlock_t rwlock;
	pthread_barrier_t barrier;
	sem_t ping, pong;
	long counter, turn;
} * shared;

static void prepare(void)
{
	pthread_mutexattr_t m;
	pthread_condattr_t c;
	pthread_rwlockattr_t r;
	pthread_barrierattr_t b;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pthread_mutexattr_init(&m);
	pthread_mutexattr_setpshared(&m, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&shared->mutex, &m);
	pthread_mutexattr_setrobust(&m, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&shared->robust, &m);
	pthread_condattr_init(&c);
	pthread_condattr_setpshared(&c, PTHREAD_PROCESS_SHARED);
	pthread_cond_init(&shared->cond, &c);
	pthread_rwlockattr_init(&r);
	pthread_rwlockattr_setpshared(&r, PTHREAD_PROCESS_SHARED);
	pthread_rwlock_init(&shared->rwlock, &r);
	pthread_barrierattr_init(&b);
	pthread_barrierattr_setpshared(&b, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&shared->barrier, &b, 4);
	sem_init(&shared->ping, 1, 0);
	sem_init(&shared->pong, 1, 0);
}

static void *count(void *arg)
{
	pthread_barrier_wait(&shared->barrier);
	for (int i = 0; i < 200; i++) {
		pthread_mutex_lock(&shared->mutex);
		shared->counter++;
		if (i % 20 == 0)
			sched_yield();
		pthread_mutex_unlock(&shared->mutex);
		pthread_rwlock_rdlock(&shared->rwlock);
		pthread_rwlock_unlock(&shared->rwlock);
		if (i % 50 == 0) {
			pthread_rwlock_wrlock(&shared->rwlock);
			sched_yield();
			pthread_rwlock_unlock(&shared->rwlock);
		}
	}
	return arg;
}

static void *take_turns(void *arg)
{
	long mine = (long)arg;

	for (int i = 0; i < 50; i++) {
		pthread_mutex_lock(&shared->mutex);
		while (shared->turn % 2 != mine)
			pthread_cond_wait(&shared->cond, &shared->mutex);
		shared->turn++;
		pthread_cond_broadcast(&shared->cond);
		pthread_mutex_unlock(&shared->mutex);
	}
	return NULL;
}

static void *answer(void *arg)
{
	for (int i = 0; i < 50; i++) {
		sem_wait(arg ? &shared->ping : &shared->pong);
		sem_post(arg ? &shared->pong : &shared->ping);
	}
	return NULL;
}

static void *hold_robust(void *arg)
{
	pthread_mutex_lock(&shared->robust);
	return arg;
}

static void run(bool child)
{
	pthread_t t[4] = {go(count, NULL), go(count, NULL), go(take_turns, (void *)(long)child),
			  go(answer, child ? (void *)1 : NULL)};

	if (!child)
		sem_post(&shared->ping);
	for (int i = 0; i < 4; i++)
		done(t[i]);
}

int main(void)
{
	int status;
	pid_t pid;

	prepare();
	pid = fork();
	if (!pid) {
		run(true);
		pthread_mutex_lock(&shared->robust);
		_exit(5);
	}
	run(false);
	waitpid(pid, &status, 0);
	printf("child %d, counter %ld, turns %ld\n", WEXITSTATUS(status), shared->counter, shared->turn);
	SHOW(pthread_mutex_lock(&shared->robust));
	SHOW(pthread_mutex_consistent(&shared->robust));
	SHOW(pthread_mutex_unlock(&shared->robust));
	done(go(hold_robust, NULL));
	SHOW(pthread_mutex_lock(&shared->robust));
	return 0;
}
