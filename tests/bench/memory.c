/* Bytes of memory that one parked thread costs: resident, page tables, kernel stack. Arguments: how many (2000), and in
 * what they wait (lock). */
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_mutex_t own = PTHREAD_MUTEX_INITIALIZER; /* cond's */
static bool over;
static int ends[2], sockets[2];

static void *in_lock(void *arg)
{
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
	return arg;
}

static void *in_cond(void *arg)
{
	pthread_mutex_lock(&own);
	while (!over)
		pthread_cond_wait(&cond, &own);
	pthread_mutex_unlock(&own);
	return arg;
}

static void *in_read(void *arg)
{
	char byte;

	if (read(ends[0], &byte, 1))
		abort();
	return arg;
}

static void *in_recv(void *arg)
{
	char byte;

	if (recv(sockets[0], &byte, 1, 0))
		abort();
	return arg;
}

static void *in_poll(void *arg)
{
	struct pollfd p = {.fd = ends[0], .events = POLLIN};

	poll(&p, 1, -1);
	return arg;
}

static void *in_sleep(void *arg)
{
	sleep(2);
	return arg;
}

static const struct {
	const char *name;
	void *(*run)(void *);
} kinds[] = {{"lock", in_lock}, {"cond", in_cond}, {"read", in_read},
	     {"recv", in_recv}, {"poll", in_poll}, {"sleep", in_sleep}};

static void *(*kind_of(const char *name))(void *)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].name, name))
			return kinds[i].run;
	abort();
}

static void end_all(void)
{
	pthread_mutex_lock(&own);
	over = true;
	pthread_mutex_unlock(&own);
	pthread_cond_broadcast(&cond);
	close(ends[1]);
	close(sockets[1]);
	pthread_mutex_unlock(&mutex);
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
	void *(*run)(void *) = kind_of(argc > 2 ? argv[2] : "lock");

	if (pipe(ends) || socketpair(AF_UNIX, SOCK_STREAM, 0, sockets))
		abort();
	memset(t, 1, (size_t)n * sizeof(*t));
	pthread_mutex_lock(&mutex);
	done(go(nothing, NULL)); /* what the first one costs is not counted */
	before = used_kb();
	for (long i = 0; i < n; i++)
		t[i] = go(run, NULL);
	usleep(300000);
	printf("%ld\n", (used_kb() - before) * 1024 / n);
	end_all();
	for (long i = 0; i < n; i++)
		done(t[i]);
	return 0;
}
