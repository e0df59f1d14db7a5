/* A library with thread-local variables whose constructor and destructor block: they sleep, read a pipe, make a thread and
 * join it, run a program. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static __thread int own = 7;
static __thread char text[2000] = "text";
static int ends[2];

static void nap(void)
{
	nanosleep(&(struct timespec){0, 2000000}, NULL);
}

static void *begin(void *arg)
{
	own = 9;
	if (write(ends[1], "x", 1) != 1)
		own = 0;
	(void)arg;
	return (void *)(own + (long)strlen(text));
}

__attribute__((constructor)) static void construct(void)
{
	void *result;
	pthread_t t;
	char line[40] = "";
	FILE *f;

	nap();
	if (pipe(ends) || pthread_create(&t, NULL, begin, NULL) || read(ends[0], line, 1) != 1)
		puts("failed");
	pthread_join(t, &result);
	f = popen("echo from a child", "r");
	if (!f || !fgets(line, sizeof(line), f))
		puts("no child");
	printf("constructor: %ld %d %s %s", (long)result, own, text, line);
	pclose(f);
}

__attribute__((destructor)) static void destroy(void)
{
	nap();
	puts("destructor");
	close(ends[0]);
	close(ends[1]);
}

static void *sleeps(void *arg)
{
	nap();
	own += (int)(long)arg;
	return (void *)(long)own;
}

/* The caller's own variable, and a new thread's. */
int library_count(void)
{
	void *other;
	pthread_t t;

	pthread_create(&t, NULL, sleeps, (void *)10L);
	pthread_join(t, &other);
	nap();
	return ++own * 100 + (int)(long)other;
}
