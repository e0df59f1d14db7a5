/* random_locks.h - for random_calls.c: locks of pthreads, semaphores and futexes. */
#ifndef RANDOM_LOCKS_H
#define RANDOM_LOCKS_H

#include <linux/futex.h>
#include <semaphore.h>
#include <sys/syscall.h>

#include "random_world.h"

static pthread_mutex_t mutexes[4];
static const char *const mutex_names[] = {"errorcheck", "recursive", "robust", "inheriting"};

struct meeting {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
};
static struct meeting meetings[2];
static sem_t semaphores[2];
static pthread_barrier_t barrier;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static int words[2], writers;

static void make_locks(void)
{
	for (int i = 0; i < LENGTH(mutexes); i++) {
		pthread_mutexattr_t attr;

		pthread_mutexattr_init(&attr);
		pthread_mutexattr_settype(&attr, i == 1 ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_ERRORCHECK);
		pthread_mutexattr_setrobust(&attr, i >= 2 ? PTHREAD_MUTEX_ROBUST : PTHREAD_MUTEX_STALLED);
		pthread_mutexattr_setprotocol(&attr, i == 3 ? PTHREAD_PRIO_INHERIT : PTHREAD_PRIO_NONE);
		pthread_mutex_init(&mutexes[i], &attr);
	}
	for (int i = 0; i < 2; i++) {
		pthread_mutex_init(&meetings[i].mutex, NULL);
		pthread_cond_init(&meetings[i].cond, NULL);
		sem_init(&semaphores[i], 0, (unsigned)i);
	}
	pthread_barrier_init(&barrier, NULL, 3);
}

static long say_error(struct job *j, int error)
{
	say(j, " = %s", error ? strerrorname_np(error) : "0");
	return error;
}

/* For calls that take a point in time: over, soon or far. */
static bool draw_until(struct job *j)
{
	static const char *const names[] = {"over", "soon", "far"};

	j->n[5] = pick(3);
	j->waits = j->n[5] == 2 ? MAY : ENDS_SOON;
	say(j, " until %s", names[j->n[5]]);
	return true;
}

static struct timespec until(const struct job *j, clockid_t clock)
{
	static const long ms[] = {-1000, 2, 100000};
	int64_t ns = clock_now(clock) + ms[j->n[5]] * MS;

	return (struct timespec){ns / 1000000000, ns % 1000000000};
}

static bool draw_mutex(struct job *j)
{
	j->n[0] = pick(LENGTH(mutexes));
	j->n[1] = pick(2);
	j->waits = MAY;
	say(j, " %s", mutex_names[j->n[0]]);
	return true;
}

static void locked(struct job *j, int error)
{
	say_error(j, error);
	if (error == EOWNERDEAD && j->n[1])
		say_error(j, pthread_mutex_consistent(&mutexes[j->n[0]]));
}

static void run_lock(struct job *j)
{
	locked(j, pthread_mutex_lock(&mutexes[j->n[0]]));
}

static void run_trylock(struct job *j)
{
	locked(j, pthread_mutex_trylock(&mutexes[j->n[0]]));
}

static void run_unlock(struct job *j)
{
	say_error(j, pthread_mutex_unlock(&mutexes[j->n[0]]));
}

static bool draw_timedlock(struct job *j)
{
	return draw_mutex(j) && draw_until(j);
}

static void run_timedlock(struct job *j)
{
	clockid_t clock = j->n[1] ? CLOCK_REALTIME : CLOCK_MONOTONIC;
	struct timespec ts = until(j, clock);

	locked(j, pthread_mutex_clocklock(&mutexes[j->n[0]], clock, &ts));
}

/* ---- conditions ---- */

static bool draw_meeting(struct job *j)
{
	j->n[0] = pick(2);
	j->n[1] = pick(2);
	say(j, " cond %ld", j->n[0]);
	return true;
}

static bool draw_cond_wait(struct job *j)
{
	draw_meeting(j);
	return one_in(2) ? (j->waits = MAY) : draw_until(j);
}

static void unlock(void *mutex)
{
	pthread_mutex_unlock(mutex);
}

static void run_cond_wait(struct job *j)
{
	struct meeting *m = &meetings[j->n[0]];
	struct timespec ts = until(j, CLOCK_REALTIME);

	pthread_mutex_lock(&m->mutex);
	pthread_cleanup_push(unlock, &m->mutex);
	if (strstr(j->text, "until"))
		say_error(j, pthread_cond_timedwait(&m->cond, &m->mutex, &ts));
	else
		say_error(j, pthread_cond_wait(&m->cond, &m->mutex));
	pthread_cleanup_pop(1);
}

static void run_cond_wake(struct job *j)
{
	pthread_cond_t *cond = &meetings[j->n[0]].cond;

	say_error(j, j->n[1] ? pthread_cond_broadcast(cond) : pthread_cond_signal(cond));
	say(j, " %ld", j->n[1]);
}

/* ---- semaphores, barriers, read and write locks ---- */

static bool draw_sem(struct job *j)
{
	j->n[0] = pick(2);
	j->waits = MAY;
	say(j, " sem %ld", j->n[0]);
	return true;
}

static void run_sem_wait(struct job *j)
{
	say_ret(j, sem_wait(&semaphores[j->n[0]]));
}

static bool draw_sem_until(struct job *j)
{
	return draw_sem(j) && draw_until(j);
}

static void run_sem_timedwait(struct job *j)
{
	struct timespec ts = until(j, CLOCK_MONOTONIC);

	say_ret(j, sem_clockwait(&semaphores[j->n[0]], CLOCK_MONOTONIC, &ts));
}

static void run_sem_post(struct job *j)
{
	int value = 0;

	say_ret(j, sem_post(&semaphores[j->n[0]]));
	sem_getvalue(&semaphores[j->n[0]], &value);
	(void)value;
}

static void run_sem_trywait(struct job *j)
{
	say_ret(j, sem_trywait(&semaphores[j->n[0]]));
}

static bool draw_may(struct job *j)
{
	j->waits = MAY;
	return true;
}

static void run_barrier(struct job *j)
{
	say(j, " = %d", pthread_barrier_wait(&barrier));
}

static void run_rdlock(struct job *j)
{
	me->held[0] += !say_error(j, pthread_rwlock_rdlock(&rwlock));
}

static bool draw_wrlock(struct job *j)
{
	return claim(j, &writers) && draw_may(j);
}

static void run_wrlock(struct job *j)
{
	me->held[1] += !say_error(j, pthread_rwlock_wrlock(&rwlock));
}

static void run_tryrdlock(struct job *j)
{
	me->held[0] += !say_error(j, pthread_rwlock_tryrdlock(&rwlock));
}

/* What the thread does not hold it must not give back. */
static void run_rwunlock(struct job *j)
{
	int *held = me->held[1] ? &me->held[1] : &me->held[0];

	if (!*held)
		return;
	(*held)--;
	say_error(j, pthread_rwlock_unlock(&rwlock));
}

/* ---- futexes ---- */

static bool draw_futex_wait(struct job *j)
{
	j->n[0] = pick(2);
	j->n[1] = one_in(4) ? 1 : words[j->n[0]];
	j->n[2] = (one_in(2) ? FUTEX_WAIT : FUTEX_WAIT_BITSET) | FUTEX_PRIVATE_FLAG;
	j->n[3] = ANY(((long[]){-1, 1, 6}));
	j->n[4] = pick(3);
	j->waits = j->n[4] == 1 ? ENDS_SOON : MAY;
	say(j, " word %ld is %ld op %lx bits %lx time %ld", j->n[0], j->n[1], j->n[2], j->n[3], j->n[4]);
	return true;
}

static void run_futex_wait(struct job *j)
{
	bool absolute = (j->n[2] & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET;
	int64_t ns = (absolute ? clock_now(CLOCK_MONOTONIC) : 0) + (j->n[4] == 1 ? 2 * MS : 100000 * MS);
	struct timespec ts = {ns / 1000000000, ns % 1000000000};

	say_ret(j, syscall(SYS_futex, &words[j->n[0]], j->n[2], j->n[1], j->n[4] ? &ts : NULL, NULL, j->n[3]));
}

static bool draw_futex_wake(struct job *j)
{
	static const long ops[] = {FUTEX_WAKE, FUTEX_WAKE_BITSET, FUTEX_REQUEUE, FUTEX_CMP_REQUEUE, FUTEX_WAKE_OP, 77};

	j->n[0] = pick(2);
	j->n[1] = ANY(((long[]){0, 1, 1, 2, 100}));
	j->n[2] = ANY(ops) | FUTEX_PRIVATE_FLAG;
	j->n[3] = ANY(((long[]){-1, 1, 2, 0}));
	j->n[4] = pick(2);
	say(j, " word %ld n %ld op %lx val3 %lx n2 %ld", j->n[0], j->n[1], j->n[2], j->n[3], j->n[4]);
	return true;
}

static void run_futex_wake(struct job *j)
{
	int *word = &words[j->n[0]], *other = &words[!j->n[0]];
	long op = j->n[2] & FUTEX_CMD_MASK, val3 = j->n[3];

	if (op == FUTEX_WAKE_OP)
		val3 = FUTEX_OP(FUTEX_OP_ADD, 1, FUTEX_OP_CMP_GE, 0);
	if (op == FUTEX_CMP_REQUEUE && val3 != 2)
		val3 = *word;
	say_ret(j, syscall(SYS_futex, word, j->n[2], j->n[1], j->n[4], other, val3));
}

#endif
