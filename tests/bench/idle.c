/* CPU time in us that a process with parked threads uses in 2 s, and how often one of its OS threads wakes up meanwhile.
 * Some wait for a descriptor, some for a mutex, one sleeps. Argument: how many threads (1000). */
#include <sys/resource.h>
#include <unistd.h>

#include "bench.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int fds[2];

static void *park(void *arg)
{
	char byte;

	if (arg) {
		pthread_mutex_lock(&mutex);
		pthread_mutex_unlock(&mutex);
	} else if (read(fds[0], &byte, 1) > 0)
		abort();
	return NULL;
}

static long cpu_us(long *waits)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	*waits = u.ru_nvcsw;
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 + u.ru_utime.tv_usec + u.ru_stime.tv_usec;
}

int main(int argc, char **argv)
{
	long n = times(argc, argv, 1000), before, waits, after;
	pthread_t *t = calloc((size_t)n, sizeof(*t));

	if (pipe(fds))
		return 1;
	pthread_mutex_lock(&mutex);
	for (long i = 0; i < n; i++)
		t[i] = go(park, i % 2 ? t : NULL);
	usleep(200000);
	before = cpu_us(&waits);
	sleep(2);
	before = cpu_us(&after) - before;
	printf("%ld %ld\n", before, after - waits - 1); /* one is this sleep's end */
	close(fds[1]);
	pthread_mutex_unlock(&mutex);
	for (long i = 0; i < n; i++)
		done(t[i]);
	return 0;
}
