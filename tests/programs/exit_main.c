/* main leaves by pthread_exit: the process goes on until its last thread ends, with status 0, and exit handlers run. */
#include "thread_test.h"

static pthread_t main_thread;

static void at_exit(void)
{
	puts("exit handler");
}

static void of_main(void *value)
{
	printf("main's destructor %s\n", (const char *)value);
}

static void *last(void *arg)
{
	printf("main ended with %ld\n", done(main_thread));
	nap(10);
	puts("the last thread ends");
	return arg;
}

int main(void)
{
	pthread_key_t key;

	setvbuf(stdout, NULL, _IOLBF, 0);
	atexit(at_exit);
	main_thread = pthread_self();
	pthread_key_create(&key, of_main);
	pthread_setspecific(key, "runs");
	pthread_detach(go(last, NULL));
	settle();
	pthread_exit((void *)9);
}
