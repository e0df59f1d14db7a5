/* Has a new thread started when its creator has made a call that does not block? Natively it mostly has. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static atomic_int started;

static void *starts(void *arg)
{
	atomic_store(&started, 1);
	return arg;
}

int main(void)
{
	pthread_t t;
	int ends[2];
	char byte = 0;

	if (pipe(ends) || write(ends[1], &byte, 1) != 1)
		return 1;
	pthread_create(&t, NULL, starts, NULL);
	if (read(ends[0], &byte, 1) != 1)
		return 1;
	printf("started: %d\n", atomic_load(&started));
	pthread_join(t, NULL);
	return 0;
}
