/* Bytes of memory that one parked thread costs: resident, page tables, kernel stack. Argument: how many (2000). */
#include <string.h>
#include <unistd.h>

#include "bench.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void *park(void *arg)
{
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
	return arg;
}

static void *nothing(void *arg)
{
	return arg;
}

static long field(const char *file, const char *name)
{
	FILE *f = fopen(file, "r");
	char line[256];
	long kb = 0;

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			kb = atol(line + strlen(name));
	if (f)
		fclose(f);
	return kb;
}

/* What is this process's own, and what the kernel holds for its threads. */
static long used_kb(void)
{
	return field("/proc/self/status", "VmRSS:") + field("/proc/self/status", "VmPTE:") +
	       field("/proc/meminfo", "KernelStack:");
}

int main(int argc, char **argv)
{
	long n = times(argc, argv, 2000), before;
	pthread_t *t = calloc((size_t)n, sizeof(*t));

	memset(t, 1, (size_t)n * sizeof(*t));
	pthread_mutex_lock(&mutex);
	done(go(nothing, NULL)); /* what the first one costs is not counted */
	before = used_kb();
	for (long i = 0; i < n; i++)
		t[i] = go(park, NULL);
	usleep(300000);
	printf("%ld\n", (used_kb() - before) * 1024 / n);
	pthread_mutex_unlock(&mutex);
	for (long i = 0; i < n; i++)
		done(t[i]);
	return 0;
}
