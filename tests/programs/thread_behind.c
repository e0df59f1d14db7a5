/* LDLIBS: -ldl */
/* Threads made by an address from dlsym(a library's handle), as by foreign function interfaces, take turns with one made
 * as usual: condition variables between them must work. With an argument all are made so. */
#include <dlfcn.h>

#include "thread_test.h"

#define THREADS 4
#define TURNS 300

typedef int create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg);

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int turn;

static void *take_turns(void *arg)
{
	long me = (long)arg, taken = 0;

	pthread_mutex_lock(&mutex);
	while (taken < TURNS) {
		while (turn % THREADS != me)
			pthread_cond_wait(&cond, &mutex);
		turn++;
		taken++;
		pthread_cond_broadcast(&cond);
	}
	pthread_mutex_unlock(&mutex);
	return (void *)taken;
}

int main(int argc, char **argv)
{
	void *libc = dlopen("libpthread.so.0", RTLD_NOW);
	create *behind = libc ? (create *)dlsym(libc, "pthread_create") : NULL;
	pthread_t t[THREADS];

	(void)argv;
	if (!behind) {
		puts("no pthread_create in libpthread.so.0");
		return 77;
	}
	for (long i = 0; i < THREADS; i++) {
		create *make = i == THREADS - 1 && argc == 1 ? pthread_create : behind;

		SHOW(make(&t[i], NULL, take_turns, (void *)i));
	}
	for (int i = 0; i < THREADS; i++)
		printf("thread %d: %ld turns\n", i, (long)done(t[i]));
	printf("all: %d\n", turn);
	return 0;
}
