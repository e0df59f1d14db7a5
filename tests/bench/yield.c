/* sched_yield between two threads: one yield. */
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
	pthread_t a, b;
	int64_t begin;

	rounds = times(argc, argv, 300000);
	begin = now_ns();
	a = go(yield, NULL);
	b = go(yield, NULL);
	done(a);
	done(b);
	report(begin, 2 * rounds);
	return 0;
}
