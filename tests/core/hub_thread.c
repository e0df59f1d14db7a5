/* Hubs of several OS threads, and what is handed to a pool of them. */
#include "core_test.h"

static void *multiply(void *arg)
{
	struct timespec ts = {0, 3000000};

	nanosleep(&ts, NULL);
	return V(N(arg) * 3);
}

static void *where(void *arg)
{
	*(pthread_t *)arg = pthread_self();
	return NULL;
}

static int offloads(void *value, void **result)
{
	int err = greenlet_offload(multiply, value, result);

	tell("%ld ", N(*result));
	return err;
}

static int ticks(void *value, void **result)
{
	*result = NULL;
	for (int i = 0; i < 3; i++) {
		EQ(greenlet_sleep(500000), 0);
		tell("%s", (char *)value);
	}
	return 0;
}

static void offloaded(void)
{
	greenlet_t g[3];
	pthread_t thread;
	void *out = NULL;

	EQ(greenlet_offload(where, &thread, &out), 0);
	EQ(pthread_equal(thread, pthread_self()), 0);
	g[0] = greenlet_spawn(ticks, ".");
	g[1] = greenlet_spawn(ticks, ".");
	EQ(greenlet_offload(multiply, V(5), &out), 0); /* the others run meanwhile */
	EQ(out, 15);
	EQ(greenlet_joinall(g, 2, GREENLET_FOREVER), 2);
	TOLD("......");
	greenlet_unref(g[0]);
	greenlet_unref(g[1]);
	/* Nobody else is there, and it is no deadlock. */
	EQ(greenlet_offload(multiply, V(6), &out), 0);
	EQ(out, 18);
}

static void one_at_a_time(void)
{
	greenlet_t g[5];

	greenlet_offload_limit(1);
	for (long i = 0; i < 5; i++)
		g[i] = greenlet_spawn(offloads, V(i));
	EQ(greenlet_joinall(g, 5, GREENLET_FOREVER), 5);
	TOLD("0 3 6 9 12 "); /* in the order of their coming */
	greenlet_offload_limit(10);
	for (int i = 0; i < 5; i++)
		greenlet_unref(g[i]);
}

static bool may_end;

static void *ends_when_told(void *arg)
{
	struct timespec ts = {0, 1000000};

	while (!__atomic_load_n(&may_end, __ATOMIC_ACQUIRE))
		nanosleep(&ts, NULL);
	return arg;
}

static int offload_is_killed(void *value, void **result)
{
	struct greenlet_timeout t;
	int err;

	if (value)
		greenlet_timeout_start(&t, 1);
	err = greenlet_offload(ends_when_told, value, result);
	tell("%d ", may_end);
	return err;
}

/* An exception waits until the job has left the stack. */
static void killed_meanwhile(void)
{
	greenlet_t timed = greenlet_spawn(offload_is_killed, V(1)), killed = greenlet_spawn(offload_is_killed, NULL);

	EQ(greenlet_sleep(0), 0);
	EQ(greenlet_kill(killed, GREENLET_ERROR, V(EIO), 0), 0);
	EQ(greenlet_sleep(5 * MS), 0);
	TOLD("");
	__atomic_store_n(&may_end, true, __ATOMIC_RELEASE);
	EQ(greenlet_get(timed, GREENLET_FOREVER, NULL), GREENLET_THROWN);
	EQ(greenlet_catch(GREENLET_TIMEOUT, NULL), true);
	CAUGHT(greenlet_get(killed, GREENLET_FOREVER, NULL), GREENLET_ERROR, EIO);
	TOLD("1 1 ");
	greenlet_unref(timed);
	greenlet_unref(killed);
}

static int ping(void *value, void **result)
{
	int *ends = value;
	char c = 0;

	*result = NULL;
	for (int i = 0; i < 200; i++) {
		EQ(greenlet_write(ends[1], &c, 1), 1);
		EQ(greenlet_read(ends[0], &c, 1), 1);
		EQ(c, (char)i);
		c++;
	}
	return 0;
}

static void *hub_of_its_own(void *arg)
{
	greenlet_t g = greenlet_spawn(ping, arg);
	long sum = 0;
	void *out = NULL;

	for (long i = 0; i < 20; i++) {
		EQ(greenlet_offload(multiply, V(i), &out), 0);
		sum += N(out);
	}
	EQ(sum, 570);
	EQ(greenlet_get(g, GREENLET_FOREVER, NULL), 0);
	greenlet_unref(g);
	return greenlet_hub();
}

/* Greenlets of different OS threads talk through pipes, each on its own hub. */
static void several_hubs(void)
{
	int a[2], b[2], mine[2][2];
	pthread_t threads[2];
	void *hubs[2];

	EQ(pipe(a) | pipe(b), 0);
	mine[0][0] = b[0];
	mine[0][1] = a[1];
	mine[1][0] = a[0];
	mine[1][1] = b[1];
	for (int i = 0; i < 2; i++)
		EQ(pthread_create(&threads[i], NULL, hub_of_its_own, mine[i]), 0);
	for (int i = 0; i < 2; i++)
		EQ(pthread_join(threads[i], &hubs[i]), 0);
	EQ(hubs[0] && hubs[1], true);
	for (int i = 0; i < 2; i++) {
		close(a[i]);
		close(b[i]);
	}
}

static int sleeps_for_ever(void *value, void **result)
{
	*result = value;
	return greenlet_sleep(1000000 * MS);
}

static void *short_life(void *arg)
{
	greenlet_unref(greenlet_spawn(sleeps_for_ever, NULL)); /* runs all the same: the hub has it */
	EQ(greenlet_sleep(0), 0);
	greenlet_unref(greenlet_spawn(sleeps_for_ever, NULL));
	EQ(greenlet_offload(multiply, V(1), NULL), 0);
	greenlet_unref(greenlet_spawn(sleeps_for_ever, NULL)); /* never runs */
	return arg;
}

static long descriptors(void)
{
	long n = 0;

	for (int fd = 0; fd < 2000; fd++)
		n += dup2(fd, fd) == fd;
	return n;
}

/* Every one has a loop with its descriptors, and gives it back. */
static void hubs_come_and_go(void)
{
	long before;

	in_thread(short_life, NULL);
	before = descriptors();
	for (int i = 0; i < 100; i++)
		in_thread(short_life, NULL);
	EQ(descriptors(), before);
}

static int stalls(void *value, void **result)
{
	struct greenlet_semaphore never = {0};

	*result = value;
	return greenlet_acquire(&never, GREENLET_FOREVER);
}

static void *would_block(void *arg)
{
	greenlet_t g = greenlet_spawn(stalls, NULL);
	void *report = NULL;

	EQ(greenlet_join(g, GREENLET_FOREVER), GREENLET_THROWN);
	EQ(greenlet_catch(GREENLET_WOULD_BLOCK, &report), true);
	HAS(report, "(main) suspended, waits for join");
	HAS(report, "suspended, waits for semaphore");
	greenlet_unref(g);
	return arg;
}

/* Each OS thread's deadlock is its own. */
static void own_deadlock(void)
{
	greenlet_t g = greenlet_spawn(sleeps_for_ever, NULL);

	EQ(greenlet_sleep(0), 0);
	in_thread(would_block, NULL);
	EQ(greenlet_kill(g, NULL, NULL, GREENLET_FOREVER), 0);
	greenlet_unref(g);
}

TESTS({0, "offloaded", offloaded}, {0, "one_at_a_time", one_at_a_time}, {0, "killed_meanwhile", killed_meanwhile},
      {0, "several_hubs", several_hubs}, {0, "hubs_come_and_go", hubs_come_and_go}, {0, "own_deadlock", own_deadlock})
