/* References: rules 35, 36, 38, 39. */
#include "core_test.h"

static int notes_exit(void *value, void **result)
{
	int err = greenlet_switch(greenlet_parent(greenlet_current()), value, result);

	EQ(err, GREENLET_THROWN);
	tell("%s, ", greenlet_pending().type->name);
	EQ(greenlet_parent(greenlet_current()), value); /* its parent meanwhile is the dropper */
	return err;
}

static int drops(void *value, void **result)
{
	greenlet_t victim = greenlet_new(notes_exit, greenlet_main());

	EQ(greenlet_set_parent(victim, greenlet_current()), 0);
	EQ(greenlet_switch(victim, greenlet_current(), NULL), 0);
	EQ(greenlet_set_parent(victim, greenlet_main()), 0);
	greenlet_ref(victim);
	greenlet_unref(victim);
	tell("one is left, ");
	greenlet_unref(victim);
	tell("dropped ");
	EQ(greenlet_state(victim), -ESTALE);
	*result = value;
	return 0;
}

static void dropper_is_parent(void)
{
	greenlet_t g = greenlet_new(drops, NULL);
	void *out = NULL;

	EQ(greenlet_switch(g, V(3), &out), 0);
	EQ(out, 3);
	TOLD("one is left, exit, dropped ");
	greenlet_unref(g);
}

/* A child holds its parent: neither goes before the other. */
static void child_holds_parent(void)
{
	greenlet_t parent = greenlet_new(notes_exit, NULL), child = greenlet_new(notes_exit, parent);

	EQ(greenlet_switch(parent, greenlet_current(), NULL), 0);
	greenlet_unref(parent);
	EQ(greenlet_state(parent), GREENLET_SUSPENDED);
	TOLD("");
	greenlet_unref(child);
	TOLD("exit, ");
	EQ(greenlet_state(parent), -ESTALE);
}

static int runs;

static int counted(void *value, void **result)
{
	runs++;
	*result = value;
	return 0;
}

static void unstarted_just_goes(void)
{
	greenlet_t g = greenlet_new(counted, NULL);

	greenlet_unref(g);
	EQ(runs, 0);
	EQ(greenlet_state(g), -ESTALE);
}

static char reported[256];

static void keep_report(const char *line)
{
	snprintf(reported, sizeof(reported), "%s", line);
}

static int fails_at_exit(void *value, void **result)
{
	EQ(greenlet_switch(greenlet_parent(greenlet_current()), value, result), GREENLET_THROWN);
	return greenlet_raise(GREENLET_ERROR, V(EIO));
}

static int ignores_exit(void *value, void **result)
{
	EQ(greenlet_switch(greenlet_parent(greenlet_current()), value, NULL), GREENLET_THROWN);
	EQ(greenlet_catch(GREENLET_EXIT, NULL), true);
	return greenlet_switch(greenlet_parent(greenlet_current()), value, result);
}

static void drop_suspended(greenlet_run *run)
{
	greenlet_t g = greenlet_new(run, NULL);

	EQ(greenlet_switch(g, NULL, NULL), 0);
	greenlet_unref(g);
}

static void drop_failing(void)
{
	drop_suspended(fails_at_exit);
}

static void errors_are_reported(void)
{
	struct outcome o;

	greenlet_set_report(keep_report);
	drop_suspended(fails_at_exit);
	HAS(reported, "error while it was dropped: error");
	EQ(greenlet_pending().type, NULL);
	drop_suspended(ignores_exit);
	HAS(reported, "ignored its exit when it was dropped");
	EQ(greenlet_pending().type, NULL);
	greenlet_set_report(NULL);
	o = in_child(drop_failing);
	EQ(o.status, 0);
	HAS(o.text, "error while it was dropped: error\n");
	EQ(strchr(o.text, '\n')[1], 0); /* one line */
}

static int answers(void *value, void **result)
{
	return greenlet_switch(value, V(40), result);
}

static int drops_itself(void *value, void **result)
{
	greenlet_t self = greenlet_current(), helper = greenlet_new(answers, greenlet_main());
	void *out = NULL;
	int err;

	greenlet_unref(self); /* the last but the OS thread's own */
	err = greenlet_switch(greenlet_main(), value, result);
	EQ(err, GREENLET_THROWN);
	EQ(greenlet_pending().type, GREENLET_EXIT);
	EQ(greenlet_switch(helper, self, &out), 0); /* its clean-up switches: other values are under way */
	EQ(out, 40);
	greenlet_unref(helper);
	tell("cleaned up ");
	return err;
}

static void value_arrives(void)
{
	greenlet_t g = greenlet_new(drops_itself, NULL);
	void *out = NULL;

	EQ(greenlet_switch(g, V(6), &out), 0);
	EQ(out, 6);
	TOLD("cleaned up ");
	EQ(greenlet_state(g), -ESTALE);
}

static long resident_kib(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	EQ(fscanf(f, "%*d %ld", &pages), 1);
	fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

#define MANY (SANITIZED ? 100000 : 1000000)

static void a_million(void)
{
	greenlet_t first = NULL, g;
	long before = 0;
	void *out;

	for (long i = 0; i < MANY; i++) {
		if (i == MANY / 10)
			before = resident_kib();
		g = greenlet_new(counted, NULL);
		if (!first)
			first = g;
		EQ(greenlet_switch(g, V(i), &out), 0);
		EQ(out, i);
		greenlet_unref(g);
	}
	if (resident_kib() - before > 1024)
		fail(__FILE__, __LINE__, "memory is flat", "%ld KiB, then %ld KiB", before, resident_kib());
	EQ(greenlet_state(first), -ESTALE);
	EQ(greenlet_switch(first, NULL, &out), -ESTALE);
	EQ(greenlet_throw(first, NULL, NULL, &out), -ESTALE);
	EQ(greenlet_ref(first), NULL);
	EQ(greenlet_number(first), 0);
	greenlet_unref(first); /* nothing happens */
}

#define AT_ONCE 3000

/* Many at once, then none: the slots and stacks are used again. */
static void many_at_once(void)
{
	static greenlet_t g[AT_ONCE];
	long before = 0;

	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < AT_ONCE; i++) {
			g[i] = greenlet_new(notes_exit, NULL);
			EQ(greenlet_switch(g[i], greenlet_current(), NULL), 0);
		}
		for (int i = 0; i < AT_ONCE; i++)
			greenlet_unref(g[i]);
		story[0] = '\0';
		if (round == 2)
			before = resident_kib();
	}
	if (resident_kib() - before > 2048)
		fail(__FILE__, __LINE__, "memory is flat", "%ld KiB, then %ld KiB", before, resident_kib());
	EQ(greenlet_state(g[0]), -ESTALE);
}

TESTS({35, "dropper_is_parent", dropper_is_parent}, {35, "child_holds_parent", child_holds_parent},
      {35, "unstarted_just_goes", unstarted_just_goes}, {36, "errors_are_reported", errors_are_reported},
      {38, "value_arrives", value_arrives}, {39, "a_million", a_million}, {39, "many_at_once", many_at_once})
