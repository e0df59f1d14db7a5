/* Create and join one thread. Arguments: how many, and how many of them at a time (1). */
#include "bench.h"

static void *nothing(void *arg)
{
	return arg;
}

int main(int argc, char **argv)
{
	long n = times(argc, argv, 20000), batch = argc > 2 ? atol(argv[2]) : 1;
	pthread_t *t = calloc((size_t)batch, sizeof(*t));
	int64_t begin;

	done(go(nothing, NULL));
	begin = now_ns();
	for (long i = 0; i < n; i += batch) {
		for (long k = 0; k < batch; k++)
			t[k] = go(nothing, NULL);
		for (long k = 0; k < batch; k++)
			done(t[k]);
	}
	report(begin, n);
	return 0;
}
