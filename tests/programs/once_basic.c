/* pthread_once: one runs, the others wait for it; who is cancelled in it leaves it to the next. */
#include "thread_test.h"

static pthread_once_t once = PTHREAD_ONCE_INIT, again = PTHREAD_ONCE_INIT;
static int ran, begun, finished, completed;

static void slowly(void)
{
	ran++;
	nap(20);
	finished = 1;
}

static void *call_once_(void *arg)
{
	pthread_once(&once, slowly);
	return (void *)((long)arg + !finished);
}

static void cancellable(void)
{
	if (begun++ == 0)
		pause();
	completed = begun;
}

static void *call_again(void *arg)
{
	pthread_once(&again, cancellable);
	return arg;
}

int main(void)
{
	pthread_t t[10], u;
	long early = 0;

	for (int i = 0; i < 10; i++)
		t[i] = go(call_once_, NULL);
	for (int i = 0; i < 10; i++)
		early += done(t[i]);
	printf("ran %d, early %ld\n", ran, early);
	t[0] = go(call_again, NULL);
	settle();
	u = go(call_again, NULL);
	settle();
	pthread_cancel(t[0]);
	printf("first cancelled: %d\n", (void *)done(t[0]) == PTHREAD_CANCELED);
	early = done(u);
	printf("second: %ld, completed in run %d\n", early, completed);
	SHOW(pthread_once(&again, cancellable));
	return 0;
}
