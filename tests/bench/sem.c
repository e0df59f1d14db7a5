/* Two threads take turns by two semaphores: one turn there and back. */
#include <semaphore.h>

#include "bench.h"

static sem_t sem[2];
static long rounds;

static void *play(void *arg)
{
	int mine = arg != NULL;

	for (long i = 0; i < rounds; i++) {
		sem_wait(&sem[mine]);
		sem_post(&sem[!mine]);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t a, b;
	int64_t begin;

	rounds = times(argc, argv, 50000);
	sem_init(&sem[0], 0, 1);
	sem_init(&sem[1], 0, 0);
	begin = now_ns();
	a = go(play, NULL);
	b = go(play, &rounds);
	done(a);
	done(b);
	report(begin, rounds);
	return 0;
}
