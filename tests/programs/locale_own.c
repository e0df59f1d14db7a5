/* A thread's locale is its own: the main thread makes the first thread with one, and gives it up then. */
#include <locale.h>

#include "thread_test.h"

static void *asks(void *arg)
{
	(void)arg;
	return (void *)(long)(uselocale((locale_t)0) == LC_GLOBAL_LOCALE);
}

int main(void)
{
	locale_t own = newlocale(LC_ALL_MASK, "C", (locale_t)0);
	locale_t before = uselocale(own);
	long global = (long)done(go(asks, NULL));

	printf("a thread has the global one: %ld\n", global);
	printf("and main its own: %d\n", uselocale((locale_t)0) == own);
	uselocale(before);
	freelocale(own);
	printf("no more: %d\n", uselocale((locale_t)0) == LC_GLOBAL_LOCALE);
	return 0;
}
