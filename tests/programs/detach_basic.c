/* Detached threads, and the joins that do not wait or not for ever. */
#include <semaphore.h>

#include "thread_test.h"

static sem_t ended, gate;

static void *detached(void *arg)
{
	nap(1);
	sem_post(&ended);
	return arg;
}

static void *detaches_itself(void *arg)
{
	pthread_detach(pthread_self());
	return detached(arg);
}

static void *at_gate(void *arg)
{
	sem_wait(&gate);
	return arg;
}

static void *join_main(void *arg)
{
	return (void *)(long)pthread_tryjoin_np(*(pthread_t *)arg, NULL);
}

static void detachments(void)
{
	pthread_attr_t attr;
	pthread_t t;
	int state;

	pthread_attr_init(&attr);
	SHOW(pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED));
	SHOW(pthread_attr_getdetachstate(&attr, &state));
	SHOW(pthread_attr_setdetachstate(&attr, 77));
	for (int i = 0; i < 30; i++) {
		if (i % 3 == 0)
			pthread_create(&t, &attr, detached, NULL);
		else if (i % 3 == 1)
			pthread_detach(go(detached, NULL));
		else
			go(detaches_itself, NULL);
	}
	for (int i = 0; i < 30; i++)
		sem_wait(&ended);
	printf("all ended\n");
	pthread_create(&t, &attr, at_gate, NULL);
	settle();
	SHOW(pthread_join(t, NULL));
	SHOW(pthread_detach(t));
	sem_post(&gate);
	settle();
}

static void joins(void)
{
	pthread_t t = go(at_gate, (void *)42), self = pthread_self();
	struct timespec until;
	void *result = NULL;
	int ret;

	SHOW(pthread_tryjoin_np(t, &result));
	until = in_ms(CLOCK_REALTIME, 10);
	ret = pthread_timedjoin_np(t, &result, &until);
	printf("timedjoin: %s, %s\n", error_name(ret), waited(CLOCK_REALTIME, until));
	until = in_ms(CLOCK_MONOTONIC, 10);
	ret = pthread_clockjoin_np(t, &result, CLOCK_MONOTONIC, &until);
	printf("clockjoin: %s, %s\n", error_name(ret), waited(CLOCK_MONOTONIC, until));
	until = in_ms(CLOCK_REALTIME, -10);
	SHOW(pthread_timedjoin_np(t, &result, &until));
	SHOW(pthread_join(self, NULL));
	printf("main is joinable and runs: %s\n", error_name((int)done(go(join_main, &self))));
	sem_post(&gate);
	until = in_ms(CLOCK_MONOTONIC, 60000);
	SHOW(pthread_clockjoin_np(t, &result, CLOCK_MONOTONIC, &until));
	printf("result %ld\n", (long)result);
	t = go(at_gate, (void *)43);
	sem_post(&gate);
	settle();
	SHOW(pthread_tryjoin_np(t, &result));
	printf("result %ld\n", (long)result);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	sem_init(&ended, 0, 0);
	sem_init(&gate, 0, 0);
	detachments();
	joins();
	return 0;
}
