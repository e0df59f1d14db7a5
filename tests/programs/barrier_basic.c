/* Barriers: each round lets all through, and names one of them. */
#include "thread_test.h"

#define THREADS 10
#define ROUNDS 100

static pthread_barrier_t barrier;
static int arrived[ROUNDS], serial[ROUNDS], early;

static void *work(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		__atomic_fetch_add(&arrived[i], 1, __ATOMIC_SEQ_CST);
		if (i % 10 == 0)
			nap((long)arg % 3);
		if (pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD)
			__atomic_fetch_add(&serial[i], 1, __ATOMIC_SEQ_CST);
		if (__atomic_load_n(&arrived[i], __ATOMIC_SEQ_CST) != THREADS)
			early++;
	}
	return NULL;
}

int main(void)
{
	pthread_t t[THREADS];
	int wrong = 0;

	SHOW(pthread_barrier_init(&barrier, NULL, 0));
	SHOW(pthread_barrier_init(&barrier, NULL, THREADS));
	for (long i = 0; i < THREADS; i++)
		t[i] = go(work, (void *)i);
	for (int i = 0; i < THREADS; i++)
		done(t[i]);
	for (int i = 0; i < ROUNDS; i++)
		wrong += serial[i] != 1;
	printf("early %d, rounds with other than one serial thread %d\n", early, wrong);
	SHOW(pthread_barrier_destroy(&barrier));
	SHOW(pthread_barrier_init(&barrier, NULL, 1));
	printf("alone: %d\n", pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD);
	SHOW(pthread_barrier_destroy(&barrier));
	return 0;
}
