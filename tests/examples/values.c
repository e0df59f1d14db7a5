/* The greenlet tutorial's second example: what one switch is given, the other returns. */
#include <greenlet.h>
#include <stdint.h>
#include <stdio.h>

static greenlet_t gr1, gr2;

struct words {
	const char *x, *y;
};

static int test1(void *value, void **result)
{
	const struct words *w = value;
	char text[32];
	void *z;
	int err;

	(void)result;
	snprintf(text, sizeof(text), "%s%s", w->x, w->y);
	err = greenlet_switch(gr2, text, &z);
	if (err)
		return err;
	printf("%ld\n", (long)(intptr_t)z);
	return 0;
}

static int test2(void *value, void **result)
{
	(void)result;
	puts(value);
	return greenlet_switch(gr1, (void *)42, NULL);
}

int main(void)
{
	struct words hello = {"hello", " world"};

	gr1 = greenlet_new(test1, NULL);
	gr2 = greenlet_new(test2, NULL);
	greenlet_switch(gr1, &hello, NULL);
	greenlet_unref(gr1);
	greenlet_unref(gr2);
	return 0;
}
