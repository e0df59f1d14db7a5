/* Everything of <pthread.h>, <semaphore.h> and <threads.h> that waits, in every way of every_wait.h. */
#include <semaphore.h>
#include <threads.h>

#include "every_wait.h"

#define UNTIL(clock) (&(struct timespec[]){in_ms(clock, LONG_MS)}[0])

/* An error number as a system call would give it. */
static long as_call(int error)
{
	errno = error;
	return error ? -1 : 0;
}

static void *fresh(struct row *r, size_t size)
{
	return r->object = calloc(1, size);
}

static void make_sem(struct row *r)
{
	sem_init(fresh(r, sizeof(sem_t)), 0, 0);
}

static void post(struct row *r)
{
	sem_post(r->object);
}

static long by_sem_wait(struct row *r)
{
	return sem_wait(r->object);
}

static long by_sem_timedwait(struct row *r)
{
	return sem_timedwait(r->object, UNTIL(CLOCK_REALTIME));
}

static long by_sem_clockwait(struct row *r)
{
	return sem_clockwait(r->object, CLOCK_MONOTONIC, UNTIL(CLOCK_MONOTONIC));
}

/* Held by whoever calls make, until give. */
static void make_mutex_of(struct row *r, int type, int protocol, int robust, int shared)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, type);
	pthread_mutexattr_setprotocol(&attr, protocol);
	pthread_mutexattr_setrobust(&attr, robust);
	pthread_mutexattr_setpshared(&attr, shared);
	pthread_mutex_init(fresh(r, sizeof(pthread_mutex_t)), &attr);
	pthread_mutex_lock(r->object);
}

static void make_normal(struct row *r)
{
	make_mutex_of(r, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
}

static void make_recursive(struct row *r)
{
	make_mutex_of(r, PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
}

static void make_errorcheck(struct row *r)
{
	make_mutex_of(r, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
}

static void make_adaptive(struct row *r)
{
	make_mutex_of(r, PTHREAD_MUTEX_ADAPTIVE_NP, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
}

static void make_robust(struct row *r)
{
	make_mutex_of(r, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_PRIVATE);
}

static void make_inherit(struct row *r)
{
	make_mutex_of(r, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
}

static void make_robust_inherit(struct row *r)
{
	make_mutex_of(r, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_PRIVATE);
}

static void make_shared(struct row *r)
{
	make_mutex_of(r, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_SHARED);
}

static void unlock(struct row *r)
{
	pthread_mutex_unlock(r->object);
}

static long locked(struct row *r, int error)
{
	if (!error)
		error = pthread_mutex_unlock(r->object);
	return as_call(error);
}

static long by_lock(struct row *r)
{
	return locked(r, pthread_mutex_lock(r->object));
}

static long by_timedlock(struct row *r)
{
	return locked(r, pthread_mutex_timedlock(r->object, UNTIL(CLOCK_REALTIME)));
}

static long by_clocklock(struct row *r)
{
	return locked(r, pthread_mutex_clocklock(r->object, CLOCK_MONOTONIC, UNTIL(CLOCK_MONOTONIC)));
}

static void make_mtx(struct row *r)
{
	mtx_init(fresh(r, sizeof(mtx_t)), mtx_timed);
	mtx_lock(r->object);
}

static void unlock_mtx(struct row *r)
{
	mtx_unlock(r->object);
}

static long by_mtx_lock(struct row *r)
{
	return mtx_lock(r->object) == thrd_success ? mtx_unlock(r->object) : -2;
}

static long by_mtx_timedlock(struct row *r)
{
	return mtx_timedlock(r->object, UNTIL(CLOCK_REALTIME)) == thrd_success ? mtx_unlock(r->object) : -2;
}

static void make_rwlock(struct row *r)
{
	pthread_rwlock_init(fresh(r, sizeof(pthread_rwlock_t)), NULL);
	pthread_rwlock_wrlock(r->object);
}

static void unlock_rwlock(struct row *r)
{
	pthread_rwlock_unlock(r->object);
}

static long rwlocked(struct row *r, int error)
{
	if (!error)
		error = pthread_rwlock_unlock(r->object);
	return as_call(error);
}

static long by_rdlock(struct row *r)
{
	return rwlocked(r, pthread_rwlock_rdlock(r->object));
}

static long by_wrlock(struct row *r)
{
	return rwlocked(r, pthread_rwlock_wrlock(r->object));
}

static long by_timedrdlock(struct row *r)
{
	return rwlocked(r, pthread_rwlock_timedrdlock(r->object, UNTIL(CLOCK_REALTIME)));
}

static long by_timedwrlock(struct row *r)
{
	return rwlocked(r, pthread_rwlock_timedwrlock(r->object, UNTIL(CLOCK_REALTIME)));
}

static long by_clockrdlock(struct row *r)
{
	return rwlocked(r, pthread_rwlock_clockrdlock(r->object, CLOCK_MONOTONIC, UNTIL(CLOCK_MONOTONIC)));
}

static long by_clockwrlock(struct row *r)
{
	return rwlocked(r, pthread_rwlock_clockwrlock(r->object, CLOCK_MONOTONIC, UNTIL(CLOCK_MONOTONIC)));
}

struct tokens {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	int n;
};

static void make_tokens(struct row *r)
{
	fresh(r, sizeof(struct tokens));
}

static void give_token(struct row *r)
{
	struct tokens *t = r->object;

	pthread_mutex_lock(&t->mutex);
	t->n++;
	pthread_cond_signal(&t->cond);
	pthread_mutex_unlock(&t->mutex);
}

static void unlock_tokens(void *arg)
{
	if (pthread_mutex_unlock(&((struct tokens *)arg)->mutex))
		puts("not locked");
}

static long take_token(struct tokens *t, int (*wait)(struct tokens *))
{
	volatile int error = 0;

	pthread_mutex_lock(&t->mutex);
	pthread_cleanup_push(unlock_tokens, t);
	while (!t->n && !error)
		error = wait(t);
	t->n -= !error;
	pthread_cleanup_pop(1);
	return as_call(error);
}

static int cond_wait(struct tokens *t)
{
	return pthread_cond_wait(&t->cond, &t->mutex);
}

static int cond_timedwait(struct tokens *t)
{
	return pthread_cond_timedwait(&t->cond, &t->mutex, UNTIL(CLOCK_REALTIME));
}

static int cond_clockwait(struct tokens *t)
{
	return pthread_cond_clockwait(&t->cond, &t->mutex, CLOCK_MONOTONIC, UNTIL(CLOCK_MONOTONIC));
}

static int c11_wait(struct tokens *t)
{
	return cnd_wait((cnd_t *)&t->cond, (mtx_t *)&t->mutex);
}

static int c11_timedwait(struct tokens *t)
{
	return cnd_timedwait((cnd_t *)&t->cond, (mtx_t *)&t->mutex, UNTIL(CLOCK_REALTIME));
}

static long by_cond_wait(struct row *r)
{
	return take_token(r->object, cond_wait);
}

static long by_cond_timedwait(struct row *r)
{
	return take_token(r->object, cond_timedwait);
}

static long by_cond_clockwait(struct row *r)
{
	return take_token(r->object, cond_clockwait);
}

static long by_cnd_wait(struct row *r)
{
	return take_token(r->object, c11_wait);
}

static long by_cnd_timedwait(struct row *r)
{
	return take_token(r->object, c11_timedwait);
}

static void make_barrier(struct row *r)
{
	pthread_barrier_init(fresh(r, sizeof(pthread_barrier_t)), NULL, 2);
}

static void meet(struct row *r)
{
	pthread_barrier_wait(r->object);
}

static long by_barrier(struct row *r)
{
	int ret = pthread_barrier_wait(r->object);

	return ret == PTHREAD_BARRIER_SERIAL_THREAD ? 0 : as_call(ret);
}

struct joinable {
	pthread_t thread;
	sem_t sem;
};

static void *until_posted(void *arg)
{
	while (sem_wait(arg))
		;
	return (void *)3;
}

static void make_joinable(struct row *r)
{
	struct joinable *j = fresh(r, sizeof(*j));

	sem_init(&j->sem, 0, 0);
	j->thread = go(until_posted, &j->sem);
}

static void end_it(struct row *r)
{
	sem_post(&((struct joinable *)r->object)->sem);
}

static long by_join(struct row *r)
{
	void *result = NULL;
	int error = pthread_join(((struct joinable *)r->object)->thread, &result);

	return error ? as_call(error) : (long)result;
}

static long by_timedjoin(struct row *r)
{
	void *result = NULL;
	int error = pthread_timedjoin_np(((struct joinable *)r->object)->thread, &result, UNTIL(CLOCK_REALTIME));

	return error ? as_call(error) : (long)result;
}

static long by_clockjoin(struct row *r)
{
	void *result = NULL;
	int error = pthread_clockjoin_np(((struct joinable *)r->object)->thread, &result, CLOCK_MONOTONIC,
					 UNTIL(CLOCK_MONOTONIC));

	return error ? as_call(error) : (long)result;
}

static long by_thrd_join(struct row *r)
{
	int result = 0;

	return thrd_join((thrd_t)((struct joinable *)r->object)->thread, &result) == thrd_success ? result : -2;
}

static struct row rows[] = {
	ROW("sem_wait", make_sem, by_sem_wait, post, 0),
	ROW("sem_timedwait", make_sem, by_sem_timedwait, post, 0),
	ROW("sem_clockwait", make_sem, by_sem_clockwait, post, 0),
	ROW("mutex_lock", make_normal, by_lock, unlock, ALL | TORN),
	ROW("mutex_lock, recursive", make_recursive, by_lock, unlock, ALL | TORN),
	ROW("mutex_lock, errorcheck", make_errorcheck, by_lock, unlock, ALL | TORN),
	ROW("mutex_lock, adaptive", make_adaptive, by_lock, unlock, ALL | TORN),
	ROW("mutex_lock, robust", make_robust, by_lock, unlock, ALL | TORN),
	ROW("mutex_lock, PI", make_inherit, by_lock, unlock, ALL | TORN),
	ROW("mutex_lock, robust PI", make_robust_inherit, by_lock, unlock, ALL | TORN),
	ROW("mutex_lock, shared", make_shared, by_lock, unlock, ALL | TORN),
	ROW("mutex_timedlock", make_normal, by_timedlock, unlock, ALL | TORN),
	ROW("mutex_timedlock, PI", make_inherit, by_timedlock, unlock, ALL | TORN),
	ROW("mutex_clocklock", make_normal, by_clocklock, unlock, ALL | TORN),
	ROW("mutex_clocklock, robust", make_robust, by_clocklock, unlock, ALL | TORN),
	ROW("mtx_lock", make_mtx, by_mtx_lock, unlock_mtx, ALL | TORN),
	ROW("mtx_timedlock", make_mtx, by_mtx_timedlock, unlock_mtx, ALL | TORN),
	ROW("rdlock", make_rwlock, by_rdlock, unlock_rwlock, ALL | TORN),
	ROW("wrlock", make_rwlock, by_wrlock, unlock_rwlock, ALL | TORN),
	ROW("timedrdlock", make_rwlock, by_timedrdlock, unlock_rwlock, ALL | TORN),
	ROW("timedwrlock", make_rwlock, by_timedwrlock, unlock_rwlock, ALL | TORN),
	ROW("clockrdlock", make_rwlock, by_clockrdlock, unlock_rwlock, ALL | TORN),
	ROW("clockwrlock", make_rwlock, by_clockwrlock, unlock_rwlock, ALL | TORN),
	ROW("cond_wait", make_tokens, by_cond_wait, give_token, TORN),
	ROW("cond_timedwait", make_tokens, by_cond_timedwait, give_token, TORN),
	ROW("cond_clockwait", make_tokens, by_cond_clockwait, give_token, TORN),
	ROW("cnd_wait", make_tokens, by_cnd_wait, give_token, TORN),
	ROW("cnd_timedwait", make_tokens, by_cnd_timedwait, give_token, TORN),
	ROW("barrier_wait", make_barrier, by_barrier, meet, TORN | SINGLE),
	ROW("join", make_joinable, by_join, end_it, SINGLE),
	ROW("timedjoin", make_joinable, by_timedjoin, end_it, SINGLE),
	ROW("clockjoin", make_joinable, by_clockjoin, end_it, SINGLE),
	ROW("thrd_join", make_joinable, by_thrd_join, end_it, SINGLE),
};

int main(void)
{
	every_way(rows, LENGTH(rows));
	return 0;
}
