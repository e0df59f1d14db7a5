/* bench.h - for the benchmarks: small pthread programs that know nothing of greenshim. Each prints the
 * nanoseconds that one operation took, or several such numbers; scripts/bench runs them in turn and prints ratios. */
#ifndef BENCH_H
#define BENCH_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static inline int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000L + ts.tv_nsec;
}

static inline pthread_t go(void *(*run)(void *), void *arg)
{
	pthread_t t;

	if (pthread_create(&t, NULL, run, arg))
		abort();
	return t;
}

static inline void done(pthread_t t)
{
	if (pthread_join(t, NULL))
		abort();
}

/* How often to do it: the program's argument, or n. */
static inline long times(int argc, char **argv, long n)
{
	return argc > 1 ? atol(argv[1]) : n;
}

static inline void report(int64_t begin_ns, long operations)
{
	printf("%.1f\n", (double)(now_ns() - begin_ns) / (double)operations);
}

#endif
