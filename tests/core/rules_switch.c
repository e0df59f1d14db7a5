/* LDLIBS: -lm */
/* Values, switches, and what each greenlet keeps for itself: rules 1 to 8, 13, 15, 16. */
#include <fenv.h>

#include "core_test.h"

static int answer(void *value, void **result)
{
	*result = V(N(value) + 1);
	return 0;
}

static int make_one(void *value, void **result)
{
	greenlet_t g = greenlet_new(answer, NULL);

	(void)value;
	EQ(greenlet_parent(g), greenlet_current());
	EQ(greenlet_parent(g) == greenlet_main(), false);
	greenlet_unref(g);
	*result = NULL;
	return 0;
}

static void parent_is_current(void)
{
	greenlet_t g = greenlet_new(answer, NULL), other = greenlet_new(make_one, NULL),
		   child = greenlet_new(answer, g);

	EQ(greenlet_parent(g), greenlet_current());
	EQ(greenlet_parent(child), g);
	EQ(greenlet_switch(other, NULL, NULL), 0);
	EQ(greenlet_dead(other), true);
	greenlet_unref(child);
	greenlet_unref(other);
	greenlet_unref(g);
}

static void without_run(void)
{
	greenlet_t g = greenlet_new(NULL, NULL);
	void *out = V(77);

	EQ(greenlet_switch(g, V(1), &out), -ENOEXEC);
	EQ(greenlet_throw(g, NULL, NULL, &out), -ENOEXEC);
	EQ(greenlet_throw(g, GREENLET_ERROR, V(EIO), &out), -ENOEXEC);
	EQ(out, 77);
	EQ(greenlet_state(g), GREENLET_PENDING);
	EQ(greenlet_pending().type, NULL);
	EQ(greenlet_set_run(g, answer), 0);
	EQ(greenlet_switch(g, V(1), &out), 0);
	EQ(out, 2);
	greenlet_unref(g);
}

static int set_own_run(void *value, void **result)
{
	EQ(greenlet_set_run(greenlet_current(), answer), -EBUSY);
	EQ(greenlet_set_stack(greenlet_current(), 1 << 20), -EBUSY);
	return greenlet_switch(greenlet_parent(greenlet_current()), value, result);
}

static void run_is_gone(void)
{
	greenlet_t g = greenlet_new(answer, NULL);

	EQ(greenlet_set_run(g, set_own_run), 0);
	EQ(greenlet_switch(g, NULL, NULL), 0);
	EQ(greenlet_set_run(g, answer), -EBUSY);
	EQ(greenlet_switch(g, NULL, NULL), 0);
	EQ(greenlet_dead(g), true);
	EQ(greenlet_set_run(g, answer), -EBUSY);
	EQ(greenlet_set_run(greenlet_main(), answer), -EBUSY);
	greenlet_unref(g);
}

static int look_at_data(void *value, void **result)
{
	greenlet_t self = greenlet_current();

	EQ(greenlet_data(self), value);
	EQ(greenlet_switch(greenlet_parent(self), NULL, NULL), 0);
	EQ(greenlet_data(self), 2);
	EQ(greenlet_set_data(self, V(3)), 0);
	*result = NULL;
	return 0;
}

static void data_persists(void)
{
	greenlet_t g = greenlet_new(look_at_data, NULL);

	EQ(greenlet_data(g), NULL);
	EQ(greenlet_set_data(g, V(1)), 0);
	EQ(greenlet_set_data(greenlet_main(), V(9)), 0);
	EQ(greenlet_switch(g, V(1), NULL), 0);
	EQ(greenlet_set_data(g, V(2)), 0);
	EQ(greenlet_switch(g, NULL, NULL), 0);
	EQ(greenlet_dead(g), true);
	EQ(greenlet_data(g), 3);
	EQ(greenlet_data(greenlet_main()), 9);
	greenlet_unref(g);
}

static void first_value(void)
{
	greenlet_t g = greenlet_new(answer, NULL);
	void *out = NULL;

	EQ(greenlet_switch(g, V(41), &out), 0);
	EQ(out, 42);
	greenlet_unref(g);
}

static int echo(void *value, void **result)
{
	greenlet_t parent = greenlet_parent(greenlet_current());

	for (long n = 100;; n++) {
		EQ(greenlet_switch(parent, V(n), &value), 0);
		if (value == V(-1))
			break;
		EQ(greenlet_switch(parent, value, &value), 0);
		EQ(value, NULL);
	}
	*result = NULL;
	return 0;
}

/* None, one, several: in C a pointer is all of them. */
static void later_values(void)
{
	static int several[] = {1, 2, 3};
	greenlet_t g = greenlet_new(echo, NULL);
	void *sent[] = {NULL, V(5), several}, *out = V(77);

	EQ(greenlet_switch(g, NULL, &out), 0);
	for (long i = 0; i < 3; i++) {
		EQ(out, 100 + i);
		EQ(greenlet_switch(g, sent[i], &out), 0);
		EQ(out, sent[i]);
		EQ(greenlet_switch(g, NULL, &out), 0);
	}
	EQ(greenlet_switch(g, V(-1), NULL), 0); /* nobody need take it */
	EQ(greenlet_dead(g), true);
	greenlet_unref(g);
}

static greenlet_t ring[3];

static int pass_on(void *value, void **result)
{
	long me = N(value) % 10;
	void *out;

	tell("%ld ", N(value));
	if (greenlet_switch(ring[(me + 1) % 3], V(N(value) + 1), &out))
		return GREENLET_THROWN; /* it is dropped */
	EQ(me, 0);			/* the others never hear again */
	tell("%ld ", N(out));
	*result = V(9);
	return 0;
}

static int ring_end(void *value, void **result)
{
	tell("%ld ", N(value));
	EQ(greenlet_switch(ring[0], V(30), NULL), GREENLET_THROWN);
	(void)result;
	return GREENLET_THROWN;
}

static void anyone_answers(void)
{
	void *out;

	ring[0] = greenlet_new(pass_on, NULL);
	ring[1] = greenlet_new(pass_on, NULL);
	ring[2] = greenlet_new(ring_end, NULL);
	EQ(greenlet_switch(ring[0], V(10), &out), 0);
	EQ(out, 9);
	TOLD("10 11 12 30 ");
	EQ(greenlet_dead(ring[0]), true);
	for (int i = 0; i < 3; i++)
		greenlet_unref(ring[i]);
}

static int to_myself(void *value, void **result)
{
	void *out = NULL;

	EQ(greenlet_switch(greenlet_current(), value, &out), 0);
	*result = out;
	return 0;
}

static void to_oneself(void)
{
	greenlet_t g = greenlet_new(to_myself, NULL);
	void *out = NULL;

	EQ(greenlet_switch(greenlet_current(), V(6), &out), 0);
	EQ(out, 6);
	EQ(greenlet_switch(g, V(7), &out), 0);
	EQ(out, 7);
	greenlet_unref(g);
}

/* As much as the machine does not have. */
static void no_stack(void)
{
	greenlet_t g = greenlet_new(answer, NULL), child = greenlet_new(answer, g);
	void *out = V(77);

	EQ(greenlet_set_stack(g, (size_t)1 << 46), 0);
	EQ(greenlet_switch(g, V(1), &out), -ENOMEM);
	EQ(greenlet_throw(g, NULL, NULL, &out), -ENOMEM);
	EQ(out, 77);
	EQ(greenlet_state(g), GREENLET_PENDING);
	EQ(greenlet_current(), greenlet_main());
	/* A death whose parent cannot start: rule 12. */
	CAUGHT(greenlet_switch(child, NULL, &out), GREENLET_ERROR, ENOMEM);
	EQ(greenlet_state(g), GREENLET_PENDING);
	EQ(greenlet_set_stack(g, 0), 0);
	EQ(greenlet_switch(g, V(1), &out), 0);
	EQ(out, 2);
	greenlet_unref(child);
	greenlet_unref(g);
}

static double deep(int depth, double x)
{
	volatile char here[64];
	double y = x * 1.5 + depth, z = y / 3;
	long sum = depth;

	memset((void *)here, depth & 0x7f, sizeof(here));
	EQ(greenlet_switch(greenlet_parent(greenlet_current()), V(depth), NULL), 0);
	if (depth > 0)
		z += deep(depth - 1, x + 1);
	for (size_t i = 0; i < sizeof(here); i++)
		sum += here[i];
	EQ(sum, depth + 64 * (depth & 0x7f));
	EQ(y == x * 1.5 + depth, true);
	return z;
}

static double deep_expected(int depth, double x)
{
	double z = (x * 1.5 + depth) / 3;

	return depth > 0 ? z + deep_expected(depth - 1, x + 1) : z;
}

static int run_deep(void *value, void **result)
{
	double x = (double)N(value);

	*result = V(deep(200, x) == deep_expected(200, x));
	return 0;
}

static void deep_frames(void)
{
	greenlet_t g[3];
	void *out;

	for (int i = 0; i < 3; i++)
		g[i] = greenlet_new(run_deep, NULL);
	for (long depth = 200; depth >= 0; depth--)
		for (int i = 0; i < 3; i++) {
			EQ(greenlet_switch(g[i], V(i), &out), 0);
			EQ(out, depth);
		}
	for (int i = 0; i < 3; i++) {
		EQ(greenlet_switch(g[i], NULL, &out), 0);
		EQ(out, true);
		greenlet_unref(g[i]);
	}
}

static volatile double one = 1, ten = 10;

static int round_up(void *value, void **result)
{
	(void)value;
	EQ(fegetround(), FE_DOWNWARD); /* a new one begins as its starter was */
	fesetround(FE_UPWARD);
	EQ(greenlet_switch(greenlet_main(), NULL, NULL), 0);
	EQ(fegetround(), FE_UPWARD);
	*result = NULL;
	return 0;
}

static void float_state(void)
{
	greenlet_t g = greenlet_new(round_up, NULL);
	volatile double down, near;

	fesetround(FE_DOWNWARD);
	down = one / ten;
	EQ(greenlet_switch(g, NULL, NULL), 0);
	near = one / ten;
	EQ(near == down, true);
	EQ(greenlet_switch(g, NULL, NULL), 0);
	EQ(fegetround(), FE_DOWNWARD);
	fesetround(FE_TONEAREST);
	near = one / ten;
	EQ(near > down, true);
	greenlet_unref(g);
}

static int own_errno(void *value, void **result)
{
	EQ(errno, 0);
	errno = (int)N(value);
	EQ(greenlet_switch(greenlet_main(), NULL, NULL), 0);
	EQ(errno, value);
	*result = NULL;
	return 0;
}

static int own_errno_in_hub(void *value, void **result)
{
	EQ(errno, 0);
	errno = (int)N(value);
	EQ(greenlet_sleep(0), 0);
	EQ(errno, value);
	*result = NULL;
	return 0;
}

static void errno_is_own(void)
{
	greenlet_t a = greenlet_new(own_errno, NULL), b = greenlet_new(own_errno, NULL), both[2];

	errno = ERANGE;
	EQ(greenlet_switch(a, V(EIO), NULL), 0);
	EQ(errno, ERANGE);
	EQ(greenlet_switch(b, V(EDOM), NULL), 0);
	EQ(greenlet_switch(a, NULL, NULL), 0);
	EQ(greenlet_switch(b, NULL, NULL), 0);
	EQ(errno, ERANGE);
	both[0] = greenlet_spawn(own_errno_in_hub, V(EIO));
	both[1] = greenlet_spawn(own_errno_in_hub, V(EDOM));
	errno = ERANGE;
	EQ(greenlet_joinall(both, 2, GREENLET_FOREVER), 2);
	EQ(errno, ERANGE);
	greenlet_unref(a);
	greenlet_unref(b);
	greenlet_unref(both[0]);
	greenlet_unref(both[1]);
}

TESTS({1, "parent_is_current", parent_is_current}, {2, "without_run", without_run}, {3, "run_is_gone", run_is_gone},
      {4, "data_persists", data_persists}, {5, "first_value", first_value}, {6, "later_values", later_values},
      {7, "anyone_answers", anyone_answers}, {8, "to_oneself", to_oneself}, {13, "no_stack", no_stack},
      {15, "deep_frames", deep_frames}, {15, "float_state", float_state}, {16, "errno_is_own", errno_is_own})
