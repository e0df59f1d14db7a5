/* As many threads as the argument says, in three kinds of waits, and all of them joined. */
#include "thread_test.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int ends[2];
static bool open_gate;

static void *waits(void *arg)
{
	pthread_mutex_lock(&mutex);
	while (!open_gate)
		pthread_cond_wait(&cond, &mutex);
	pthread_mutex_unlock(&mutex);
	return arg;
}

static void *reads(void *arg)
{
	char byte;

	if (read(ends[0], &byte, 1) != 1)
		perror("read");
	return arg;
}

static void *sleeps(void *arg)
{
	nap(1000);
	return arg;
}

int main(int argc, char **argv)
{
	static void *(*const run[])(void *) = {waits, reads, sleeps};
	long n = argc > 1 ? atol(argv[1]) : 900, sum = 0;
	pthread_t *t = calloc((size_t)n, sizeof(*t));
	pthread_attr_t attr;

	if (pipe(ends))
		return 1;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 << 10);
	for (long i = 0; i < n; i++)
		if (pthread_create(&t[i], &attr, run[i % 3], (void *)i)) {
			printf("%ld made\n", i);
			return 1;
		}
	pthread_mutex_lock(&mutex);
	open_gate = true;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&mutex);
	for (long i = 0; i < n; i += 3)
		if (write(ends[1], "x", 1) != 1)
			perror("write");
	for (long i = 0; i < n; i++)
		sum += done(t[i]);
	printf("%ld joined, sum %ld\n", n, sum);
	return 0;
}
