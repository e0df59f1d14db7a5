/* Two threads pass one byte to and fro by two pipes: one round trip. */
#include <unistd.h>

#include "bench.h"

static int there[2], back[2];
static long rounds;

static void *answer(void *arg)
{
	char byte;

	for (long i = 0; i < rounds; i++)
		if (read(there[0], &byte, 1) != 1 || write(back[1], &byte, 1) != 1)
			abort();
	return arg;
}

int main(int argc, char **argv)
{
	char byte = 'x';
	int64_t begin;
	pthread_t t;

	rounds = times(argc, argv, 50000);
	if (pipe(there) || pipe(back))
		return 1;
	t = go(answer, NULL);
	begin = now_ns();
	for (long i = 0; i < rounds; i++)
		if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
			abort();
	report(begin, rounds);
	done(t);
	return 0;
}
