/* Opens and closes a library whose constructor blocks, from main and from other threads, two at a time, while others run;
 * and leaves it to exit to close it. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static volatile long ticks;
static const char *path;

static void *tick(void *arg)
{
	for (;;) {
		nanosleep(&(struct timespec){0, 200000}, NULL);
		ticks++;
	}
	return arg;
}

static void *in_thread(void *(*run)(void *), void *arg)
{
	pthread_t t;
	void *result;

	if (pthread_create(&t, NULL, run, arg))
		abort();
	pthread_join(t, &result);
	return result;
}

static void *open_it(void *arg)
{
	void *library = dlopen(path, RTLD_NOW);

	if (!library)
		puts(dlerror());
	(void)arg;
	return library;
}

static void *close_it(void *library)
{
	return (void *)(long)dlclose(library);
}

static void *use(void *library)
{
	int (*count)(void);
	long n = 0;

	*(void **)&count = dlsym(library, "library_count");
	for (int i = 0; i < 3; i++)
		n = count();
	return (void *)n;
}

static void *both_open(void *arg)
{
	void *library = open_it(arg);

	printf("opened and used: %ld\n", (long)use(library));
	return library;
}

static void two_at_once(void)
{
	pthread_t t[2];
	void *library[2];

	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, both_open, NULL);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], &library[i]);
	printf("the same: %d\n", library[0] == library[1]);
	for (int i = 0; i < 2; i++)
		printf("closed: %d\n", dlclose(library[i]));
}

int main(int argc, char **argv)
{
	pthread_t t;

	if (argc < 2)
		return 1;
	path = argv[1];
	setvbuf(stdout, NULL, _IOLBF, 0);
	pthread_create(&t, NULL, tick, NULL);
	for (int i = 0; i < 4; i++) {
		long before = ticks;
		void *library = i & 1 ? in_thread(open_it, NULL) : open_it(NULL);

		printf("others went on: %d\n", ticks > before);
		printf("thread: %ld", (long)in_thread(use, library));
		printf(", main: %ld\n", (long)use(library));
		printf("closed: %ld\n", (long)(i & 2 ? in_thread(close_it, library) : close_it(library)));
		printf("still there: %d\n", dlopen(path, RTLD_NOLOAD | RTLD_NOW) != NULL);
	}
	two_at_once();
	return in_thread(open_it, NULL) == NULL;
}
