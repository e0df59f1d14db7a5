/* A thread's locale is its own: the main thread makes the first thread with one, and gives it up then. */
#include <locale.h>

#include "thread_test.h"

static void *asks(void *arg)
{
	(void)arg;
	return (void *)(long)(uselocale((locale_t)0) == LC_GLOBAL_LOCALE);
}

static void *kept[1000];

int main(void)
{
	locale_t own = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	locale_t before = own ? uselocale(own) : (locale_t)0;
	long global = (long)done(go(asks, NULL));

	printf("a thread has the global one: %ld\n", global);
	printf("and main its own: %d\n", uselocale((locale_t)0) == own);
	uselocale(before);
	freelocale(own);
	for (int i = 0; i < 1000; i++)
		kept[i] = calloc(1, 100 + (size_t)i); /* whoever still has it finds zeros */
	printf("no more: %d\n", uselocale((locale_t)0) == LC_GLOBAL_LOCALE);
	return 0;
}
