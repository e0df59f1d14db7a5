/* Everything of pthreads, semaphores and C11 threads that takes a deadline: with every clock, and with times that are past,
 * negative, or none; what is taken at once whatever the time, and what an object that is free makes of it. */
#include <semaphore.h>
#include <threads.h>

#include "thread_test.h"

#define LENGTH(array) (int)(sizeof(array) / sizeof(*(array)))

enum { FREE, TAKEN };

static pthread_mutex_t mutexes[5];
static pthread_rwlock_t rwlock;
static sem_t sem;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_mutex_t cond_mutex = PTHREAD_MUTEX_INITIALIZER;
static mtx_t mtx, cnd_mtx;
static cnd_t cnd;
static pthread_t sleeper;
static int state;

static int by_errno(int ret)
{
	return ret ? errno : 0;
}

static int mutex_limit(int i, clockid_t clock, const struct timespec *until)
{
	int ret = clock == -2 ? pthread_mutex_timedlock(&mutexes[i], until)
			      : pthread_mutex_clocklock(&mutexes[i], clock, until);

	if (!ret)
		pthread_mutex_unlock(&mutexes[i]);
	return ret;
}

static int rd_limit(int i, clockid_t clock, const struct timespec *until)
{
	int ret = clock == -2 ? pthread_rwlock_timedrdlock(&rwlock, until)
			      : pthread_rwlock_clockrdlock(&rwlock, clock, until);

	(void)i;
	if (!ret)
		pthread_rwlock_unlock(&rwlock);
	return ret;
}

static int wr_limit(int i, clockid_t clock, const struct timespec *until)
{
	int ret = clock == -2 ? pthread_rwlock_timedwrlock(&rwlock, until)
			      : pthread_rwlock_clockwrlock(&rwlock, clock, until);

	(void)i;
	if (!ret)
		pthread_rwlock_unlock(&rwlock);
	return ret;
}

static int sem_limit(int i, clockid_t clock, const struct timespec *until)
{
	int ret = by_errno(clock == -2 ? sem_timedwait(&sem, until) : sem_clockwait(&sem, clock, until));

	(void)i;
	if (!ret)
		sem_post(&sem);
	return ret;
}

static int cond_limit(int i, clockid_t clock, const struct timespec *until)
{
	int ret;

	(void)i;
	pthread_mutex_lock(&cond_mutex);
	ret = clock == -2 ? pthread_cond_timedwait(&cond, &cond_mutex, until)
			  : pthread_cond_clockwait(&cond, &cond_mutex, clock, until);
	if (pthread_mutex_unlock(&cond_mutex))
		puts("not held");
	return ret;
}

/* Joined for good in the end by main. Of nanoseconds that are none glibc asks for ever. */
static int join_limit(int i, clockid_t clock, const struct timespec *until)
{
	(void)i;
	if (state == FREE || until->tv_nsec < 0 || until->tv_nsec > 999999999)
		return 0;
	return clock == -2 ? pthread_timedjoin_np(sleeper, NULL, until)
			   : pthread_clockjoin_np(sleeper, NULL, clock, until);
}

static int mtx_limit(int i, clockid_t clock, const struct timespec *until)
{
	int ret;

	(void)i;
	if (clock != -2)
		return 0;
	ret = mtx_timedlock(&mtx, until);
	if (ret == thrd_success)
		mtx_unlock(&mtx);
	return ret == thrd_timedout ? ETIMEDOUT : ret;
}

static int cnd_limit(int i, clockid_t clock, const struct timespec *until)
{
	int ret;

	(void)i;
	if (clock != -2)
		return 0;
	mtx_lock(&cnd_mtx);
	ret = cnd_timedwait(&cnd, &cnd_mtx, until);
	mtx_unlock(&cnd_mtx);
	return ret == thrd_timedout ? ETIMEDOUT : ret;
}

static const struct limited {
	const char *name;
	int (*call)(int, clockid_t, const struct timespec *);
	int arg;
} all[] = {
	{"mutex", mutex_limit, 0},
	{"recursive mutex", mutex_limit, 1},
	{"errorcheck mutex", mutex_limit, 2},
	{"robust mutex", mutex_limit, 3},
	{"PI mutex", mutex_limit, 4},
	{"rdlock", rd_limit, 0},
	{"wrlock", wr_limit, 0},
	{"sem", sem_limit, 0},
	{"cond", cond_limit, 0},
	{"join", join_limit, 0},
	{"mtx", mtx_limit, 0},
	{"cnd", cnd_limit, 0},
};

static const clockid_t clocks[] = {
	-2, /* the call without a clock */
	CLOCK_REALTIME,
	CLOCK_MONOTONIC,
	CLOCK_PROCESS_CPUTIME_ID,
	CLOCK_THREAD_CPUTIME_ID,
	CLOCK_MONOTONIC_RAW,
	CLOCK_REALTIME_COARSE,
	CLOCK_MONOTONIC_COARSE,
	CLOCK_BOOTTIME,
	CLOCK_TAI,
	77,
	-1,
};

static struct timespec when(int i, clockid_t clock)
{
	switch (i) {
	case 0:
		return in_ms(clock, 3);
	case 1:
		return in_ms(clock, -5);
	case 2:
		return (struct timespec){0, 0};
	case 3:
		return (struct timespec){-1, 0};
	case 4:
		return (struct timespec){in_ms(clock, 0).tv_sec + 100, 1000000000};
	case 5:
		return (struct timespec){in_ms(clock, 0).tv_sec + 100, -1};
	default:
		return (struct timespec){-5, 999999999};
	}
}

#define TIMES 7
static const char *const time_names[TIMES] = {"soon", "past", "0", "-1", "ns 1e9", "ns -1", "-5"};

static void *every(void *arg)
{
	for (int i = 0; i < LENGTH(all); i++)
		for (int c = 0; c < LENGTH(clocks); c++) {
			printf("%s, %s, clock %d:", state == TAKEN ? "taken" : "free", all[i].name, clocks[c]);
			for (int t = 0; t < TIMES; t++) {
				clockid_t base = clocks[c] == CLOCK_MONOTONIC ? CLOCK_MONOTONIC : CLOCK_REALTIME;
				struct timespec until = when(t, base);
				int ret = all[i].call(all[i].arg, clocks[c], &until);

				printf(" %s %s%s", time_names[t], error_name(ret),
				       ret == ETIMEDOUT && waited(base, until)[0] == 'E' ? " EARLY" : "");
			}
			puts("");
		}
	return arg;
}

static void *rest(void *arg)
{
	while (*(volatile bool *)arg)
		nap(1);
	return NULL;
}

static void make_mutex(int i, int type, int protocol, int robust)
{
	pthread_mutexattr_t a;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_settype(&a, type);
	pthread_mutexattr_setprotocol(&a, protocol);
	pthread_mutexattr_setrobust(&a, robust);
	pthread_mutex_init(&mutexes[i], &a);
	pthread_mutexattr_destroy(&a);
}

static void take(void)
{
	for (int i = 0; i < LENGTH(mutexes); i++)
		pthread_mutex_lock(&mutexes[i]);
	pthread_rwlock_wrlock(&rwlock);
	sem_wait(&sem);
	mtx_lock(&mtx);
}

static void release(void)
{
	for (int i = 0; i < LENGTH(mutexes); i++)
		pthread_mutex_unlock(&mutexes[i]);
	pthread_rwlock_unlock(&rwlock);
	sem_post(&sem);
	mtx_unlock(&mtx);
}

int main(void)
{
	bool resting = true;

	make_mutex(0, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED);
	make_mutex(1, PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED);
	make_mutex(2, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED);
	make_mutex(3, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST);
	make_mutex(4, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_STALLED);
	pthread_rwlock_init(&rwlock, NULL);
	sem_init(&sem, 0, 1);
	mtx_init(&mtx, mtx_timed);
	mtx_init(&cnd_mtx, mtx_plain);
	cnd_init(&cnd);
	sleeper = go(rest, &resting);
	state = FREE;
	every(NULL);
	state = TAKEN;
	take();
	done(go(every, NULL));
	printf("the owner:\n");
	SHOW(mutex_limit(2, CLOCK_REALTIME, &(struct timespec){-1, -1}));
	SHOW(mutex_limit(1, CLOCK_MONOTONIC, &(struct timespec){-1, -1}));
	release();
	resting = false;
	done(sleeper);
	return 0;
}
