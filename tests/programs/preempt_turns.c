/* Two threads that hand work to each other thousands of times by a variable alone, as redis does with io-threads. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#define TURNS 4000

static atomic_int turn;
static int ends[2];

static void *takes_turns(void *arg)
{
	int mine = (int)(intptr_t)arg;
	char byte = (char)mine;

	for (int i = mine; i < TURNS; i += 2) {
		while (atomic_load(&turn) != i)
			;
		if (write(ends[1], &byte, 1) != 1 || read(ends[0], &byte, 1) != 1)
			perror("pipe");
		atomic_store(&turn, i + 1);
	}
	return NULL;
}

int main(void)
{
	pthread_t t[2];

	if (pipe(ends))
		return 1;
	for (intptr_t i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, takes_turns, (void *)i);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	printf("turns: %d\n", atomic_load(&turn));
	return 0;
}
