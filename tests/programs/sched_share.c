/* Niceness of threads that compute: on one CPU the less nice one gets more of it, and the nicest still some. */
#include <sys/resource.h>

#include "sched_test.h"
#include "thread_test.h"

#define SECOND 1000000000L
#define THREADS 3

static const int niceness[THREADS] = {0, 5, 19};
static volatile int stop;
static pthread_barrier_t barrier;

static void *computes(void *arg)
{
	setpriority(PRIO_PROCESS, 0, *(const int *)arg);
	pthread_barrier_wait(&barrier);
	while (!stop)
		;
	return NULL;
}

static int64_t used(pthread_t t)
{
	clockid_t clock;

	return pthread_getcpuclockid(t, &clock) ? 0 : clock_now(clock);
}

int main(void)
{
	pthread_t t[THREADS];
	int64_t had[THREADS] = {0}, sum = 0;

	on_one_cpu();
	pthread_barrier_init(&barrier, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++)
		t[i] = go(computes, (void *)&niceness[i]);
	pthread_barrier_wait(&barrier);
	while (sum < 2 * SECOND) {
		nap(20);
		sum = 0;
		for (int i = 0; i < THREADS; i++)
			sum += had[i] = used(t[i]);
	}
	stop = 1;
	for (int i = 0; i < THREADS; i++)
		done(t[i]);
	printf("niceness 0 twice as much as 5: %d\n", had[0] > 2 * had[1]);
	printf("5 twice as much as 19: %d\n", had[1] > 2 * had[2]);
	printf("19 some: %d\n", had[2] > 0);
	return 0;
}
