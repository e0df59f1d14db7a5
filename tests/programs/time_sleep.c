/* nanosleep and clock_nanosleep: order, never early, every clock, bad arguments, what is left after a signal. */
#include <stdlib.h>
#include <sys/syscall.h>

#include "wait_test.h"

static int order[20], count;

static void *sleeper(void *arg)
{
	nap(10 + 10 * (long)arg);
	order[__atomic_fetch_add(&count, 1, __ATOMIC_SEQ_CST)] = (int)(long)arg;
	return NULL;
}

static void in_order(void)
{
	pthread_t t[20];
	int far = 0;

	for (long i = 0; i < 20; i++)
		t[i] = go(sleeper, (void *)(i * 7 % 20));
	for (int i = 0; i < 20; i++)
		done(t[i]);
	/* The machine may be busy: not in the order to the last one. */
	for (int i = 0; i < 20; i++)
		far += abs(order[i] - i) > 10;
	printf("sleepers: %d, far out of order: %d\n", count, far);
}

static void clocks(void)
{
	const struct {
		const char *name;
		clockid_t id;
	} clock[] = {{"realtime", CLOCK_REALTIME},
		     {"monotonic", CLOCK_MONOTONIC},
		     {"boottime", CLOCK_BOOTTIME},
		     {"tai", CLOCK_TAI},
		     {"thread cpu", CLOCK_THREAD_CPUTIME_ID},
		     {"coarse", CLOCK_REALTIME_COARSE},
		     {"raw", CLOCK_MONOTONIC_RAW},
		     {"unknown", 77}};
	struct timespec at, some = {0, 15 * MS}, past = {1, 0};

	for (unsigned i = 0; i < sizeof(clock) / sizeof(clock[0]); i++) {
		int64_t before, wanted;
		unsigned long others = ticks;
		int ret = clock_nanosleep(clock[i].id, 0, &some, NULL), again;

		if (ret) {
			printf("%s: %s\n", clock[i].name, strerrorname_np(ret));
			continue;
		}
		before = clock_now(clock[i].id);
		wanted = before + 15 * MS;
		at = (struct timespec){wanted / 1000000000, wanted % 1000000000};
		again = clock_nanosleep(clock[i].id, TIMER_ABSTIME, &at, NULL);
		printf("%s: %d %d %s, past %d, %s\n", clock[i].name, ret, again,
		       clock_now(clock[i].id) >= wanted ? "not early" : "EARLY",
		       clock_nanosleep(clock[i].id, TIMER_ABSTIME, &past, NULL), went_on(others));
	}
}

static volatile bool burning = true;

static void *burn(void *arg)
{
	while (burning)
		sched_yield();
	return arg;
}

static void process_cpu(void)
{
	struct timespec some = {0, 20 * MS};
	pthread_t t = go(burn, NULL);
	int64_t before = clock_now(CLOCK_PROCESS_CPUTIME_ID);
	int ret = clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, &some, NULL);

	printf("process cpu: %d %s\n", ret,
	       clock_now(CLOCK_PROCESS_CPUTIME_ID) - before >= 20 * MS ? "not early" : "EARLY");
	burning = false;
	done(t);
}

static void bad(void)
{
	struct timespec negative = {-1, 0}, large = {0, 1000000000}, minus = {0, -1}, zero = {0, 0};

	printf("bad: %s", outcome(nanosleep(&negative, NULL)));
	printf(" %s", outcome(nanosleep(&large, NULL)));
	printf(" %s", outcome(nanosleep(&minus, NULL)));
	printf(" %s\n", strerrorname_np(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &large, NULL)));
	printf("zero: %s\n", outcome(nanosleep(&zero, NULL)));
}

static pthread_t main_thread;

static void *signal_soon(void *arg)
{
	nap(30);
	pthread_kill(main_thread, SIGUSR1);
	return arg;
}

static void interrupted(void)
{
	struct timespec sleep = {10, 0}, left = {0, 0}, at;
	pthread_t t;
	int64_t target = clock_now(CLOCK_MONOTONIC) + 10000 * MS;
	int ret;

	main_thread = pthread_self();
	handle(SIGUSR1, SA_RESTART);
	t = go(signal_soon, NULL);
	printf("interrupted: %s, ", outcome(nanosleep(&sleep, &left)));
	printf("%s\n", left.tv_sec == 9 ? "most is left" : "WRONG");
	done(t);
	t = go(signal_soon, NULL);
	at = (struct timespec){target / 1000000000, target % 1000000000};
	ret = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
	printf("interrupted, absolute: %s\n", strerrorname_np(ret));
	done(t);
	t = go(signal_soon, NULL);
	printf("usleep: %s\n", outcome(usleep(900000)));
	done(t);
}

int main(void)
{
	in_order();
	ticker_start();
	clocks();
	ticker_stop();
	process_cpu();
	bad();
	interrupted();
	return 0;
}
