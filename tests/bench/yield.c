/* sched_yield between threads: one yield. Arguments: how often each, and how many threads (2). */
#include <sched.h>

#include "bench.h"

static long rounds;

static void *yield(void *arg)
{
	for (long i = 0; i < rounds; i++)
		sched_yield();
	return arg;
}

int main(int argc, char **argv)
{
	long threads = argc > 2 ? atol(argv[2]) : 2;
	pthread_t *t = calloc((size_t)threads, sizeof(*t));
	int64_t begin;

	rounds = times(argc, argv, 300000);
	begin = now_ns();
	for (long i = 0; i < threads; i++)
		t[i] = go(yield, NULL);
	for (long i = 0; i < threads; i++)
		done(t[i]);
	report(begin, threads * rounds);
	return 0;
}
