/* Two threads take turns by a condition variable: one turn there and back. */
#include "bench.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond[2] = {PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER};
static long rounds;
static int turn;

static void *play(void *arg)
{
	int mine = arg != NULL;

	pthread_mutex_lock(&mutex);
	for (long i = 0; i < rounds; i++) {
		while (turn != mine)
			pthread_cond_wait(&cond[mine], &mutex);
		turn = !mine;
		pthread_cond_signal(&cond[!mine]);
	}
	pthread_mutex_unlock(&mutex);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t a, b;
	int64_t begin;

	rounds = times(argc, argv, 50000);
	begin = now_ns();
	a = go(play, NULL);
	b = go(play, &rounds);
	done(a);
	done(b);
	report(begin, rounds);
	return 0;
}
