/* Event, AsyncResult, Semaphore, RLock, Condition. */
#include <limits.h>

#include "core_test.h"

static void join_all(greenlet_t *g, size_t n)
{
	EQ(greenlet_joinall(g, n, GREENLET_FOREVER), n);
	for (size_t i = 0; i < n; i++)
		greenlet_unref(g[i]);
}

static void spawn_all(greenlet_t *g, size_t n, greenlet_run *run)
{
	for (size_t i = 0; i < n; i++)
		g[i] = greenlet_spawn(run, V(i));
	EQ(greenlet_sleep(0), 0);
}

static struct greenlet_event event;

static int wait_event(void *value, void **result)
{
	int err = greenlet_event_wait(&event, GREENLET_FOREVER);

	*result = NULL;
	tell("%ld ", N(value));
	return err;
}

static int wait_twice(void *value, void **result)
{
	EQ(wait_event(value, result), 0);
	greenlet_event_clear(&event);
	return wait_event(value, result);
}

static void events(void)
{
	greenlet_t g[3];

	EQ(greenlet_event_wait(&event, 0), -ETIMEDOUT);
	EQ(greenlet_event_wait(&event, MS), -ETIMEDOUT);
	spawn_all(g, 3, wait_event);
	TOLD("");
	greenlet_event_set(&event);
	TOLD(""); /* woken, not yet run */
	join_all(g, 3);
	TOLD("0 1 2 ");
	EQ(greenlet_event_wait(&event, 0), 0); /* a wake-up before the wait is kept */
	EQ(greenlet_event_wait(&event, GREENLET_FOREVER), 0);
	greenlet_event_clear(&event);
	EQ(greenlet_event_wait(&event, 0), -ETIMEDOUT);
}

/* Only those who wait when it is set. */
static void event_wakes_those_present(void)
{
	greenlet_t g = greenlet_spawn(wait_twice, V(1));

	EQ(greenlet_sleep(0), 0);
	greenlet_event_set(&event);
	EQ(greenlet_sleep(0), 0);
	EQ(greenlet_sleep(0), 0);
	TOLD("1 ");
	EQ(greenlet_dead(g), false);
	greenlet_event_set(&event);
	join_all(&g, 1);
	TOLD("1 ");
	greenlet_event_clear(&event);
}

static void event_waiter_killed(void)
{
	greenlet_t g[3];

	spawn_all(g, 3, wait_event);
	EQ(greenlet_kill(g[1], GREENLET_EXIT, NULL, GREENLET_FOREVER), 0);
	TOLD("1 ");
	greenlet_event_set(&event);
	join_all(g, 3);
	TOLD("0 2 ");
	greenlet_event_clear(&event);
}

static struct greenlet_async_result answer;

static int get_answer(void *value, void **result)
{
	void *out = NULL;
	int err = greenlet_async_get(&answer, GREENLET_FOREVER, &out);

	(void)result;
	tell("%ld:%s%ld ", N(value), err == GREENLET_THROWN ? "!" : "", N(out));
	return err && greenlet_catch(GREENLET_ERROR, NULL) ? 0 : err;
}

static void async_results(void)
{
	static const struct greenlet_type rootless = {"rootless", NULL};
	greenlet_t g[2];
	void *out = NULL;

	EQ(greenlet_async_get(&answer, 0, &out), -ETIMEDOUT);
	EQ(greenlet_async_get(&answer, MS, &out), -ETIMEDOUT);
	spawn_all(g, 2, get_answer);
	greenlet_async_set(&answer, V(42));
	join_all(g, 2);
	TOLD("0:42 1:42 ");
	EQ(greenlet_async_get(&answer, 0, &out), 0);
	EQ(out, 42);
	answer = (struct greenlet_async_result){0};
	spawn_all(g, 2, get_answer);
	EQ(greenlet_async_throw(&answer, &rootless, NULL), -EINVAL);
	EQ(greenlet_async_throw(&answer, GREENLET_ERROR, V(EIO)), 0);
	join_all(g, 2);
	TOLD("0:!0 1:!0 ");
	CAUGHT(greenlet_async_get(&answer, 0, &out), GREENLET_ERROR, EIO);
	answer = (struct greenlet_async_result){0};
}

static struct greenlet_semaphore semaphore;

static int take(void *value, void **result)
{
	int err = greenlet_acquire(&semaphore, GREENLET_FOREVER);

	(void)result;
	tell("%ld%s ", N(value), err ? "!" : "");
	return err;
}

static void semaphores(void)
{
	struct greenlet_semaphore bounded = {.value = 1, .bound = 2};
	greenlet_t g[4];

	EQ(greenlet_acquire(&semaphore, 0), -EAGAIN);
	EQ(greenlet_acquire(&semaphore, MS), -ETIMEDOUT);
	EQ(greenlet_release(&semaphore), 0); /* kept */
	EQ(greenlet_release(&semaphore), 0);
	EQ(semaphore.value, 2);
	EQ(greenlet_acquire(&semaphore, 0) | greenlet_acquire(&semaphore, GREENLET_FOREVER), 0);
	spawn_all(g, 4, take);
	EQ(greenlet_release(&semaphore), 0);
	EQ(semaphore.value, 0); /* it is the first waiter's, nobody's who comes now */
	EQ(greenlet_acquire(&semaphore, 0), -EAGAIN);
	for (int i = 0; i < 3; i++)
		EQ(greenlet_release(&semaphore), 0);
	join_all(g, 4);
	TOLD("0 1 2 3 ");
	EQ(greenlet_release(&bounded), 0);
	EQ(greenlet_release(&bounded), -EOVERFLOW);
	EQ(bounded.value, 2);
}

/* Killed after it was given, before it ran: the next one gets it. */
static void semaphore_passed_on(void)
{
	greenlet_t g[3];

	spawn_all(g, 3, take);
	EQ(greenlet_kill(g[1], NULL, NULL, 0), 0); /* still waiting: passed over */
	EQ(greenlet_release(&semaphore), 0);
	EQ(greenlet_kill(g[0], NULL, NULL, 0), 0); /* has it */
	EQ(greenlet_join(g[2], GREENLET_FOREVER), 0);
	join_all(g, 3);
	TOLD("1! 0! 2 ");
	EQ(semaphore.value, 0);
}

static int take_or_time_out(void *value, void **result)
{
	int err = greenlet_acquire(&semaphore, MS);

	*result = value;
	return err;
}

static int many_takers(void *value, void **result)
{
	long *got = value;

	(void)result;
	for (int i = 0; i < 100; i++) {
		int err = greenlet_acquire(&semaphore, i % 3 ? 50000 : GREENLET_FOREVER);

		EQ(err == 0 || err == -ETIMEDOUT, true);
		if (err)
			continue;
		++*got;
		if (i % 7 == 0)
			EQ(greenlet_sleep(20000), 0);
		EQ(greenlet_release(&semaphore), 0);
	}
	return 0;
}

/* Time-outs and hand-overs at once: none is lost and none made. */
static void semaphore_adds_up(void)
{
	greenlet_t g[20], lone = greenlet_spawn(take_or_time_out, NULL);
	long got = 0;

	CAUGHT(greenlet_get(lone, GREENLET_FOREVER, NULL), GREENLET_ERROR, ETIMEDOUT);
	greenlet_unref(lone);
	semaphore.value = 3;
	for (size_t i = 0; i < COUNT(g); i++)
		g[i] = greenlet_spawn(many_takers, &got);
	join_all(g, COUNT(g));
	EQ(semaphore.value, 3);
	EQ(got >= 20 * 34, true);
	semaphore.value = 0;
}

static struct greenlet_rlock lock;

static int lock_deep(void *value, void **result)
{
	(void)result;
	for (int i = 0; i < 3; i++)
		EQ(greenlet_lock(&lock, GREENLET_FOREVER), 0);
	EQ(lock.owner, greenlet_current());
	tell("%ld ", N(value));
	EQ(greenlet_sleep(0), 0);
	for (int i = 0; i < 3; i++)
		EQ(greenlet_unlock(&lock), 0);
	return greenlet_unlock(&lock) == -EPERM ? 0 : -EIO;
}

static int try_lock(void *value, void **result)
{
	(void)value, (void)result;
	EQ(greenlet_lock(&lock, 0), -EAGAIN);
	EQ(greenlet_lock(&lock, MS), -ETIMEDOUT);
	return greenlet_unlock(&lock) == -EPERM ? 0 : -EIO;
}

static int lock_or_die(void *value, void **result)
{
	int err = greenlet_lock(&lock, GREENLET_FOREVER);

	(void)result;
	tell("%ld%s ", N(value), err ? "!" : "");
	return err ? err : greenlet_unlock(&lock);
}

static void rlocks(void)
{
	greenlet_t g[3];

	spawn_all(g, 3, lock_deep);
	join_all(g, 3);
	TOLD("0 1 2 ");
	EQ(lock.owner, NULL);
	EQ(greenlet_lock(&lock, 0) | greenlet_lock(&lock, 0), 0);
	spawn_all(g, 1, try_lock);
	join_all(g, 1);
	spawn_all(g, 3, lock_or_die);
	EQ(greenlet_unlock(&lock), 0);
	EQ(greenlet_unlock(&lock), 0);
	EQ(lock.owner, g[0]); /* handed over */
	EQ(greenlet_kill(g[0], NULL, NULL, 0), 0);
	join_all(g, 3);
	TOLD("0! 1 2 ");
	EQ(lock.owner, NULL);
}

static struct greenlet_condition condition;

static int await(void *value, void **result)
{
	int err;

	(void)result;
	EQ(greenlet_lock(&lock, GREENLET_FOREVER) | greenlet_lock(&lock, GREENLET_FOREVER), 0);
	err = greenlet_condition_wait(&condition, &lock, GREENLET_FOREVER);
	EQ(lock.owner, greenlet_current()); /* whatever came */
	EQ(lock.count, 2);
	tell("%ld%s ", N(value), err ? "!" : "");
	EQ(greenlet_unlock(&lock) | greenlet_unlock(&lock), 0);
	return err;
}

static void conditions(void)
{
	greenlet_t g[4];

	EQ(greenlet_condition_wait(&condition, &lock, 0), -EPERM);
	greenlet_condition_notify(&condition, 1); /* nobody: not kept */
	spawn_all(g, 4, await);
	EQ(lock.owner, NULL); /* given up while they wait */
	greenlet_condition_notify(&condition, 1);
	EQ(greenlet_join(g[0], GREENLET_FOREVER), 0);
	TOLD("0 ");
	EQ(greenlet_lock(&lock, 0), 0);
	greenlet_condition_notify(&condition, UINT_MAX);
	EQ(greenlet_sleep(0), 0);
	EQ(greenlet_sleep(0), 0);
	TOLD(""); /* not before it is unlocked */
	EQ(greenlet_condition_wait(&condition, &lock, 20 * MS), -ETIMEDOUT);
	TOLD("1 2 3 ");
	EQ(lock.owner, greenlet_current());
	EQ(greenlet_unlock(&lock), 0);
	join_all(g, 4);
}

static void condition_waiter_killed(void)
{
	greenlet_t g[3];

	spawn_all(g, 3, await);
	EQ(greenlet_lock(&lock, 0), 0);
	greenlet_condition_notify(&condition, 1);
	EQ(greenlet_kill(g[0], NULL, NULL, 0), 0); /* told already: the next is */
	EQ(greenlet_sleep(0), 0);
	EQ(greenlet_unlock(&lock), 0);
	EQ(greenlet_join(g[1], GREENLET_FOREVER), 0);
	TOLD("0! 1 ");
	EQ(greenlet_kill(g[2], NULL, NULL, 0), 0);
	join_all(g, 3);
	TOLD("2! ");
	EQ(lock.owner, NULL);
}

/* Somebody else switches to one who waits: it is told, and is in nobody's queue any more. */
static void switched_to_while_waiting(void)
{
	greenlet_t g = greenlet_spawn(take, V(7));

	EQ(greenlet_sleep(0), 0);
	EQ(greenlet_set_parent(g, greenlet_main()), 0);
	CAUGHT(greenlet_switch(g, NULL, NULL), GREENLET_ERROR, EINTR);
	TOLD("7! ");
	EQ(greenlet_release(&semaphore), 0);
	EQ(semaphore.value, 1);
	semaphore.value = 0;
	greenlet_unref(g);
}

TESTS({0, "events", events}, {0, "event_wakes_those_present", event_wakes_those_present},
      {0, "event_waiter_killed", event_waiter_killed}, {0, "async_results", async_results},
      {0, "semaphores", semaphores}, {0, "semaphore_passed_on", semaphore_passed_on},
      {0, "semaphore_adds_up", semaphore_adds_up}, {0, "rlocks", rlocks}, {0, "conditions", conditions},
      {0, "condition_waiter_killed", condition_waiter_killed},
      {0, "switched_to_while_waiting", switched_to_while_waiting})
