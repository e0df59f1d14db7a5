/* Names of threads: one's own and others', by pthreads and by prctl. */
#include <sys/prctl.h>

#include "thread_test.h"

static void *wait_a_while(void *arg)
{
	nap(20);
	return arg;
}

static void *named(void *arg)
{
	char name[16], by_prctl[17] = "";

	pthread_getname_np(pthread_self(), name, sizeof(name));
	printf("at first: %s\n", name);
	SHOW(pthread_setname_np(pthread_self(), arg));
	nap(2);
	SHOW(pthread_getname_np(pthread_self(), name, sizeof(name)));
	prctl(PR_GET_NAME, by_prctl);
	printf("%s %s\n", name, by_prctl);
	prctl(PR_SET_NAME, "a name that is too long for it");
	pthread_getname_np(pthread_self(), name, sizeof(name));
	printf("%s\n", name);
	return NULL;
}

int main(void)
{
	char name[16];
	pthread_t t;

	setvbuf(stdout, NULL, _IOLBF, 0);
	SHOW(pthread_setname_np(pthread_self(), "the-main"));
	done(go(named, "first"));
	done(go(named, "second"));
	SHOW(pthread_getname_np(pthread_self(), name, sizeof(name)));
	printf("main is %s\n", name);
	t = go(wait_a_while, NULL);
	SHOW(pthread_setname_np(t, "another"));
	SHOW(pthread_getname_np(t, name, sizeof(name)));
	printf("%s\n", name);
	SHOW(pthread_setname_np(t, "sixteen-letters!"));
	SHOW(pthread_getname_np(t, name, 3));
	done(t);
	return 0;
}
