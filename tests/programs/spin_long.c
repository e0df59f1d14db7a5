/* Two threads that compute for two seconds, which one CPU has for one of them alone. */
#include <stdatomic.h>

#include "thread_test.h"

#define LONG_NS 2000000000

static void *computes(void *arg)
{
	int64_t end = clock_now(CLOCK_MONOTONIC) + LONG_NS;
	unsigned long x = 1;

	while (clock_now(CLOCK_MONOTONIC) < end)
		for (int i = 0; i < 1000; i++)
			x = x * 6364136223846793005 + 1442695040888963407;
	*(volatile unsigned long *)arg = x;
	return NULL;
}

int main(void)
{
	unsigned long results[2] = {0, 0};
	pthread_t a = go(computes, &results[0]), b = go(computes, &results[1]);

	done(a);
	done(b);
	printf("both have computed: %d\n", results[0] && results[1]);
	return 0;
}
