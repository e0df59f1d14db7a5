/* launcher_hello [THREADS [STATUS]]: that many threads say hello in turn; exits with STATUS. */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#define MOST 64

static sem_t turn[MOST + 1];

static void *hello(void *arg)
{
	long i = (long)arg;

	sem_wait(&turn[i]);
	printf("hello from thread %ld\n", i);
	sem_post(&turn[i + 1]);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[MOST];
	long n = argc > 1 ? strtol(argv[1], NULL, 10) : 4;

	if (n < 0 || n > MOST)
		return 99;
	for (long i = 0; i <= n; i++)
		sem_init(&turn[i], 0, 0);
	for (long i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, hello, (void *)i))
			return 98;
	sem_post(&turn[0]);
	for (long i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	return argc > 2 ? atoi(argv[2]) : 0;
}
