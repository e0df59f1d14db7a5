/* Keys: each thread's values, destructors, how often they run, how many keys there are. */
#include <limits.h>

#include "thread_test.h"

static pthread_key_t key, second, stubborn, parking;
static int destroyed[4];

static void destroy(void *value)
{
	__atomic_fetch_add(&destroyed[0], (int)(long)value, __ATOMIC_SEQ_CST);
}

/* Values set by a destructor are destroyed in the next round. */
static void set_other(void *value)
{
	destroyed[1]++;
	pthread_setspecific(key, value);
}

static void set_again(void *value)
{
	destroyed[2]++;
	pthread_setspecific(stubborn, value);
}

static void park(void *value)
{
	(void)value;
	nap(5);
	sched_yield();
	__atomic_fetch_add(&destroyed[3], 1, __ATOMIC_SEQ_CST);
}

static void *use(void *arg)
{
	long wrong = pthread_getspecific(key) != NULL;

	pthread_setspecific(key, arg);
	for (int i = 0; i < 10; i++) {
		sched_yield();
		wrong += pthread_getspecific(key) != arg;
	}
	pthread_setspecific(parking, arg);
	return (void *)wrong;
}

static void *use_second(void *arg)
{
	pthread_setspecific(second, arg);
	pthread_exit(arg);
}

static void *use_stubborn(void *arg)
{
	pthread_setspecific(stubborn, arg);
	return arg;
}

static void *cancelled(void *arg)
{
	pthread_setspecific(key, arg);
	pause();
	return arg;
}

static void how_many(void)
{
	static pthread_key_t all[PTHREAD_KEYS_MAX + 1];
	int n = 0, ret;

	while (!(ret = pthread_key_create(&all[n], NULL)))
		n++;
	printf("no more keys: %s, more than 900: %d\n", error_name(ret), n > 900);
	while (n)
		pthread_key_delete(all[--n]);
}

int main(void)
{
	pthread_t t[10], u;
	long wrong = 0;

	SHOW(pthread_key_create(&key, destroy));
	SHOW(pthread_key_create(&second, set_other));
	SHOW(pthread_key_create(&stubborn, set_again));
	SHOW(pthread_key_create(&parking, park));
	SHOW(pthread_setspecific(key, (void *)1));
	for (long i = 0; i < 10; i++)
		t[i] = go(use, (void *)(i + 1));
	for (int i = 0; i < 10; i++)
		wrong += done(t[i]);
	printf("wrong %ld, destroyed %d, main's %ld\n", wrong, destroyed[0], (long)pthread_getspecific(key));
	done(go(use_second, (void *)100));
	printf("set by a destructor: %d %d\n", destroyed[1], destroyed[0]);
	done(go(use_stubborn, (void *)1));
	printf("set again and again: %d\n", destroyed[2]);
	printf("destructors that wait: %d\n", destroyed[3]);
	u = go(cancelled, (void *)1000);
	settle();
	pthread_cancel(u);
	done(u);
	printf("of the cancelled: %d\n", destroyed[0]);
	SHOW(pthread_key_delete(key));
	SHOW(pthread_key_delete(key));
	SHOW(pthread_setspecific(key, NULL));
	how_many();
	return 0;
}
