/* The smallest program; with an argument, the smallest with a thread. */
#include <pthread.h>

static void *nothing(void *arg)
{
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t t;

	(void)argv;
	return argc > 1 && (pthread_create(&t, NULL, nothing, NULL) || pthread_join(t, NULL));
}
