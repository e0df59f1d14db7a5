/* What can be seen of greenlets, tracing, locals: rules 14, 40 to 46. */
#include "core_test.h"

static int once(void *value, void **result)
{
	return greenlet_switch(greenlet_parent(greenlet_current()), value, result);
}

static int finishes(void *value, void **result)
{
	*result = value;
	return 0;
}

static int look_at_self(void *value, void **result)
{
	greenlet_t self = greenlet_current();
	char text[128];

	EQ(greenlet_state(self), GREENLET_CURRENT);
	EQ(greenlet_active(self), true);
	EQ(greenlet_dead(self), false);
	greenlet_describe(self, text, sizeof(text));
	HAS(text, " (mine) current");
	greenlet_describe(greenlet_main(), text, sizeof(text));
	HAS(text, " (main) suspended");
	return once(value, result);
}

static void four_states(void)
{
	greenlet_t g = greenlet_new(once, NULL);
	int active[] = {false, true, false}, dead[] = {false, false, true};

	EQ(greenlet_state(greenlet_current()), GREENLET_CURRENT);
	for (int i = 0; i < 3; i++) {
		EQ(greenlet_active(g), active[i]);
		EQ(greenlet_dead(g), dead[i]);
		EQ(greenlet_switch(g, NULL, NULL), 0);
	}
	greenlet_unref(g);
	EQ(greenlet_state(g), -ESTALE);
	EQ(greenlet_active(g) || greenlet_dead(g), false);
	EQ(greenlet_state(NULL), -EINVAL);
}

static void printable(void)
{
	greenlet_t g = greenlet_new(look_at_self, NULL), spawned;
	char text[128], expected[128];
	unsigned long long n = greenlet_number(g);

	EQ(greenlet_set_name(g, "mine"), 0);
	EQ(greenlet_describe(g, text, sizeof(text)),
	   snprintf(expected, sizeof(expected), "greenlet %llu (mine) pending", n));
	STR_EQ(text, expected);
	EQ(greenlet_describe(g, text, 5), strlen(expected));
	STR_EQ(text, "gree");
	EQ(greenlet_switch(g, NULL, NULL), 0);
	greenlet_describe(g, text, sizeof(text));
	snprintf(expected, sizeof(expected), "greenlet %llu (mine) suspended", n);
	STR_EQ(text, expected);
	EQ(greenlet_switch(g, NULL, NULL), 0);
	greenlet_describe(g, text, sizeof(text));
	HAS(text, " (mine) dead");
	greenlet_unref(g);
	greenlet_describe(g, text, sizeof(text));
	STR_EQ(text, "a stale greenlet");
	greenlet_describe(NULL, text, sizeof(text));
	STR_EQ(text, "no greenlet");
	greenlet_describe(greenlet_main(), text, sizeof(text));
	HAS(text, " (main) current");
	spawned = greenlet_spawn(finishes, NULL);
	greenlet_describe(spawned, text, sizeof(text));
	snprintf(expected, sizeof(expected), "greenlet %llu pending", (unsigned long long)greenlet_number(spawned));
	STR_EQ(text, expected); /* without a name */
	EQ(greenlet_join(spawned, GREENLET_FOREVER), 0);
	greenlet_unref(spawned);
}

static void *suspended_at;

static __attribute__((noinline)) int suspend_below(void *value)
{
	int err;

	suspended_at = __builtin_extract_return_addr(__builtin_return_address(0));
	err = greenlet_switch(greenlet_parent(greenlet_current()), value, NULL);
	__asm__ volatile("");
	return err;
}

static int walked(void *value, void **result)
{
	void *frames[4];

	*result = NULL;
	EQ(greenlet_backtrace(greenlet_current(), frames, 4), -EBUSY);
	EQ(suspend_below(value), 0);
	__asm__ volatile("");
	return 0;
}

static int walks_parent(void *value, void **result)
{
	void *frames[32];
	int n = greenlet_backtrace(value, frames, 32);

	EQ(n > 1, true); /* main's */
	*result = V(n);
	return 0;
}

static void frames_of_suspended(void)
{
	greenlet_t g = greenlet_new(walked, NULL), other = greenlet_new(walks_parent, NULL);
	void *frames[32];
	int n, found = -1;

	EQ(greenlet_backtrace(g, frames, 32), -ESRCH);
	EQ(greenlet_switch(g, V(1), NULL), 0);
	n = greenlet_backtrace(g, frames, 32);
	for (int i = 0; i < n; i++)
		if (frames[i] == suspended_at)
			found = i;
	EQ(found > 0, true);	  /* walked, above suspend_below */
	EQ(n - found <= 4, true); /* and the walk ends at the stack's own beginning */
	EQ(greenlet_backtrace(g, frames, 1), 1);
	EQ(greenlet_backtrace(greenlet_current(), frames, 32), -EBUSY);
	EQ(greenlet_switch(other, greenlet_current(), NULL), 0);
	EQ(greenlet_switch(g, NULL, NULL), 0); /* it was not disturbed */
	EQ(greenlet_backtrace(g, frames, 32), -ESRCH);
	greenlet_unref(g);
	greenlet_unref(other);
	EQ(greenlet_backtrace(g, frames, 32), -ESTALE);
}

static const char *name_of(greenlet_t g)
{
	static char name[2][64];
	static int turn;
	char *text = name[turn ^= 1];

	greenlet_describe(g, text, sizeof(name[0]));
	*strchr(text, ')') = '\0';
	return strchr(text, '(') + 1;
}

static int note_event(enum greenlet_event_kind kind, greenlet_t origin, greenlet_t target, void *arg)
{
	EQ(arg, 7);
	EQ(greenlet_current(), target); /* run in the target */
	tell("%s%s-%s ", kind == GREENLET_EVENT_THROW ? "!" : "", name_of(origin), name_of(target));
	return 0;
}

static int other_tracer(enum greenlet_event_kind kind, greenlet_t origin, greenlet_t target, void *arg)
{
	(void)kind, (void)origin, (void)target, (void)arg;
	return 0;
}

static int raises(void *value, void **result)
{
	(void)result;
	return greenlet_raise(GREENLET_ERROR, value);
}

static void *untraced(void *arg)
{
	greenlet_t g = greenlet_new(once, NULL);

	EQ(greenlet_settrace(NULL, NULL, NULL), NULL);
	EQ(greenlet_switch(g, NULL, NULL), 0);
	EQ(greenlet_switch(g, NULL, NULL), 0);
	greenlet_unref(g);
	return arg;
}

static greenlet_t named(greenlet_run *run, const char *name)
{
	greenlet_t g = greenlet_new(run, NULL);

	greenlet_set_name(g, name);
	return g;
}

static void exact_events(void)
{
	greenlet_t a = named(once, "a"), b = named(raises, "b"), c = named(once, "c"), s;
	void *old = NULL;

	EQ(greenlet_settrace(other_tracer, V(5), &old), NULL);
	EQ(old, NULL);
	EQ(greenlet_settrace(note_event, V(7), &old), other_tracer);
	EQ(old, 5);
	in_thread(untraced, NULL);			     /* each OS thread has its own */
	EQ(greenlet_switch(greenlet_main(), NULL, NULL), 0); /* to oneself is no event */
	EQ(greenlet_sleep(0) | greenlet_sleep(1000), 0);     /* nor is the hub's way back to it */
	EQ(greenlet_switch(a, NULL, NULL), 0);
	EQ(greenlet_switch(a, NULL, NULL), 0); /* dies */
	EQ(greenlet_switch(a, NULL, NULL), 0); /* dead: to oneself */
	EQ(greenlet_switch(b, NULL, NULL), GREENLET_THROWN);
	EQ(greenlet_switch(c, NULL, NULL), 0);
	EQ(greenlet_throw(c, GREENLET_ERROR, NULL, NULL), GREENLET_THROWN);
	TOLD("main-a a-main main-a a-main main-b !b-main main-c c-main !main-c !c-main ");
	s = greenlet_spawn(finishes, NULL); /* those that the hub runs too */
	greenlet_set_name(s, "s");
	EQ(greenlet_join(s, GREENLET_FOREVER), 0);
	TOLD("main-s s-main ");
	EQ(greenlet_settrace(NULL, NULL, &old), note_event);
	EQ(old, 7);
	EQ(greenlet_catch(GREENLET_ANY, NULL), true);
	greenlet_unref(a);
	greenlet_unref(b);
	greenlet_unref(c);
	greenlet_unref(s);
	TOLD("");
}

static int bad_tracer(enum greenlet_event_kind kind, greenlet_t origin, greenlet_t target, void *arg)
{
	(void)kind, (void)origin, (void)target, (void)arg;
	tell("called ");
	return arg ? greenlet_raise(GREENLET_TIMEOUT, arg) : -EIO;
}

static int catches(void *value, void **result)
{
	int err = greenlet_switch(greenlet_parent(greenlet_current()), value, result);

	EQ(err, GREENLET_THROWN);
	EQ(greenlet_catch(GREENLET_TIMEOUT, result), true);
	return 0;
}

static void failing_tracer(void)
{
	greenlet_t g = greenlet_new(finishes, NULL), h = greenlet_new(catches, NULL);
	void *out = NULL;

	greenlet_settrace(bad_tracer, NULL, NULL);
	CAUGHT(greenlet_switch(g, V(1), &out), GREENLET_ERROR, EIO); /* in g, which never ran */
	TOLD("called ");
	EQ(greenlet_dead(g), true);
	EQ(greenlet_settrace(NULL, NULL, NULL), NULL); /* disabled */
	EQ(greenlet_switch(h, V(1), NULL), 0);
	greenlet_settrace(bad_tracer, V(9), NULL);
	EQ(greenlet_switch(h, V(2), &out), 0); /* its own exception */
	EQ(out, 9);
	TOLD("called ");
	greenlet_unref(g);
	greenlet_unref(h);
}

struct detour {
	greenlet_t to;
	int events;
};

/* Leaves the greenlet that is just arriving, once. */
static int makes_detour(enum greenlet_event_kind kind, greenlet_t origin, greenlet_t target, void *arg)
{
	struct detour *d = arg;
	void *out = NULL;

	(void)kind, (void)origin, (void)target;
	if (d->events++ == 0) {
		EQ(greenlet_switch(d->to, V(50), &out), 0);
		tell("detour %ld ", N(out));
	}
	return 0;
}

static void switch_in_tracer(void)
{
	greenlet_t g = greenlet_new(finishes, NULL), side = greenlet_new(finishes, NULL),
		   again = greenlet_new(finishes, NULL);
	struct detour to_side = {side, 0}, to_main = {greenlet_main(), 0};
	void *out = NULL;

	/* In g, which is arriving with 1: side runs and dies, and its result comes to main, its parent. */
	greenlet_settrace(makes_detour, &to_side, NULL);
	EQ(greenlet_switch(g, V(1), &out), 0);
	EQ(out, 50);
	EQ(greenlet_switch(g, V(60), &out), 0); /* what the tracer's own switch gives */
	TOLD("detour 60 ");
	EQ(out, 1); /* kept */
	EQ(greenlet_dead(g), true);
	/* The same for one that is not started before its value arrived: it is by now. */
	greenlet_settrace(makes_detour, &to_main, NULL);
	EQ(greenlet_switch(again, V(2), &out), 0);
	EQ(out, 50);
	EQ(greenlet_set_run(again, once), -EBUSY);
	EQ(greenlet_switch(again, V(70), &out), 0);
	TOLD("detour 70 ");
	EQ(out, 2);
	greenlet_settrace(NULL, NULL, NULL);
	greenlet_unref(g);
	greenlet_unref(side);
	greenlet_unref(again);
}

static void destroyed(void *value)
{
	tell("%ld gone ", N(value));
}

static struct greenlet_local first_key = {destroyed}, second_key;

static int keeps_local(void *value, void **result)
{
	EQ(greenlet_local_get(&first_key), NULL);
	EQ(greenlet_local_get(&second_key), NULL);
	EQ(greenlet_local_set(&first_key, value), 0);
	EQ(greenlet_local_set(&second_key, V(N(value) + 1)), 0);
	EQ(greenlet_switch(greenlet_main(), NULL, result), 0);
	EQ(greenlet_local_get(&first_key), value);
	EQ(greenlet_local_get(&second_key), N(value) + 1);
	EQ(greenlet_local_set(&second_key, NULL), 0);
	return 0;
}

static void locals(void)
{
	greenlet_t a = greenlet_new(keeps_local, NULL), b = greenlet_new(keeps_local, NULL);

	EQ(greenlet_local_set(&first_key, V(1)), 0);
	EQ(greenlet_switch(a, V(10), NULL), 0);
	EQ(greenlet_switch(b, V(20), NULL), 0);
	EQ(greenlet_local_get(&first_key), 1);
	EQ(greenlet_local_get(&second_key), NULL);
	EQ(greenlet_switch(b, NULL, NULL), 0);
	TOLD("20 gone ");
	EQ(greenlet_switch(a, NULL, NULL), 0);
	TOLD("10 gone ");
	EQ(greenlet_local_get(&first_key), 1);
	EQ(greenlet_local_set(&first_key, NULL), 0);
	greenlet_unref(a);
	greenlet_unref(b);
}

/* A generator is a greenlet whose yield goes to whoever asked last. */
static int yield(long n)
{
	return greenlet_switch(greenlet_parent(greenlet_current()), V(n), NULL);
}

static int walk_tree(long low, long high)
{
	long middle = (low + high) / 2;
	int err = low < high ? walk_tree(low, middle) : 0;

	if (!err && low < high)
		err = yield(middle);
	return err || low >= high ? err : walk_tree(middle + 1, high);
}

static int generate(void *value, void **result)
{
	*result = V(-1);
	return walk_tree(1, N(value));
}

static void generators(void)
{
	greenlet_t left = greenlet_new(generate, NULL), right = greenlet_new(generate, NULL);
	void *a = NULL, *b = NULL;

	for (long i = 1; i < 100; i++) {
		EQ(greenlet_switch(left, V(100), &a), 0);
		EQ(greenlet_switch(right, V(300), &b), 0);
		EQ(a, i);
		EQ(b, i);
	}
	EQ(greenlet_switch(left, NULL, &a), 0);
	EQ(a, -1);
	EQ(greenlet_dead(left) && !greenlet_dead(right), true);
	greenlet_unref(left);
	greenlet_unref(right); /* left in the middle */
}

TESTS({14, "switch_in_tracer", switch_in_tracer}, {40, "four_states", four_states},
      {41, "frames_of_suspended", frames_of_suspended}, {42, "printable", printable},
      {43, "exact_events", exact_events}, {44, "failing_tracer", failing_tracer}, {45, "locals", locals},
      {46, "generators", generators})
