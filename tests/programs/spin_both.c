/* Two threads that hand a number to and fro, without a call between: only those that run at the same time get ahead. */
#include <stdatomic.h>

#include "thread_test.h"

#define ROUNDS 300

static atomic_int turn;

static void play(int mine)
{
	for (int i = 0; i < ROUNDS; i++) {
		while (atomic_load_explicit(&turn, memory_order_acquire) != mine)
			;
		atomic_store_explicit(&turn, !mine, memory_order_release);
	}
}

static void *other(void *arg)
{
	play(1);
	return arg;
}

int main(void)
{
	pthread_t t = go(other, NULL);

	play(0);
	done(t);
	printf("rounds: %d, turn %d\n", ROUNDS, turn);
	return 0;
}
