/* Mutexes of every type: what each answers to its owner, to another, to a try and to a deadline. */
#include "thread_test.h"

static void *try_lock(void *arg)
{
	int ret = pthread_mutex_trylock(arg);

	if (!ret)
		pthread_mutex_unlock(arg);
	return (void *)(long)ret;
}

static void *unlock(void *arg)
{
	return (void *)(long)pthread_mutex_unlock(arg);
}

static void *timed(void *arg)
{
	struct timespec until = in_ms(CLOCK_REALTIME, 10);
	int ret = pthread_mutex_timedlock(arg, &until);

	printf("timedlock: %s, %s\n", error_name(ret), waited(CLOCK_REALTIME, until));
	until = in_ms(CLOCK_MONOTONIC, 10);
	ret = pthread_mutex_clocklock(arg, CLOCK_MONOTONIC, &until);
	printf("clocklock: %s, %s\n", error_name(ret), waited(CLOCK_MONOTONIC, until));
	until = in_ms(CLOCK_REALTIME, -1000);
	SHOW(pthread_mutex_timedlock(arg, &until));
	until.tv_nsec = 1000000000;
	SHOW(pthread_mutex_timedlock(arg, &until));
	until.tv_nsec = 0;
	SHOW(pthread_mutex_clocklock(arg, CLOCK_PROCESS_CPUTIME_ID, &until));
	return NULL;
}

static void *lock(void *arg)
{
	int ret = pthread_mutex_lock(arg);

	pthread_mutex_unlock(arg);
	return (void *)(long)ret;
}

static void *timed_success(void *arg)
{
	struct timespec until = in_ms(CLOCK_REALTIME, 60000);
	int ret = pthread_mutex_timedlock(arg, &until);

	pthread_mutex_unlock(arg);
	return (void *)(long)ret;
}

static void as_owner(pthread_mutex_t *m, int type)
{
	struct timespec until = in_ms(CLOCK_REALTIME, 10);

	SHOW(pthread_mutex_trylock(m));
	if (type == PTHREAD_MUTEX_RECURSIVE)
		SHOW(pthread_mutex_unlock(m));
	if (type == PTHREAD_MUTEX_RECURSIVE || type == PTHREAD_MUTEX_ERRORCHECK) {
		SHOW(pthread_mutex_lock(m));
		if (type == PTHREAD_MUTEX_RECURSIVE)
			SHOW(pthread_mutex_unlock(m));
	}
	SHOW(pthread_mutex_timedlock(m, &until));
	if (type == PTHREAD_MUTEX_RECURSIVE)
		SHOW(pthread_mutex_unlock(m));
}

static void kind(int type, const char *name)
{
	pthread_mutexattr_t attr;
	pthread_mutex_t m;
	pthread_t t, u;

	printf("-- %s\n", name);
	pthread_mutexattr_init(&attr);
	SHOW(pthread_mutexattr_settype(&attr, type));
	SHOW(pthread_mutex_init(&m, &attr));
	SHOW(pthread_mutex_lock(&m));
	as_owner(&m, type);
	printf("another's trylock: %s\n", error_name((int)done(go(try_lock, &m))));
	if (type == PTHREAD_MUTEX_RECURSIVE || type == PTHREAD_MUTEX_ERRORCHECK)
		printf("another's unlock: %s\n", error_name((int)done(go(unlock, &m))));
	done(go(timed, &m));
	t = go(lock, &m);
	u = go(timed_success, &m);
	settle();
	SHOW(pthread_mutex_unlock(&m));
	printf("waiters: %s", error_name((int)done(t)));
	printf(" %s\n", error_name((int)done(u)));
	if (type == PTHREAD_MUTEX_RECURSIVE || type == PTHREAD_MUTEX_ERRORCHECK)
		SHOW(pthread_mutex_unlock(&m));
	printf("another's trylock: %s\n", error_name((int)done(go(try_lock, &m))));
	SHOW(pthread_mutex_destroy(&m));
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	kind(PTHREAD_MUTEX_NORMAL, "normal");
	kind(PTHREAD_MUTEX_RECURSIVE, "recursive");
	kind(PTHREAD_MUTEX_ERRORCHECK, "errorcheck");
	kind(PTHREAD_MUTEX_ADAPTIVE_NP, "adaptive");
	kind(PTHREAD_MUTEX_DEFAULT, "default");
	return 0;
}
