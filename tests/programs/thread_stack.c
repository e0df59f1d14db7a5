/* Small stacks, and stacks that the program supplies. */
#include <limits.h>
#include <sys/mman.h>

#include "thread_test.h"

static char *area;
static size_t area_size;

/* What a small server's thread does: it waits on a mutex, sleeps, writes. */
static void *work(void *arg)
{
	pthread_mutex_t *mutex = arg;
	char here[512];

	memset(here, 1, sizeof(here));
	for (int i = 0; i < 5; i++) {
		pthread_mutex_lock(mutex);
		sched_yield();
		pthread_mutex_unlock(mutex);
		nap(1);
	}
	return (void *)(long)here[511];
}

static void *inside(void *arg)
{
	char here;
	bool is = &here >= area && &here < area + area_size;

	nap(2);
	return (void *)(long)(is && work(arg) == (void *)1);
}

static void sized(size_t size, const char *name)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_attr_t attr;
	pthread_t t[10];
	long sum = 0;

	pthread_attr_init(&attr);
	printf("%s: %s\n", name, error_name(pthread_attr_setstacksize(&attr, size)));
	for (int i = 0; i < 10; i++)
		if (pthread_create(&t[i], &attr, work, &mutex))
			abort();
	for (int i = 0; i < 10; i++)
		sum += done(t[i]);
	printf("%ld worked\n", sum);
	pthread_attr_destroy(&attr);
}

static void supplied(size_t size)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	pthread_attr_t attr;
	pthread_t t;

	area_size = size;
	area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_attr_init(&attr);
	SHOW(pthread_attr_setstack(&attr, area, size));
	for (int i = 0; i < 3; i++) {
		SHOW(pthread_create(&t, &attr, inside, &mutex));
		printf("on the program's stack: %ld\n", done(t));
	}
	memset(area, 0, size); /* ours again, at once */
	SHOW_ERRNO(munmap(area, size));
	pthread_attr_destroy(&attr);
}

int main(void)
{
	pthread_attr_t attr;

	sized(PTHREAD_STACK_MIN, "PTHREAD_STACK_MIN");
	sized(32 << 10, "32 KiB");
	sized(80 << 10, "80 KiB");
	sized(64 << 20, "64 MiB");
	supplied(PTHREAD_STACK_MIN);
	supplied(64 << 10);
	supplied(1 << 20);
	pthread_attr_init(&attr);
	SHOW(pthread_attr_setstacksize(&attr, PTHREAD_STACK_MIN - 1));
	SHOW(pthread_attr_setguardsize(&attr, 0));
	SHOW(pthread_attr_setguardsize(&attr, 64 << 10));
	return 0;
}
