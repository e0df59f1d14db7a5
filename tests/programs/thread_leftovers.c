/* Threads that take over the stacks of others, one at a time and in batches: of what those had nothing is seen in their own
 * variables, and what they had in use does not stay in memory. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEYS 100
#define BATCH 100
#define MUCH (1 << 20)
#define RESIDENT_MAX (16 << 20)

static pthread_key_t keys[KEYS];
static _Thread_local char blank[3000];
static _Thread_local int initial = 7;

static size_t resident(void)
{
	char text[100] = "";
	int fd = open("/proc/self/statm", O_RDONLY);
	unsigned long pages = 0;

	if (read(fd, text, sizeof(text) - 1) > 0)
		sscanf(text, "%*u %lu", &pages);
	close(fd);
	return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static __attribute__((noinline)) void use_stack(size_t size)
{
	char much[size];

	memset(much, 0x5a, size);
	__asm__ volatile("" : : "r"(much) : "memory");
}

static intptr_t leftovers(void)
{
	intptr_t n = errno != 0 || initial != 7;

	for (size_t i = 0; i < sizeof(blank); i++)
		n += blank[i] != 0;
	for (int i = 0; i < KEYS; i++)
		n += pthread_getspecific(keys[i]) != NULL;
	return n;
}

static void *uses(void *arg)
{
	intptr_t n = leftovers();

	use_stack((size_t)(uintptr_t)arg);
	memset(blank, 0x5a, sizeof(blank));
	initial = errno = ENOENT;
	for (int i = 0; i < KEYS; i++)
		pthread_setspecific(keys[i], &keys[i]);
	return (void *)n;
}

static intptr_t batch(int n, size_t size)
{
	pthread_t threads[BATCH];
	intptr_t sum = 0;
	void *found;

	for (int i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, uses, (void *)size))
			abort();
	for (int i = 0; i < n; i++) {
		pthread_join(threads[i], &found);
		sum += (intptr_t)found;
	}
	return sum;
}

static void try(size_t size)
{
	size_t before = resident();
	intptr_t found = 0;

	for (int i = 0; i < 500; i++)
		found += batch(1, size);
	for (int i = 0; i < 10; i++)
		found += batch(BATCH, size);
	printf("%zu KiB each: found %ld, ", size >> 10, (long)found);
	puts(resident() < before + RESIDENT_MAX ? "little stays" : "much stays");
}

int main(void)
{
	for (int i = 0; i < KEYS; i++)
		if (pthread_key_create(&keys[i], NULL))
			return 1;
	try(1 << 10);
	try(64 << 10);
	try(MUCH);
	return 0;
}
