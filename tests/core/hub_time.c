/* The hub and time: sleeping, fairness, idling, timeouts, callbacks, deadlocks, what the hub itself may not do. */
#include "core_test.h"

static int say_after(void *value, void **result)
{
	*result = NULL;
	if (greenlet_sleep((uint64_t)N(value) * MS))
		return GREENLET_THROWN;
	tell("%ld ", N(value));
	return 0;
}

static void join_all(greenlet_t *g, size_t n)
{
	EQ(greenlet_joinall(g, n, GREENLET_FOREVER), n);
	for (size_t i = 0; i < n; i++)
		greenlet_unref(g[i]);
}

static void sleeps(void)
{
	static const int order[] = {30, 10, 50, 20, 40, 1};
	greenlet_t g[COUNT(order)];
	uint64_t begin;

	while (!begin_sleepers(g, order, COUNT(order), say_after))
		;
	begin = clock_ms();
	EQ(greenlet_sleep(15 * MS), 0);
	EQ(clock_ms() - begin >= 14, true); /* never early */
	join_all(g, COUNT(g));
	TOLD("1 10 20 30 40 50 ");
}

static int many_sleeps(void *value, void **result)
{
	unsigned seed = (unsigned)N(value);

	*result = NULL;
	for (int i = 0; i < 20; i++) {
		uint64_t ns = (uint64_t)(rand_r(&seed) % 2000) * 1000;
		struct timespec before, after;

		clock_gettime(CLOCK_MONOTONIC, &before);
		EQ(greenlet_sleep(ns), 0);
		clock_gettime(CLOCK_MONOTONIC, &after);
		EQ((uint64_t)((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec) >= ns,
		   true);
	}
	return 0;
}

static void hundreds_of_timers(void)
{
	greenlet_t g[300];

	for (long i = 0; i < (long)COUNT(g); i++)
		g[i] = greenlet_spawn(many_sleeps, V(i));
	join_all(g, COUNT(g));
}

static int takes_turns(void *value, void **result)
{
	*result = NULL;
	for (int i = 0; i < 3; i++) {
		tell("%ld", N(value));
		EQ(greenlet_sleep(0), 0);
	}
	return 0;
}

static void sleep_zero(void)
{
	greenlet_t g[3];

	EQ(greenlet_sleep(0), 0); /* alone */
	for (long i = 0; i < 3; i++)
		g[i] = greenlet_spawn(takes_turns, V(i));
	join_all(g, 3);
	TOLD("012012012");
}

static bool stop;

static int busy(void *value, void **result)
{
	*result = value;
	while (!stop)
		EQ(greenlet_sleep(0), 0);
	return 0;
}

static int wait_readable(void *value, void **result)
{
	*result = NULL;
	EQ(greenlet_wait_fd((int)N(value), POLLIN, GREENLET_FOREVER), POLLIN);
	tell("fd ");
	return 0;
}

/* Those that are always ready keep neither timers nor descriptors waiting: the batch of the ready is cut. */
static void fairness(void)
{
	greenlet_t g[4];
	int ends[2];

	EQ(pipe(ends), 0);
	stop = false;
	g[0] = greenlet_spawn(busy, NULL);
	g[1] = greenlet_spawn(busy, NULL);
	g[2] = greenlet_spawn(wait_readable, V(ends[0]));
	g[3] = greenlet_spawn(say_after, V(1));
	EQ(greenlet_sleep(0), 0);
	EQ(write(ends[1], "x", 1), 1);
	EQ(greenlet_join(g[2], GREENLET_FOREVER), 0);
	EQ(greenlet_join(g[3], GREENLET_FOREVER), 0);
	stop = true;
	join_all(g, 4);
	HAS(story, "fd ");
	HAS(story, "1 ");
	close(ends[0]);
	close(ends[1]);
}

static int idles(void *value, void **result)
{
	*result = NULL;
	EQ(greenlet_idle(), 0);
	tell("idle%ld ", N(value));
	return 0;
}

static void idle(void)
{
	greenlet_t g[4];

	EQ(greenlet_idle(), 0); /* alone */
	g[0] = greenlet_spawn(idles, V(1));
	g[1] = greenlet_spawn(idles, V(2)); /* they do not wait for each other */
	g[2] = greenlet_spawn(takes_turns, V(5));
	g[3] = greenlet_spawn(takes_turns, V(6));
	join_all(g, 4);
	EQ(strncmp(story, "565656idle", 10), 0); /* after the others; their own order is nobody's business */
	HAS(story, "idle1 ");
	HAS(story, "idle2 ");
}

static void times_out(void)
{
	struct greenlet_event never = {0};
	struct greenlet_timeout t, unused;

	greenlet_timeout_start(&t, 5 * MS);
	CAUGHT(greenlet_event_wait(&never, GREENLET_FOREVER), GREENLET_TIMEOUT, &t);
	EQ(t.active, false);
	EQ(greenlet_event_wait(&never, 5 * MS), -ETIMEDOUT); /* once */
	greenlet_timeout_cancel(&t);
	greenlet_timeout_start(&t, 60000 * MS);
	EQ(greenlet_event_wait(&never, MS), -ETIMEDOUT); /* the call's own comes first */
	EQ(t.active, true);
	greenlet_timeout_cancel(&t);
	greenlet_timeout_start(&t, MS);
	greenlet_timeout_cancel(&t);
	EQ(greenlet_event_wait(&never, 5 * MS), -ETIMEDOUT); /* cancelled */
	greenlet_timeout_start(&unused, GREENLET_FOREVER);
	EQ(greenlet_sleep(MS), 0);
	greenlet_timeout_cancel(&unused);
}

static void nested_timeouts(void)
{
	struct greenlet_timeout outer, inner, third;
	int ends[2];
	char c;

	EQ(pipe(ends), 0);
	greenlet_timeout_start(&outer, 5000 * MS);
	greenlet_timeout_start(&inner, 5 * MS);
	CAUGHT(greenlet_read(ends[0], &c, 1), GREENLET_TIMEOUT, &inner);
	EQ(outer.active, true);
	greenlet_timeout_start(&third, 9000 * MS);
	greenlet_timeout_cancel(&outer); /* not the innermost */
	greenlet_timeout_start(&outer, 5 * MS);
	CAUGHT(greenlet_sleep(60000 * MS), GREENLET_TIMEOUT, &outer);
	EQ(third.active, true);
	greenlet_timeout_cancel(&third);
	/* Both are due: the earlier, then the later. */
	greenlet_timeout_start(&outer, 1);
	greenlet_timeout_start(&inner, 2);
	CAUGHT(greenlet_sleep(60000 * MS), GREENLET_TIMEOUT, &outer);
	CAUGHT(greenlet_sleep(60000 * MS), GREENLET_TIMEOUT, &inner);
	EQ(greenlet_sleep(MS), 0);
	close(ends[0]);
	close(ends[1]);
}

static int has_timeout(void *value, void **result)
{
	struct greenlet_timeout t;

	*result = NULL;
	greenlet_timeout_start(&t, 5 * MS);
	CAUGHT(greenlet_sleep(60000 * MS), GREENLET_TIMEOUT, &t);
	tell("%ld ", N(value));
	return 0;
}

/* They belong to the greenlet that started them. */
static void timeouts_are_own(void)
{
	greenlet_t g[2] = {greenlet_spawn(has_timeout, V(1)), greenlet_spawn(has_timeout, V(2))};

	EQ(greenlet_sleep(10 * MS), 0);
	join_all(g, 2);
	TOLD("1 2 ");
}

static struct greenlet_event rung;
static int rounds;

static void ring_later(void *arg)
{
	EQ(arg, 5);
	if (++rounds < 3)
		EQ(greenlet_call_soon(ring_later, arg), 0);
	else
		greenlet_event_set(&rung);
}

/* What callbacks have in hand is no deadlock. */
static void callbacks(void)
{
	EQ(greenlet_call_soon(ring_later, V(5)), 0);
	EQ(rounds, 0);
	EQ(greenlet_event_wait(&rung, GREENLET_FOREVER), 0);
	EQ(rounds, 3);
}

static struct greenlet_semaphore held;
static struct greenlet_queue empty_queue;

static int waits_for_semaphore(void *value, void **result)
{
	*result = value;
	return greenlet_acquire(&held, GREENLET_FOREVER);
}

static int waits_for_queue(void *value, void **result)
{
	(void)value;
	return greenlet_queue_get(&empty_queue, GREENLET_FOREVER, result);
}

static void would_block(void)
{
	greenlet_t a = greenlet_spawn(waits_for_semaphore, NULL), b = greenlet_spawn(waits_for_queue, NULL);
	struct greenlet_event never = {0};
	void *report = NULL;
	char expected[256];

	greenlet_set_name(a, "first");
	EQ(greenlet_event_wait(&never, GREENLET_FOREVER), GREENLET_THROWN);
	EQ(greenlet_catch(GREENLET_WOULD_BLOCK, &report), true);
	snprintf(expected, sizeof(expected),
		 "greenlet %llu (main) suspended, waits for event\ngreenlet %llu (first) suspended, waits for "
		 "semaphore\n"
		 "greenlet %llu suspended, waits for queue get",
		 (unsigned long long)greenlet_number(greenlet_main()), (unsigned long long)greenlet_number(a),
		 (unsigned long long)greenlet_number(b));
	STR_EQ(report, expected);
	/* They are alive, and go on when there is something for them. */
	EQ(greenlet_join(b, GREENLET_FOREVER), GREENLET_THROWN);
	EQ(greenlet_catch(GREENLET_WOULD_BLOCK, NULL), true);
	EQ(greenlet_queue_put(&empty_queue, V(4), 0), 0);
	EQ(greenlet_release(&held), 0);
	EQ(greenlet_join(b, GREENLET_FOREVER), 0);
	EQ(greenlet_join(a, GREENLET_FOREVER), 0);
	EQ(greenlet_event_wait(&never, MS), -ETIMEDOUT); /* a deadline wakes */
	greenlet_queue_destroy(&empty_queue);
	greenlet_unref(a);
	greenlet_unref(b);
}

static int hands_back_never(void *value, void **result)
{
	return greenlet_acquire(&held, GREENLET_FOREVER) || value || result ? GREENLET_THROWN : 0;
}

/* main has switched by hand to one that waits. */
static void would_block_by_hand(void)
{
	greenlet_t g = greenlet_new(hands_back_never, NULL);

	EQ(greenlet_switch(g, NULL, NULL), GREENLET_THROWN);
	EQ(greenlet_catch(GREENLET_WOULD_BLOCK, NULL), true);
	EQ(greenlet_kill(g, NULL, NULL, 0), 0);
	EQ(greenlet_sleep(0), -EINTR); /* its end comes here, to its parent */
	EQ(greenlet_dead(g), true);
	greenlet_unref(g);
}

static bool tried;

static void *identity(void *arg)
{
	return arg;
}

static void try_everything(void *arg)
{
	struct greenlet_event event = {0};
	struct greenlet_semaphore semaphore = {0};
	struct greenlet_queue queue = {0};
	struct greenlet_group group = {0};
	greenlet_t other = arg;
	void *out;
	char c;

	EQ(greenlet_current(), greenlet_hub());
	EQ(greenlet_sleep(0), -EDEADLK);
	EQ(greenlet_sleep(MS), -EDEADLK);
	EQ(greenlet_idle(), -EDEADLK);
	EQ(greenlet_join(other, GREENLET_FOREVER), -EDEADLK);
	EQ(greenlet_switch(other, NULL, NULL), -EDEADLK);
	EQ(greenlet_throw(other, NULL, NULL, NULL), -EDEADLK);
	EQ(greenlet_switch(greenlet_main(), NULL, NULL), -EDEADLK);
	EQ(greenlet_event_wait(&event, GREENLET_FOREVER), -EDEADLK);
	EQ(greenlet_acquire(&semaphore, GREENLET_FOREVER), -EDEADLK);
	EQ(greenlet_queue_get(&queue, GREENLET_FOREVER, &out), -EDEADLK);
	EQ(greenlet_wait_fd(N(greenlet_data(other)), POLLIN, GREENLET_FOREVER), -EDEADLK);
	EQ(greenlet_read(N(greenlet_data(other)), &c, 1), -EDEADLK);
	EQ(greenlet_offload(identity, NULL, &out), -EDEADLK);
	EQ(greenlet_acquire(&semaphore, 0), -EAGAIN); /* looking is no blocking */
	EQ(greenlet_group_join(&group, GREENLET_FOREVER), 0);
	tried = true;
}

static void blocking_in_hub(void)
{
	greenlet_t g = greenlet_spawn(say_after, V(1));
	int ends[2];

	EQ(pipe(ends), 0);
	EQ(greenlet_set_data(g, V(ends[0])), 0);
	EQ(greenlet_call_soon(try_everything, g), 0);
	EQ(greenlet_join(g, GREENLET_FOREVER), 0);
	EQ(tried, true);
	TOLD("1 ");
	greenlet_unref(g);
	close(ends[0]);
	close(ends[1]);
}

static int switches_to_hub(void *value, void **result)
{
	int err = greenlet_switch(greenlet_hub(), value, result);

	tell("back %d %ld ", err, N(*result));
	return err;
}

/* A switch to the hub waits until somebody switches back. */
static void switch_to_hub(void)
{
	greenlet_t g = greenlet_spawn(switches_to_hub, NULL);

	EQ(greenlet_sleep(MS), 0);
	EQ(greenlet_state(g), GREENLET_SUSPENDED);
	EQ(greenlet_set_parent(g, greenlet_main()), 0);
	EQ(greenlet_switch(g, V(3), NULL), 0);
	TOLD("back 0 3 ");
	EQ(greenlet_dead(g), true);
	greenlet_unref(g);
}

TESTS({0, "sleeps", sleeps}, {0, "hundreds_of_timers", hundreds_of_timers}, {0, "sleep_zero", sleep_zero},
      {0, "fairness", fairness}, {0, "idle", idle}, {0, "times_out", times_out},
      {0, "nested_timeouts", nested_timeouts}, {0, "timeouts_are_own", timeouts_are_own}, {0, "callbacks", callbacks},
      {0, "would_block", would_block}, {0, "would_block_by_hand", would_block_by_hand},
      {0, "blocking_in_hub", blocking_in_hub}, {0, "switch_to_hub", switch_to_hub})
