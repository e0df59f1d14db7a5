/* Joining in every way: threads that run, that have ended, detached, oneself, main; interrupted and
 * cancelled; in a child, where the others are gone. glibc does not tell that another joins already. */
#include <sys/wait.h>

#include "thread_test.h"

#define UNTIL(clock, ms) (&(struct timespec[]){in_ms(clock, ms)}[0])

static pthread_mutex_t hold = PTHREAD_MUTEX_INITIALIZER;

static void *held(void *arg)
{
	pthread_mutex_lock(&hold);
	pthread_mutex_unlock(&hold);
	return arg;
}

static void *at_once(void *arg)
{
	return arg;
}

static int try_join(pthread_t t, long *result)
{
	void *value = NULL;
	int ret = pthread_tryjoin_np(t, &value);

	*result = (long)value;
	return ret;
}

static void one_that_runs(void)
{
	long result = -1;
	void *value;
	pthread_t t;

	pthread_mutex_lock(&hold);
	t = go(held, (void *)4);
	SHOW(try_join(t, &result));
	SHOW(pthread_timedjoin_np(t, NULL, UNTIL(CLOCK_REALTIME, 5)));
	SHOW(pthread_clockjoin_np(t, NULL, CLOCK_MONOTONIC, UNTIL(CLOCK_MONOTONIC, 5)));
	SHOW(pthread_clockjoin_np(t, NULL, CLOCK_BOOTTIME, UNTIL(CLOCK_MONOTONIC, 5)));
	pthread_mutex_unlock(&hold);
	SHOW(pthread_clockjoin_np(t, &value, CLOCK_MONOTONIC, UNTIL(CLOCK_MONOTONIC, 100000)));
	printf("value %ld\n", (long)value);
}

/* Ended, surely: its number is free. */
static void one_that_ended(void)
{
	static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
	long result = -1;
	pthread_t t = go(at_once, (void *)5);
	int ret;

	pthread_mutex_lock(&m);
	while ((ret = try_join(t, &result)) == EBUSY)
		nap(1);
	printf("tried until: %s, value %ld\n", error_name(ret), result);
	t = go(at_once, PTHREAD_CANCELED);
	nap(10);
	SHOW(pthread_timedjoin_np(t, NULL, (&(struct timespec){1, 0})));
	pthread_mutex_unlock(&m);
}

static void *joins(void *arg)
{
	return (void *)(long)pthread_join(*(pthread_t *)arg, NULL);
}

static void *joins_itself(void *arg)
{
	printf("oneself: %s", error_name(pthread_join(pthread_self(), NULL)));
	printf(" %s", error_name(pthread_tryjoin_np(pthread_self(), NULL)));
	printf(" %s\n", error_name(pthread_timedjoin_np(pthread_self(), NULL, UNTIL(CLOCK_REALTIME, 5))));
	return arg;
}

static void who_may_not(void)
{
	pthread_attr_t attr;
	pthread_t t;
	long result;

	pthread_mutex_lock(&hold);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_create(&t, &attr, held, NULL);
	SHOW(pthread_join(t, NULL));
	SHOW(try_join(t, &result));
	SHOW(pthread_detach(t));
	t = go(held, NULL);
	SHOW(pthread_detach(t));
	SHOW(pthread_detach(t));
	SHOW(pthread_join(t, NULL));
	pthread_mutex_unlock(&hold);
	done(go(joins_itself, NULL));
	SHOW(pthread_join(pthread_self(), NULL));
}

static void *cancelled(void *arg)
{
	pthread_join(*(pthread_t *)arg, NULL);
	return NULL;
}

static void interrupted(void)
{
	pthread_t t, other;

	handle(SIGUSR1, 0);
	pthread_mutex_lock(&hold);
	t = go(held, (void *)7);
	other = go(joins, &t);
	for (int i = 0; i < 5; i++) {
		nap(5);
		pthread_kill(other, SIGUSR1);
	}
	pthread_cancel(other);
	printf("canceled: %d\n", (void *)done(other) == PTHREAD_CANCELED);
	other = go(cancelled, &t);
	pthread_cancel(other);
	printf("canceled: %d\n", (void *)done(other) == PTHREAD_CANCELED);
	pthread_mutex_unlock(&hold);
	printf("joined after all: %ld\n", done(t));
}

static void *all(void *arg)
{
	one_that_runs();
	one_that_ended();
	who_may_not();
	interrupted();
	return arg;
}

static pthread_t gone;

static void *all_in_child(void *arg)
{
	static bool begun;

	if (!begun) {
		printf("in a child: %s\n", error_name(pthread_equal(gone, pthread_self()) ? EINVAL : 0));
		pthread_mutex_init(&hold, NULL);
	}
	begun = true;
	return all(arg);
}

static void *in_a_child(void *arg)
{
	child_again(all_in_child);
	return arg;
}

static void *joins_main(void *arg)
{
	void *value;
	int ret = pthread_join(*(pthread_t *)arg, &value);

	printf("main: %s %ld\n", error_name(ret), (long)value);
	exit(3);
}

int main(void)
{
	static pthread_t self;

	self = pthread_self();
	all(NULL);
	done(go(all, NULL));
	gone = go(at_once, NULL);
	done(go(in_a_child, NULL));
	done(gone);
	go(joins_main, &self);
	pthread_exit((void *)8);
}
