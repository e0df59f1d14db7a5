/* The greenlet tutorial's first example: two functions that take turns. */
#include <greenlet.h>
#include <stdio.h>

static greenlet_t gr1, gr2;

static int test1(void *value, void **result)
{
	(void)value, (void)result;
	puts("12");
	greenlet_switch(gr2, NULL, NULL);
	puts("34");
	return 0;
}

/* Left in its second switch: when the last reference goes, an exception (GREENLET_EXIT) arrives there. */
static int test2(void *value, void **result)
{
	int err;

	(void)value, (void)result;
	puts("56");
	err = greenlet_switch(gr1, NULL, NULL);
	if (err)
		return err;
	puts("78");
	return 0;
}

int main(void)
{
	gr1 = greenlet_new(test1, NULL);
	gr2 = greenlet_new(test2, NULL);
	greenlet_switch(gr1, NULL, NULL);
	greenlet_unref(gr1);
	greenlet_unref(gr2);
	return 0;
}
