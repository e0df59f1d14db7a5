/* Mutexes that inherit priority (the kernel's own lock operations) or have a ceiling. */
#include "thread_test.h"

static pthread_mutex_t m;

static void *try_lock(void *arg)
{
	(void)arg;
	return (void *)(long)pthread_mutex_trylock(&m);
}

static void *timed(void *arg)
{
	struct timespec until = in_ms(CLOCK_REALTIME, 10);
	int ret = pthread_mutex_timedlock(&m, &until);

	printf("timedlock: %s, %s\n", error_name(ret), waited(CLOCK_REALTIME, until));
	until = in_ms(CLOCK_MONOTONIC, 10);
	ret = pthread_mutex_clocklock(&m, CLOCK_MONOTONIC, &until);
	printf("clocklock: %s, %s\n", error_name(ret), waited(CLOCK_MONOTONIC, until));
	until = in_ms(CLOCK_REALTIME, -10);
	SHOW(pthread_mutex_timedlock(&m, &until));
	return arg;
}

static void *lock(void *arg)
{
	long ret = pthread_mutex_lock(&m);

	nap(2);
	pthread_mutex_unlock(&m);
	return (void *)(ret + (long)arg);
}

static void inherit(int type, const char *name)
{
	pthread_mutexattr_t attr;
	pthread_t t[5];
	long sum = 0;

	printf("-- inherit, %s\n", name);
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, type);
	SHOW(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT));
	SHOW(pthread_mutex_init(&m, &attr));
	SHOW(pthread_mutex_lock(&m));
	if (type != PTHREAD_MUTEX_NORMAL)
		SHOW(pthread_mutex_lock(&m));
	if (type == PTHREAD_MUTEX_RECURSIVE)
		SHOW(pthread_mutex_unlock(&m));
	printf("another's trylock: %s\n", error_name((int)done(go(try_lock, NULL))));
	done(go(timed, NULL));
	for (int i = 0; i < 5; i++)
		t[i] = go(lock, NULL);
	settle();
	SHOW(pthread_mutex_unlock(&m));
	for (int i = 0; i < 5; i++)
		sum += done(t[i]);
	printf("waiters: %ld\n", sum);
	SHOW(pthread_mutex_lock(&m));
	SHOW(pthread_mutex_unlock(&m));
	SHOW(pthread_mutex_destroy(&m));
}

static void protect(void)
{
	pthread_mutexattr_t attr;
	int ceiling, old;

	printf("-- protect\n");
	pthread_mutexattr_init(&attr);
	SHOW(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_PROTECT));
	SHOW(pthread_mutexattr_setprioceiling(&attr, 5));
	SHOW(pthread_mutexattr_getprioceiling(&attr, &ceiling));
	printf("ceiling %d\n", ceiling);
	SHOW(pthread_mutex_init(&m, &attr));
	SHOW(pthread_mutex_getprioceiling(&m, &old));
	printf("ceiling %d\n", old);
	SHOW(pthread_mutexattr_setprioceiling(&attr, 1000));
	SHOW(pthread_mutexattr_setprotocol(&attr, 77));
	SHOW(pthread_mutex_destroy(&m));
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	inherit(PTHREAD_MUTEX_NORMAL, "normal");
	inherit(PTHREAD_MUTEX_RECURSIVE, "recursive");
	inherit(PTHREAD_MUTEX_ERRORCHECK, "errorcheck");
	protect();
	return 0;
}
