/* The hub's greenlets: spawning, joining, killing, links, results. */
#include "core_test.h"

static int say(void *value, void **result)
{
	tell("%ld ", N(value));
	*result = V(N(value) * 10);
	return 0;
}

static int sleep_then_say(void *value, void **result)
{
	int err = greenlet_sleep((uint64_t)N(value) * MS);

	if (err) {
		tell("!%ld ", N(value));
		return err;
	}
	return say(value, result);
}

static int sleep_for_ever(void *value, void **result)
{
	(void)result;
	return greenlet_sleep(UINT64_C(1000000) * MS) || value ? GREENLET_THROWN : 0;
}

static int raises(void *value, void **result)
{
	(void)result;
	return greenlet_raise(GREENLET_ERROR, value);
}

static void queued(void)
{
	greenlet_t a = greenlet_spawn(say, V(1)), b = greenlet_spawn(say, V(2)), c = greenlet_new(say, greenlet_hub());

	EQ(greenlet_parent(a), greenlet_hub());
	EQ(greenlet_start(c, V(3)), 0);
	EQ(greenlet_start(c, V(4)), -EBUSY);
	EQ(greenlet_set_run(c, raises), -EBUSY);
	EQ(greenlet_state(a), GREENLET_PENDING);
	TOLD(""); /* not now */
	EQ(greenlet_sleep(0), 0);
	TOLD("1 2 3 ");
	EQ(greenlet_start(c, V(4)), -EBUSY);
	EQ(greenlet_dead(a) && greenlet_dead(b) && greenlet_dead(c), true);
	greenlet_unref(a);
	greenlet_unref(b);
	greenlet_unref(c);
	a = greenlet_new(NULL, greenlet_hub());
	EQ(greenlet_start(a, NULL), -ENOEXEC);
	EQ(greenlet_spawn(NULL, NULL), NULL);
	greenlet_unref(a);
}

/* One that is queued may be switched to: then the hub does not start it. */
static void switched_before(void)
{
	greenlet_t a = greenlet_new(say, NULL), b = greenlet_spawn(say, V(2));
	void *out = NULL;

	EQ(greenlet_start(a, V(1)), 0);
	EQ(greenlet_switch(a, V(7), &out), 0);
	EQ(out, 70);
	EQ(greenlet_join(b, GREENLET_FOREVER), 0);
	TOLD("7 2 ");
	greenlet_unref(a);
	greenlet_unref(b);
}

static void joins(void)
{
	greenlet_t quick = greenlet_spawn(say, V(1)), slow = greenlet_spawn(sleep_for_ever, NULL);
	uint64_t begin = clock_ms();

	EQ(greenlet_join(quick, 0), -ETIMEDOUT);
	EQ(greenlet_join(quick, GREENLET_FOREVER), 0);
	EQ(greenlet_join(quick, GREENLET_FOREVER), 0);
	EQ(greenlet_join(quick, 0), 0);
	EQ(greenlet_join(slow, 20 * MS), -ETIMEDOUT);
	EQ(clock_ms() - begin >= 19, true); /* never early */
	EQ(greenlet_dead(slow), false);
	EQ(greenlet_join(greenlet_current(), GREENLET_FOREVER), -EDEADLK);
	EQ(greenlet_join(NULL, GREENLET_FOREVER), -EINVAL);
	EQ(greenlet_kill(slow, NULL, NULL, GREENLET_FOREVER), 0);
	greenlet_unref(slow);
	greenlet_unref(quick);
	EQ(greenlet_join(quick, GREENLET_FOREVER), -ESTALE);
}

static int joins_it(void *value, void **result)
{
	int err = greenlet_join(value, GREENLET_FOREVER);

	tell("%d ", err);
	*result = NULL;
	return 0;
}

static void many_join(void)
{
	greenlet_t g = greenlet_spawn(sleep_then_say, V(5)), j[3];

	for (int i = 0; i < 3; i++)
		j[i] = greenlet_spawn(joins_it, g);
	EQ(greenlet_joinall(j, 3, GREENLET_FOREVER), 3);
	TOLD("5 0 0 0 ");
	for (int i = 0; i < 3; i++)
		greenlet_unref(j[i]);
	greenlet_unref(g);
}

static void any_and_all(void)
{
	static const int ms[4] = {20, 40, 10, 30}, order[4] = {2, 0, 3, 1};
	bool done[4] = {false}, again[4] = {false};
	greenlet_t g[4];

	while (!begin_sleepers(g, ms, 4, sleep_then_say))
		;
	EQ(greenlet_wait(g, 4, 4, 0), -ETIMEDOUT);
	EQ(greenlet_wait(g, 4, 0, 0), 0);
	EQ(greenlet_wait(g, 4, 1, GREENLET_FOREVER) >= 1, true);
	EQ(greenlet_dead(g[2]), true);
	for (int i = 0; i < 4; i++) {
		EQ(greenlet_iwait(g, 4, done, GREENLET_FOREVER), order[i]); /* in the order of their deaths */
		EQ(done[order[i]], true);
	}
	EQ(greenlet_iwait(g, 4, done, GREENLET_FOREVER), -ENOENT);
	EQ(greenlet_joinall(g, 4, GREENLET_FOREVER), 4);
	for (int i = 0; i < 4; i++)
		EQ(greenlet_iwait(g, 4, again, 0), order[i]); /* also of those dead already */
	TOLD("10 20 30 40 ");
	for (int i = 0; i < 4; i++)
		greenlet_unref(g[i]);
}

static void wait_times_out(void)
{
	greenlet_t g[2] = {greenlet_spawn(say, V(1)), greenlet_spawn(sleep_for_ever, NULL)};
	bool done[2] = {false};

	EQ(greenlet_wait(g, 2, 3, GREENLET_FOREVER), -EINVAL); /* more than there are */
	EQ(greenlet_joinall(g, 2, 5 * MS), -ETIMEDOUT);
	EQ(greenlet_wait(g, 2, 1, GREENLET_FOREVER), 1);
	EQ(greenlet_iwait(g, 2, done, GREENLET_FOREVER), 0);
	EQ(greenlet_iwait(g, 2, done, 5 * MS), -ETIMEDOUT);
	EQ(greenlet_iwait(g, 2, done, 0), -ETIMEDOUT);
	EQ(greenlet_killall(g, 2, GREENLET_FOREVER), 0);
	EQ(greenlet_iwait(g, 2, done, 0), 1);
	greenlet_unref(g[0]);
	greenlet_unref(g[1]);
}

static void results(void)
{
	greenlet_t good = greenlet_spawn(say, V(4)), bad = greenlet_spawn(raises, V(EIO));
	void *out = NULL;

	EQ(greenlet_get(good, GREENLET_FOREVER, &out), 0);
	EQ(out, 40);
	CAUGHT(greenlet_get(bad, GREENLET_FOREVER, &out), GREENLET_ERROR, EIO);
	CAUGHT(greenlet_get(bad, 0, &out), GREENLET_ERROR, EIO); /* as often as asked */
	EQ(greenlet_failure(bad).type, GREENLET_ERROR);
	EQ(greenlet_failure(good).type, NULL);
	greenlet_unref(good);
	greenlet_unref(bad);
}

static char reported[256];

static void keep_report(const char *line)
{
	snprintf(reported, sizeof(reported), "%s", line);
}

static void failure_is_reported(void)
{
	greenlet_t bad = greenlet_spawn(raises, V(EIO));

	greenlet_set_report(keep_report);
	greenlet_set_name(bad, "worker");
	EQ(greenlet_join(bad, GREENLET_FOREVER), 0);
	HAS(reported, " worker ended with error");
	greenlet_set_report(NULL);
	greenlet_unref(bad);
}

static void kill_before_start(void)
{
	greenlet_t a = greenlet_spawn(say, V(1)), b = greenlet_new(say, greenlet_hub()), c = greenlet_spawn(say, V(3));

	EQ(greenlet_kill(a, NULL, V(8), 0), 0);
	EQ(greenlet_dead(a), true);
	EQ(greenlet_kill(b, GREENLET_ERROR, V(EIO), GREENLET_FOREVER), 0);
	EQ(greenlet_start(b, NULL), -EBUSY);
	EQ(greenlet_join(c, GREENLET_FOREVER), 0);
	TOLD("3 ");
	EQ(greenlet_failure(a).type, NULL);
	EQ(greenlet_failure(b).type, GREENLET_ERROR);
	EQ(greenlet_kill(a, NULL, NULL, GREENLET_FOREVER), 0); /* dead already */
	greenlet_unref(a);
	greenlet_unref(b);
	greenlet_unref(c);
}

static int stubborn(void *value, void **result)
{
	EQ(greenlet_sleep(UINT64_C(1000000) * MS), GREENLET_THROWN);
	EQ(greenlet_catch(GREENLET_EXIT, &value), true);
	*result = value;
	return greenlet_sleep(5 * MS);
}

static void kill_after_start(void)
{
	greenlet_t g = greenlet_spawn(stubborn, NULL), own = greenlet_current();
	void *out = NULL;

	EQ(greenlet_sleep(0), 0);
	EQ(greenlet_kill(g, NULL, V(9), 0), 0);
	EQ(greenlet_dead(g), false);	     /* not waited for */
	EQ(greenlet_join(g, 1), -ETIMEDOUT); /* it caught that one */
	EQ(greenlet_kill(g, NULL, NULL, 0), 0);
	EQ(greenlet_kill(g, GREENLET_ERROR, V(9), 0), 0); /* the later one counts */
	CAUGHT(greenlet_get(g, GREENLET_FOREVER, &out), GREENLET_ERROR, 9);
	greenlet_unref(g);
	g = greenlet_spawn(stubborn, NULL);
	EQ(greenlet_sleep(0), 0);
	EQ(greenlet_kill(g, NULL, V(9), GREENLET_FOREVER), 0); /* till it is really dead */
	EQ(greenlet_get(g, 0, &out), 0);
	EQ(out, 9);
	EQ(greenlet_kill(own, NULL, NULL, 0), -EPERM); /* main */
	greenlet_unref(g);
}

static int kills_itself(void *value, void **result)
{
	*result = NULL;
	EQ(greenlet_kill(greenlet_current(), GREENLET_ERROR, value, GREENLET_FOREVER), GREENLET_THROWN);
	return GREENLET_THROWN;
}

static void kill_oneself(void)
{
	greenlet_t g = greenlet_spawn(kills_itself, V(EIO));

	CAUGHT(greenlet_get(g, GREENLET_FOREVER, NULL), GREENLET_ERROR, EIO);
	greenlet_unref(g);
}

static void on_death(greenlet_t g, void *arg)
{
	EQ(greenlet_dead(g), true);
	EQ(greenlet_current(), greenlet_hub());
	EQ(greenlet_sleep(MS), -EDEADLK);
	tell("%ld ", N(arg));
}

static void links_in_order(void)
{
	greenlet_t g = greenlet_spawn(sleep_then_say, V(1)), killed = greenlet_spawn(say, V(2));

	for (long i = 11; i < 16; i++)
		EQ(greenlet_link(g, on_death, V(i)), 0);
	EQ(greenlet_unlink(g, on_death, V(13)), 0);
	EQ(greenlet_unlink(g, on_death, V(13)), -ENOENT);
	EQ(greenlet_join(g, GREENLET_FOREVER), 0);
	TOLD("2 1 11 12 14 15 ");
	EQ(greenlet_link(g, on_death, V(20)), 0); /* dead: soon, not now */
	EQ(greenlet_link(g, on_death, V(21)), 0);
	TOLD("");
	EQ(greenlet_sleep(0), 0);
	TOLD("20 21 ");
	greenlet_unref(killed);
	killed = greenlet_spawn(say, V(2));
	EQ(greenlet_link(killed, on_death, V(30)), 0);
	EQ(greenlet_kill(killed, NULL, NULL, GREENLET_FOREVER), 0);
	EQ(greenlet_sleep(0), 0);
	TOLD("30 ");
	EQ(greenlet_link(NULL, on_death, NULL), -EINVAL);
	greenlet_unref(g);
	greenlet_unref(killed);
}

static void frees(greenlet_t g, void *arg)
{
	(void)g;
	tell("never %ld ", N(arg));
}

/* Never started, so it never dies. */
static void links_of_freed(void)
{
	greenlet_t g = greenlet_new(say, greenlet_hub());

	EQ(greenlet_link(g, frees, V(1)), 0);
	greenlet_unref(g);
	EQ(greenlet_sleep(0), 0);
	TOLD("");
}

static void drops_in_hub(greenlet_t g, void *arg)
{
	(void)g;
	greenlet_unref(arg);
}

static int said_exit(void *value, void **result)
{
	int err = greenlet_switch(greenlet_main(), value, result);

	EQ(err, GREENLET_THROWN);
	tell("exit ");
	return err;
}

/* The hub cannot switch: whoever runs next does. */
static void drop_in_link(void)
{
	greenlet_t g = greenlet_spawn(say, V(1)), victim = greenlet_new(said_exit, NULL);

	EQ(greenlet_switch(victim, NULL, NULL), 0);
	EQ(greenlet_link(g, drops_in_hub, victim), 0);
	EQ(greenlet_join(g, GREENLET_FOREVER), 0);
	TOLD("1 exit ");
	EQ(greenlet_state(victim), -ESTALE);
	greenlet_unref(g);
}

TESTS({0, "queued", queued}, {0, "switched_before", switched_before}, {0, "joins", joins}, {0, "many_join", many_join},
      {0, "any_and_all", any_and_all}, {0, "wait_times_out", wait_times_out}, {0, "results", results},
      {0, "failure_is_reported", failure_is_reported}, {0, "kill_before_start", kill_before_start},
      {0, "kill_after_start", kill_after_start}, {0, "kill_oneself", kill_oneself},
      {0, "links_in_order", links_in_order}, {0, "links_of_freed", links_of_freed}, {0, "drop_in_link", drop_in_link})
