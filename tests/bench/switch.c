/* libgreenlet's own: a switch between two greenlets (the default), `spawn`: a greenlet made, run and joined,
 * `sleep`: greenlet_sleep(0) of two greenlets that take turns by the hub. */
#include <string.h>

#include "bench.h"
#include "greenlet.h"

#define MANY 2000000

static int bounce(void *value, void **result)
{
	greenlet_t back = greenlet_parent(greenlet_current());

	(void)value;
	*result = NULL;
	for (;;) {
		int err = greenlet_switch(back, NULL, NULL);

		if (err) /* it is dropped */
			return err;
	}
}

static void switches(long n)
{
	greenlet_t g = greenlet_new(bounce, NULL);
	int64_t begin = now_ns();

	for (long i = 0; i < n / 2; i++)
		greenlet_switch(g, NULL, NULL);
	report(begin, n);
	greenlet_unref(g);
}

static int nothing(void *value, void **result)
{
	*result = value;
	return 0;
}

static void spawn(long n)
{
	int64_t begin = now_ns();

	for (long i = 0; i < n; i++) {
		greenlet_t g = greenlet_spawn(nothing, NULL);

		greenlet_join(g, GREENLET_FOREVER);
		greenlet_unref(g);
	}
	report(begin, n);
}

static int sleeper(void *value, void **result)
{
	*result = NULL;
	for (long i = (long)value; i > 0; i--)
		greenlet_sleep(0);
	return 0;
}

static void sleeps(long n)
{
	greenlet_t g[2] = {greenlet_spawn(sleeper, (void *)(n / 2)), greenlet_spawn(sleeper, (void *)(n / 2))};
	int64_t begin = now_ns();

	greenlet_joinall(g, 2, GREENLET_FOREVER);
	report(begin, n);
}

int main(int argc, char **argv)
{
	if (argc < 2)
		switches(MANY);
	else if (!strcmp(argv[1], "spawn"))
		spawn(MANY / 10);
	else
		sleeps(MANY / 2);
	return 0;
}
