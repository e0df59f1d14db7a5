/* How much longer a sleep of 50 us takes in a process that is otherwise idle, in ns: the median. */
#include "bench.h"

#define SLEEP_NS 50000
#define MANY 1001

static int64_t late[MANY];

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

static void *run(void *arg)
{
	for (int i = 0; i < MANY; i++) {
		struct timespec ts = {0, SLEEP_NS};
		int64_t begin = now_ns();

		nanosleep(&ts, NULL);
		late[i] = now_ns() - begin - SLEEP_NS;
	}
	return arg;
}

int main(void)
{
	done(go(run, NULL));
	qsort(late, MANY, sizeof(*late), compare);
	printf("%lld\n", (long long)late[MANY / 2]);
	return 0;
}
