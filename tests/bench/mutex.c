/* Lock and unlock one mutex. Arguments: how often in all, and by how many threads (1: uncontended). */
#include "bench.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long rounds;
static volatile long counter;

static void *lock(void *arg)
{
	for (long i = 0; i < rounds; i++) {
		pthread_mutex_lock(&mutex);
		counter++;
		pthread_mutex_unlock(&mutex);
	}
	return arg;
}

int main(int argc, char **argv)
{
	long n = times(argc, argv, 2000000), threads = argc > 2 ? atol(argv[2]) : 1;
	pthread_t *t = calloc((size_t)threads, sizeof(*t));
	int64_t begin = now_ns();

	rounds = n / threads;
	for (long i = 0; i < threads; i++)
		t[i] = go(lock, NULL);
	for (long i = 0; i < threads; i++)
		done(t[i]);
	report(begin, rounds * threads);
	return counter != rounds * threads;
}
