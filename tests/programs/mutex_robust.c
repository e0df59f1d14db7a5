/* Robust mutexes, plain and priority-inheriting: what heirs see when an owner dies. */
#include "thread_test.h"

static pthread_mutex_t m;

static void *die_holding(void *arg)
{
	pthread_mutex_lock(&m);
	if (arg)
		nap(30); /* the heir waits already */
	return NULL;
}

static void *heir(void *arg)
{
	long consistent = (long)arg;
	int ret = pthread_mutex_lock(&m);

	printf("heir's lock: %s\n", error_name(ret));
	if (ret == EOWNERDEAD && consistent)
		SHOW(pthread_mutex_consistent(&m));
	if (!ret || ret == EOWNERDEAD)
		SHOW(pthread_mutex_unlock(&m));
	return NULL;
}

static void *timed_heir(void *arg)
{
	struct timespec until = in_ms(CLOCK_REALTIME, 60000);

	SHOW(pthread_mutex_timedlock(&m, &until));
	SHOW(pthread_mutex_consistent(&m));
	SHOW(pthread_mutex_unlock(&m));
	return arg;
}

static void *cancelled(void *arg)
{
	pthread_mutex_lock(&m);
	pause();
	return arg;
}

static void make(int type, int protocol)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, type);
	SHOW(pthread_mutexattr_setprotocol(&attr, protocol));
	SHOW(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST));
	SHOW(pthread_mutex_init(&m, &attr));
}

static void died_before(void)
{
	done(go(die_holding, NULL));
	SHOW(pthread_mutex_trylock(&m));
	SHOW(pthread_mutex_consistent(&m));
	SHOW(pthread_mutex_unlock(&m));
	SHOW(pthread_mutex_consistent(&m));
	done(go(die_holding, NULL));
	done(go(timed_heir, NULL));
}

static void dies_while_waited_for(void)
{
	pthread_t t = go(die_holding, (void *)1), u;

	nap(10);
	u = go(heir, (void *)1);
	done(t);
	done(u);
	done(go(heir, (void *)1));
}

static void dies_cancelled(void)
{
	pthread_t t = go(cancelled, NULL);

	settle();
	pthread_cancel(t);
	done(t);
	done(go(heir, (void *)1));
}

static void not_recovered(void)
{
	done(go(die_holding, NULL));
	done(go(heir, NULL));
	done(go(heir, NULL));
	SHOW(pthread_mutex_lock(&m));
	SHOW(pthread_mutex_destroy(&m));
}

static void kind(const char *name, int type, int protocol)
{
	printf("-- %s\n", name);
	make(type, protocol);
	died_before();
	dies_while_waited_for();
	dies_cancelled();
	not_recovered();
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	kind("normal", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE);
	kind("recursive", PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE);
	kind("errorcheck", PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE);
	kind("inherit", PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT);
	return 0;
}
