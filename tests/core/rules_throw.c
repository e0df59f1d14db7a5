/* Exceptions that are thrown: rules 19 to 25. */
#include <setjmp.h>

#include "core_test.h"

static const struct greenlet_type my_error = {"my error", GREENLET_ERROR};

/* Sends what it caught, until it is told 0. */
static int catcher(void *value, void **result)
{
	while (value) {
		void *caught = NULL;
		int err = greenlet_switch(greenlet_main(), value, &value);

		if (!err)
			continue;
		EQ(err, GREENLET_THROWN);
		tell("%s ", greenlet_pending().type->name);
		EQ(greenlet_catch(GREENLET_ANY, &caught), true);
		EQ(greenlet_pending().type, NULL);
		value = caught;
	}
	*result = V(100);
	return 0;
}

static void into_suspended(void)
{
	greenlet_t g = greenlet_new(catcher, NULL);
	void *out = NULL;

	EQ(greenlet_switch(g, V(1), &out), 0);
	EQ(greenlet_throw(g, NULL, V(2), &out), 0);
	EQ(out, 2);
	EQ(greenlet_throw(g, &my_error, V(3), &out), 0);
	EQ(out, 3);
	EQ(greenlet_dead(g), false);
	EQ(greenlet_switch(g, V(4), &out), 0);
	EQ(out, 4);
	EQ(greenlet_switch(g, NULL, &out), 0);
	EQ(out, 100);
	EQ(greenlet_dead(g), true);
	TOLD("exit my error ");
	greenlet_unref(g);
}

static int once(void *value, void **result)
{
	return greenlet_switch(greenlet_parent(greenlet_current()), value, result);
}

/* A parent of others: whatever reaches it goes on to main, said. */
static int parent_of(void *value, void **result)
{
	int err = greenlet_switch(greenlet_main(), value, result);

	tell("parent got %s ", err ? greenlet_pending().type->name : "a value");
	return err;
}

static void uncaught_in_suspended(void)
{
	greenlet_t g = greenlet_new(once, NULL);
	void *out = NULL;

	EQ(greenlet_switch(g, V(1), &out), 0);
	CAUGHT(greenlet_throw(g, &my_error, V(5), &out), &my_error, 5);
	EQ(greenlet_dead(g), true);
	EQ(out, 1);
	greenlet_unref(g);
	g = greenlet_new(once, NULL);
	EQ(greenlet_switch(g, V(1), &out), 0);
	EQ(greenlet_throw(g, NULL, V(6), &out), 0); /* the exit is a value: rule 18 */
	EQ(out, 6);
	greenlet_unref(g);
}

static int runs;

static int counted(void *value, void **result)
{
	runs++;
	*result = value;
	return 0;
}

static void into_unstarted(void)
{
	greenlet_t parent = greenlet_new(parent_of, NULL), a = greenlet_new(counted, parent),
		   b = greenlet_new(counted, NULL);
	void *out = NULL;

	EQ(greenlet_switch(parent, V(1), &out), 0);
	CAUGHT(greenlet_throw(a, &my_error, V(8), &out), &my_error, 8);
	TOLD("parent got my error ");
	EQ(greenlet_dead(a) && greenlet_dead(parent), true);
	EQ(greenlet_throw(b, NULL, V(9), &out), 0);
	EQ(out, 9);
	EQ(greenlet_dead(b), true);
	EQ(runs, 0);
	greenlet_unref(a);
	greenlet_unref(b);
	greenlet_unref(parent);
}

static void into_dead(void)
{
	greenlet_t parent = greenlet_new(parent_of, NULL), g = greenlet_new(counted, parent),
		   lone = greenlet_new(counted, NULL);
	void *out = NULL;

	EQ(greenlet_switch(lone, V(1), &out), 0);
	EQ(greenlet_throw(lone, NULL, V(2), &out), 0);
	EQ(out, 2);
	CAUGHT(greenlet_throw(lone, &my_error, V(3), &out), &my_error, 3);
	EQ(greenlet_throw(g, NULL, V(4), &out), 0); /* g dies unstarted, its exit starts the parent */
	EQ(greenlet_dead(g), true);
	CAUGHT(greenlet_throw(g, &my_error, V(5), &out), &my_error, 5);
	TOLD("parent got my error ");
	greenlet_unref(lone);
	greenlet_unref(g);
	greenlet_unref(parent);
}

static void exit_into_dead_with_parent(void)
{
	greenlet_t parent = greenlet_new(parent_of, NULL), g = greenlet_new(counted, parent);
	void *out = NULL;

	EQ(greenlet_switch(g, V(1), &out), 0);
	EQ(greenlet_throw(g, NULL, V(7), &out), 0); /* the living ancestor gets it as a value */
	EQ(out, 7);
	TOLD("parent got a value ");
	EQ(greenlet_dead(parent), true);
	greenlet_unref(g);
	greenlet_unref(parent);
}

static int throw_to_myself(void *value, void **result)
{
	(void)result;
	CAUGHT(greenlet_throw(greenlet_current(), GREENLET_ERROR, value, NULL), GREENLET_ERROR, value);
	CAUGHT(greenlet_throw(greenlet_current(), NULL, value, NULL), GREENLET_EXIT, value);
	return greenlet_throw(greenlet_current(), &my_error, value, NULL);
}

static void to_oneself(void)
{
	greenlet_t g = greenlet_new(throw_to_myself, NULL);

	CAUGHT(greenlet_throw(greenlet_main(), &my_error, V(1), NULL), &my_error, 1);
	CAUGHT(greenlet_switch(g, V(2), NULL), &my_error, 2);
	greenlet_unref(g);
}

static int count_events(enum greenlet_event_kind kind, greenlet_t origin, greenlet_t target, void *arg)
{
	(void)kind, (void)origin, (void)target;
	++*(int *)arg;
	return 0;
}

static void bad_arguments(void)
{
	static struct greenlet_type rootless = {"rootless", NULL}, nameless = {NULL, GREENLET_ANY},
				    loop = {"loop", &loop};
	const struct greenlet_type *bad[] = {&rootless, &nameless, &loop};
	greenlet_t g = greenlet_new(catcher, NULL);
	int events = 0;
	void *out = V(77);

	EQ(greenlet_switch(g, V(1), NULL), 0);
	greenlet_settrace(count_events, &events, NULL);
	for (size_t i = 0; i < COUNT(bad); i++) {
		EQ(greenlet_throw(g, bad[i], NULL, &out), -EINVAL);
		EQ(greenlet_raise(bad[i], NULL), -EINVAL);
		EQ(greenlet_kill(g, bad[i], NULL, 0), -EINVAL);
	}
	EQ(greenlet_raise(NULL, NULL), -EINVAL);
	EQ(greenlet_throw(NULL, NULL, NULL, &out), -EINVAL);
	EQ(greenlet_switch((greenlet_t)&g, NULL, &out), -EINVAL);
	EQ(events, 0);
	EQ(out, 77);
	EQ(greenlet_pending().type, NULL);
	greenlet_settrace(NULL, NULL, NULL);
	EQ(greenlet_switch(g, NULL, NULL), 0);
	greenlet_unref(g);
}

static int raises_and_catches(void *value, void **result)
{
	EQ(greenlet_pending().type, NULL);
	EQ(greenlet_catch(GREENLET_ANY, NULL), false);
	greenlet_raise(GREENLET_ERROR, V(20));
	EQ(greenlet_switch(greenlet_main(), value, result), 0);
	EQ(greenlet_pending().type, GREENLET_ERROR);
	EQ(greenlet_pending().value, 20);
	EQ(greenlet_catch(GREENLET_ERROR, NULL), true);
	return 0;
}

static void pending_elsewhere(void)
{
	greenlet_t g = greenlet_new(raises_and_catches, NULL);
	void *value = NULL;

	EQ(greenlet_raise(&my_error, V(10)), GREENLET_THROWN);
	EQ(greenlet_switch(g, V(1), NULL), 0);
	EQ(greenlet_pending().type, &my_error);
	EQ(greenlet_switch(g, V(1), NULL), 0);
	EQ(greenlet_catch(GREENLET_EXIT, &value), false);
	EQ(greenlet_catch(GREENLET_ERROR, &value), true); /* a base of its type */
	EQ(value, 10);
	greenlet_unref(g);
}

static jmp_buf out_of_here;

static int jumps(void *value, void **result)
{
	(void)value, (void)result;
	longjmp(out_of_here, 1);
}

static void jump_out(void)
{
	greenlet_t g = greenlet_new(jumps, NULL);

	if (!setjmp(out_of_here))
		greenlet_switch(g, NULL, NULL);
	greenlet_switch(g, NULL, NULL);
}

static void jump_out_then_sleep(void)
{
	if (!setjmp(out_of_here))
		greenlet_switch(greenlet_new(jumps, NULL), NULL, NULL);
	greenlet_sleep(1);
}

static int jumps_to_other(void *value, void **result)
{
	*result = NULL;
	if (!setjmp(out_of_here))
		return greenlet_switch(value, NULL, NULL);
	return 0; /* as another greenlet than the one whose stack this is */
}

static void jump_to_other(void)
{
	greenlet_switch(greenlet_new(jumps_to_other, NULL), greenlet_new(jumps, NULL), NULL);
}

static int ends_thread(void *value, void **result)
{
	(void)result;
	pthread_exit(value);
}

static void thread_exit_inside(void)
{
	greenlet_switch(greenlet_new(ends_thread, NULL), NULL, NULL);
}

static int cancels(void *value, void **result)
{
	*result = value;
	pthread_cancel(pthread_self());
	pthread_testcancel();
	return 0;
}

static void cancel_inside(void)
{
	greenlet_switch(greenlet_new(cancels, NULL), NULL, NULL);
}

static int jumps_inside(void *value, void **result)
{
	jmp_buf here;

	if (!setjmp(here))
		longjmp(here, 1);
	EQ(greenlet_switch(greenlet_main(), value, NULL), 0);
	*result = V(1);
	return 0;
}

/* See cxx.cc for C++'s. */
static void foreign(void)
{
	greenlet_t g = greenlet_new(jumps_inside, NULL);
	void *out = NULL;

	EQ(greenlet_switch(g, NULL, NULL), 0); /* a longjmp within is nobody's business */
	EQ(greenlet_switch(g, NULL, &out), 0);
	EQ(out, 1);
	greenlet_unref(g);
	ABORTS(jump_out, "a longjmp left the run function");
	ABORTS(jump_out_then_sleep, "a longjmp left the run function");
	ABORTS(jump_to_other, "a longjmp left the run function");
	ABORTS(thread_exit_inside, "a foreign exception left the run function");
	ABORTS(cancel_inside, "a foreign exception left the run function");
}

TESTS({19, "into_suspended", into_suspended}, {19, "uncaught_in_suspended", uncaught_in_suspended},
      {20, "into_unstarted", into_unstarted}, {21, "into_dead", into_dead},
      {21, "exit_into_dead_with_parent", exit_into_dead_with_parent}, {22, "to_oneself", to_oneself},
      {23, "bad_arguments", bad_arguments}, {24, "pending_elsewhere", pending_elsewhere}, {25, "foreign", foreign})
