/* Parents, and what a death sends to them: rules 9 to 12, 17, 18, 26 to 28. */
#include "core_test.h"

static int double_it(void *value, void **result)
{
	tell("%ld>%ld ", N(value), 2 * N(value));
	*result = V(2 * N(value));
	return 0;
}

static void result_to_parent(void)
{
	greenlet_t g = greenlet_new(double_it, NULL);
	void *out = NULL;

	EQ(greenlet_switch(g, V(4), &out), 0);
	EQ(out, 8);
	EQ(greenlet_dead(g), true);
	EQ(greenlet_failure(g).type, NULL);
	greenlet_unref(g);
}

static void unstarted_parent(void)
{
	greenlet_t top = greenlet_new(double_it, NULL), middle = greenlet_new(double_it, top),
		   low = greenlet_new(double_it, middle);
	void *out = NULL;

	EQ(greenlet_switch(low, V(1), &out), 0);
	EQ(out, 8);
	TOLD("1>2 2>4 4>8 ");
	EQ(greenlet_dead(top) && greenlet_dead(middle) && greenlet_dead(low), true);
	greenlet_unref(low);
	greenlet_unref(middle);
	greenlet_unref(top);
}

static int send_to_dead(void *value, void **result)
{
	void *out = V(77);
	int err = greenlet_switch(value, V(5), &out);

	tell("err %d, %ld ", err, N(out));
	return greenlet_switch(greenlet_main(), NULL, result);
}

static void dead_target(void)
{
	greenlet_t top = greenlet_new(double_it, NULL), middle = greenlet_new(double_it, top),
		   low = greenlet_new(double_it, middle), other = greenlet_new(send_to_dead, NULL);
	void *out = NULL;

	EQ(greenlet_switch(low, V(1), &out), 0);
	TOLD("1>2 2>4 4>8 ");
	EQ(greenlet_switch(low, V(3), &out), 0); /* from main, the first that lives: one's own */
	EQ(out, 3);
	EQ(greenlet_switch(other, low, &out), 0); /* it sends to main, which lives */
	EQ(out, 5);
	TOLD("");
	EQ(greenlet_switch(other, V(6), &out), 0);
	TOLD("err 0, 6 ");
	greenlet_unref(other);
	greenlet_unref(low);
	greenlet_unref(middle);
	greenlet_unref(top);
}

static int has_child(void *value, void **result)
{
	void *out = NULL;
	int err = greenlet_switch(value, V(1), &out);

	tell("parent: %d %ld ", err == GREENLET_THROWN, N(out));
	*result = out;
	return err;
}

/* The error is the new one, not what the child died of; each ancestor that cannot be switched to passes it on. */
static void dead_end(void)
{
	greenlet_t top = greenlet_new(NULL, NULL), middle = greenlet_new(NULL, top),
		   low = greenlet_new(double_it, middle);
	greenlet_t parent = greenlet_new(has_child, NULL), bad = greenlet_new(NULL, parent),
		   child = greenlet_new(double_it, bad);

	CAUGHT(greenlet_switch(low, V(1), NULL), GREENLET_ERROR, ENOEXEC);
	TOLD("1>2 ");
	EQ(greenlet_dead(low), true);
	EQ(greenlet_state(middle) == GREENLET_PENDING && greenlet_state(top) == GREENLET_PENDING, true);
	CAUGHT(greenlet_switch(parent, child, NULL), GREENLET_ERROR, ENOEXEC); /* parent let it through */
	TOLD("1>2 parent: 1 0 ");
	greenlet_unref(child);
	greenlet_unref(bad);
	greenlet_unref(parent);
	greenlet_unref(low);
	greenlet_unref(middle);
	greenlet_unref(top);
}

static greenlet_t other_main;

static void *tell_main(void *arg)
{
	pthread_barrier_t *both = arg;

	other_main = greenlet_ref(greenlet_main());
	pthread_barrier_wait(both);
	pause();
	return NULL;
}

/* Its parent goes to another OS thread's lineage meanwhile. */
static int cut_loose(void *value, void **result)
{
	EQ(greenlet_set_parent(value, other_main), 0);
	*result = NULL;
	return 0;
}

static void no_parent_in_child(void)
{
	greenlet_t parent = greenlet_new(double_it, NULL), child = greenlet_new(cut_loose, parent);
	pthread_barrier_t both;
	pthread_t thread;

	pthread_barrier_init(&both, NULL, 2);
	EQ(pthread_create(&thread, NULL, tell_main, &both), 0);
	pthread_barrier_wait(&both);
	greenlet_switch(child, parent, NULL);
	fail(__FILE__, __LINE__, "the switch", "returned");
}

static void no_parent_is_fatal(void)
{
	ABORTS(no_parent_in_child, "no parent is left that can be switched to");
}

static const struct greenlet_type my_error = {"my error", GREENLET_ERROR};

static int raise_it(void *value, void **result)
{
	(void)result;
	return greenlet_raise(&my_error, value);
}

static int fails(void *value, void **result)
{
	(void)value, (void)result;
	return -ENOTTY;
}

static void up_two_levels(void)
{
	greenlet_t parent = greenlet_new(has_child, NULL), child = greenlet_new(raise_it, parent),
		   third = greenlet_new(fails, NULL);

	CAUGHT(greenlet_switch(parent, child, NULL), &my_error, 1);
	TOLD("parent: 1 0 ");
	EQ(greenlet_dead(parent) && greenlet_dead(child), true);
	EQ(greenlet_failure(child).type, &my_error);
	EQ(greenlet_failure(parent).type, &my_error);
	EQ(greenlet_is(&my_error, GREENLET_ERROR) && greenlet_is(&my_error, GREENLET_ANY), true);
	EQ(greenlet_is(&my_error, GREENLET_EXIT) || greenlet_is(GREENLET_ERROR, &my_error), false);
	CAUGHT(greenlet_switch(third, NULL, NULL), GREENLET_ERROR, ENOTTY); /* an errno goes up as GREENLET_ERROR */
	greenlet_unref(child);
	greenlet_unref(parent);
	greenlet_unref(third);
}

static const struct greenlet_type my_exit = {"my exit", GREENLET_EXIT};

static int leave_early(void *value, void **result)
{
	*result = V(77);
	return greenlet_raise(value ? &my_exit : GREENLET_EXIT, V(12));
}

static void exit_is_a_value(void)
{
	for (long derived = 0; derived < 2; derived++) {
		greenlet_t g = greenlet_new(leave_early, NULL);
		void *out = NULL;

		EQ(greenlet_switch(g, V(derived), &out), 0);
		EQ(out, 12);
		EQ(greenlet_pending().type, NULL);
		EQ(greenlet_failure(g).type, NULL);
		greenlet_unref(g);
	}
}

static int suspend_then_answer(void *value, void **result)
{
	int err = greenlet_switch(greenlet_main(), value, &value);

	*result = V(N(value) + 1);
	return err;
}

static void reparent(void)
{
	greenlet_t g = greenlet_new(suspend_then_answer, NULL), other = greenlet_new(double_it, NULL);
	void *out = NULL;

	EQ(greenlet_switch(g, V(1), &out), 0);
	EQ(greenlet_set_parent(g, other), 0);
	EQ(greenlet_parent(g), other);
	EQ(greenlet_switch(g, V(10), &out), 0);
	TOLD("11>22 ");
	EQ(out, 22);
	EQ(greenlet_set_parent(g, greenlet_main()), 0); /* a dead one too */
	EQ(greenlet_parent(g), greenlet_main());
	greenlet_unref(g);
	greenlet_unref(other);
}

static void bad_parents(void)
{
	greenlet_t a = greenlet_new(double_it, NULL), b = greenlet_new(double_it, a), c = greenlet_new(double_it, b),
		   stale;

	EQ(greenlet_set_parent(a, NULL), -EINVAL);
	EQ(greenlet_set_parent(a, (greenlet_t)&a), -EINVAL);
	EQ(greenlet_set_parent((greenlet_t)&a, a), -EINVAL);
	EQ(greenlet_new(double_it, (greenlet_t)&a), NULL);
	EQ(greenlet_set_parent(a, a), -ELOOP);
	EQ(greenlet_set_parent(a, b), -ELOOP);
	EQ(greenlet_set_parent(a, c), -ELOOP);
	EQ(greenlet_parent(a), greenlet_main());
	stale = c;
	greenlet_unref(c);
	EQ(greenlet_set_parent(a, stale), -ESTALE);
	EQ(greenlet_set_parent(stale, a), -ESTALE);
	EQ(greenlet_parent(stale), NULL);
	greenlet_unref(b);
	greenlet_unref(a);
}

static int look_at_main(void *value, void **result)
{
	EQ(greenlet_state(greenlet_main()), GREENLET_SUSPENDED);
	EQ(greenlet_dead(greenlet_main()), false);
	EQ(greenlet_set_parent(greenlet_main(), greenlet_current()), -EPERM);
	*result = value;
	return 0;
}

static void main_is_special(void)
{
	greenlet_t main = greenlet_main(), g = greenlet_new(look_at_main, NULL);

	EQ(greenlet_parent(main), NULL);
	EQ(greenlet_set_parent(main, g), -EPERM);
	EQ(greenlet_set_parent(greenlet_hub(), g), -EPERM);
	EQ(greenlet_kill(main, NULL, NULL, 0), -EPERM);
	EQ(greenlet_kill(greenlet_hub(), NULL, NULL, 0), -EPERM);
	EQ(greenlet_parent(greenlet_hub()), main);
	EQ(greenlet_parent(main), NULL);
	EQ(greenlet_switch(g, NULL, NULL), 0);
	EQ(greenlet_dead(main), false);
	EQ(greenlet_active(main), true);
	greenlet_unref(g);
}

TESTS({9, "result_to_parent", result_to_parent}, {10, "unstarted_parent", unstarted_parent},
      {11, "dead_target", dead_target}, {12, "dead_end", dead_end}, {12, "no_parent_is_fatal", no_parent_is_fatal},
      {17, "up_two_levels", up_two_levels}, {18, "exit_is_a_value", exit_is_a_value}, {26, "reparent", reparent},
      {27, "bad_parents", bad_parents}, {28, "main_is_special", main_is_special})
