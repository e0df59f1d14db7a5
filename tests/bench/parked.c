/* What parked threads cost, and what others pay beside them. Arguments: how many (1000), and what they wait in: sleep, cond,
 * read, or all three in turn. Prints ns to make one, bytes of memory that one takes of the machine (user and kernel, by
 * /proc/meminfo), ns of a yield and of a round trip by two pipes beside them, ns to end and join one. */
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int ends[2], there[2], back[2];
static bool over;

static void *in_sleep(void *arg)
{
	sleep(100000);
	return arg;
}

static void *in_cond(void *arg)
{
	pthread_mutex_lock(&mutex);
	while (!over)
		pthread_cond_wait(&cond, &mutex);
	pthread_mutex_unlock(&mutex);
	return arg;
}

static void *in_read(void *arg)
{
	char byte;

	if (read(ends[0], &byte, 1))
		abort();
	return arg;
}

static void *(*const waits[])(void *) = {in_sleep, in_cond, in_read};

static void *yield(void *arg)
{
	for (long i = (long)arg; i > 0; i--)
		sched_yield();
	return NULL;
}

static void *answer(void *arg)
{
	char byte;

	for (long i = (long)arg; i > 0; i--)
		if (read(there[0], &byte, 1) != 1 || write(back[1], &byte, 1) != 1)
			abort();
	return NULL;
}

static void *ask(void *arg)
{
	char byte = 'x';

	for (long i = (long)arg; i > 0; i--)
		if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
			abort();
	return NULL;
}

static double two(void *(*one)(void *), void *(*other)(void *), long n, long operations)
{
	int64_t begin = now_ns();
	pthread_t a = go(one, (void *)n), b = go(other, (void *)n);

	done(a);
	done(b);
	return (double)(now_ns() - begin) / (double)operations;
}

/* What is not a file's: an idle machine's other memory hardly changes meanwhile. */
static long machine_kb(void)
{
	static const char *const parts[] = {"AnonPages:", "PageTables:", "KernelStack:", "Slab:"};
	FILE *f = fopen("/proc/meminfo", "r");
	char line[256];
	long kb = 0;

	while (f && fgets(line, sizeof(line), f))
		for (int i = 0; i < 4; i++)
			if (!strncmp(line, parts[i], strlen(parts[i])))
				kb += atol(line + strlen(parts[i]));
	if (f)
		fclose(f);
	return kb;
}

static void end(pthread_t *t, long n, int kind)
{
	pthread_mutex_lock(&mutex);
	over = true;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&mutex);
	close(ends[1]);
	for (long i = 0; i < n; i++)
		if (waits[kind < 0 ? i % 3 : kind] == in_sleep)
			pthread_cancel(t[i]);
	for (long i = 0; i < n; i++)
		done(t[i]);
}

int main(int argc, char **argv)
{
	long n = times(argc, argv, 1000), before;
	pthread_t *t = calloc((size_t)n, sizeof(*t));
	int kind = argc < 3 || *argv[2] == 'a' ? -1 : *argv[2] == 's' ? 0 : *argv[2] == 'c' ? 1 : 2;
	int64_t begin;

	memset(t, 1, (size_t)n * sizeof(*t));
	if (pipe(ends) || pipe(there) || pipe(back))
		return 1;
	two(yield, yield, 100, 1); /* what the first ones cost is not counted */
	before = machine_kb();
	begin = now_ns();
	for (long i = 0; i < n; i++)
		t[i] = go(waits[kind < 0 ? i % 3 : kind], NULL);
	sched_yield();
	printf("%.1f ", (double)(now_ns() - begin) / (double)n);
	usleep(300000);
	printf("%.0f ", (double)(machine_kb() - before) * 1024 / (double)n);
	printf("%.1f ", two(yield, yield, 100000, 200000));
	printf("%.1f ", two(ask, answer, 20000, 20000));
	begin = now_ns();
	end(t, n, kind);
	report(begin, n);
	return 0;
}
