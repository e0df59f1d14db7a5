/* Cancellation: states, types, cleanup handlers and their order, requests to the ended and to oneself. */
#include "thread_test.h"

static int fds[2];
static volatile bool spinning, stop;

static void say(void *arg)
{
	printf("cleanup %s\n", (const char *)arg);
}

static void park_and_say(void *arg)
{
	nap(5);
	sched_yield();
	say(arg);
}

static void *nested(void *arg)
{
	pthread_cleanup_push(say, "outer");
	pthread_cleanup_push(park_and_say, "that waits");
	pthread_cleanup_push(say, "popped, not run");
	pthread_cleanup_pop(0);
	pthread_cleanup_push(say, "popped and run");
	pthread_cleanup_pop(1);
	pause();
	pthread_cleanup_pop(0);
	pthread_cleanup_pop(0);
	return arg;
}

static void *disabled(void *arg)
{
	int old;
	char byte;

	SHOW(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old));
	printf("was enabled %d\n", old == PTHREAD_CANCEL_ENABLE);
	printf("read while disabled: %zd\n", read(fds[0], &byte, 1));
	SHOW(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old));
	nap(1);
	puts("NOT reached");
	return arg;
}

static void *asynchronous(void *arg)
{
	int old;

	SHOW(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old));
	printf("was deferred %d\n", old == PTHREAD_CANCEL_DEFERRED);
	pthread_cleanup_push(say, "asynchronous");
	spinning = true;
	while (!stop)
		sched_yield(); /* not a cancellation point */
	pthread_cleanup_pop(0);
	return arg;
}

static void *asynchronous_parked(void *arg)
{
	pthread_mutex_t *mutex = arg;

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	pthread_mutex_lock(mutex); /* not a cancellation point either */
	return NULL;
}

static void *cancels_itself(void *arg)
{
	SHOW(pthread_cancel(pthread_self()));
	puts("still here");
	pthread_testcancel();
	return arg;
}

static void *not_a_point(void *arg)
{
	pthread_mutex_t *mutex = arg;

	pthread_mutex_lock(mutex);
	pthread_mutex_unlock(mutex);
	puts("a mutex is no cancellation point");
	pthread_testcancel();
	return NULL;
}

static void *nothing(void *arg)
{
	return arg;
}

static void *exits_with_cleanup(void *arg)
{
	pthread_cleanup_push(say, "of pthread_exit");
	pthread_exit((void *)5);
	pthread_cleanup_pop(0);
	return arg;
}

static void bad(void)
{
	int old;

	SHOW(pthread_setcancelstate(77, &old));
	SHOW(pthread_setcanceltype(77, &old));
}

static void ended(pthread_t t)
{
	printf("canceled: %d\n", (void *)done(t) == PTHREAD_CANCELED);
}

static void cancel(pthread_t t)
{
	settle();
	if (pthread_cancel(t))
		puts("NOT cancelled");
}

int main(void)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_t t;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (pipe(fds))
		return 1;
	cancel(t = go(nested, NULL));
	ended(t);
	cancel(t = go(disabled, NULL));
	settle();
	if (write(fds[1], "x", 1) != 1)
		return 1;
	ended(t);
	cancel(t = go(asynchronous, NULL));
	ended(t);
	pthread_mutex_lock(&mutex);
	cancel(t = go(asynchronous_parked, &mutex));
	ended(t);
	cancel(t = go(not_a_point, &mutex));
	settle();
	pthread_mutex_unlock(&mutex);
	ended(t);
	ended(go(cancels_itself, NULL));
	cancel(t = go(nothing, NULL));
	ended(t);
	printf("exit's result %ld\n", done(go(exits_with_cleanup, NULL)));
	bad();
	return 0;
}
