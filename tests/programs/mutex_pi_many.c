/* A mutex with priority inheritance that several threads take and leave so often that one is left just while another one
 * says that it waits. */
#include "thread_test.h"

#define THREADS 4
#define ROUNDS 100000

static pthread_mutex_t mutex;
static long counter;

static void *counts(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&mutex);
		counter++;
		pthread_mutex_unlock(&mutex);
	}
	return arg;
}

int main(void)
{
	pthread_mutexattr_t a;
	pthread_t t[THREADS];

	pthread_mutexattr_init(&a);
	pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT);
	pthread_mutex_init(&mutex, &a);
	for (int i = 0; i < THREADS; i++)
		t[i] = go(counts, NULL);
	for (int i = 0; i < THREADS; i++)
		done(t[i]);
	printf("counted: %ld\n", counter);
	return 0;
}
