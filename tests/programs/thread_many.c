/* Two thousand threads alive at once, and twenty thousand one after the other. */
#include "thread_test.h"

#define MANY 2000

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int here;
static bool open_gate;

static void *wait_at_gate(void *arg)
{
	pthread_mutex_lock(&mutex);
	here++;
	while (!open_gate)
		pthread_cond_wait(&cond, &mutex);
	pthread_mutex_unlock(&mutex);
	return arg;
}

static void *nothing(void *arg)
{
	return arg;
}

static void at_once(void)
{
	static pthread_t t[MANY];
	pthread_attr_t attr;
	long sum = 0;
	int arrived = 0;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 << 10);
	for (long i = 0; i < MANY; i++)
		if (pthread_create(&t[i], &attr, wait_at_gate, (void *)i))
			abort();
	while (arrived < MANY) {
		pthread_mutex_lock(&mutex);
		arrived = here;
		pthread_mutex_unlock(&mutex);
		sched_yield();
	}
	printf("%d wait\n", arrived);
	pthread_mutex_lock(&mutex);
	open_gate = true;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&mutex);
	for (int i = 0; i < MANY; i++)
		sum += done(t[i]);
	printf("all went, %ld\n", sum);
}

int main(void)
{
	pthread_t t[100];
	long sum = 0;

	at_once();
	for (long i = 0; i < 10000; i++)
		sum += done(go(nothing, (void *)i));
	for (long i = 0; i < 100; i++) {
		for (long k = 0; k < 100; k++)
			t[k] = go(nothing, (void *)k);
		for (int k = 0; k < 100; k++)
			sum += done(t[k]);
	}
	printf("one after the other %ld\n", sum);
	return 0;
}
