/* Greenlets and OS threads: rules 28 to 34, 37. */
#include "core_test.h"

/* Two OS threads take turns: meet is where each waits for the other. */
static pthread_barrier_t barrier;
static greenlet_t shared;

static void meet(void)
{
	pthread_barrier_wait(&barrier);
}

static pthread_t begin(void *(*fn)(void *), void *arg)
{
	pthread_t thread;

	pthread_barrier_init(&barrier, NULL, 2);
	EQ(pthread_create(&thread, NULL, fn, arg), 0);
	return thread;
}

static void end(pthread_t thread)
{
	EQ(pthread_join(thread, NULL), 0);
	pthread_barrier_destroy(&barrier);
}

static int suspend(void *value, void **result)
{
	return greenlet_switch(greenlet_parent(greenlet_current()), value, result);
}

static void *look_at_main(void *arg)
{
	greenlet_t g = greenlet_new(suspend, NULL);

	EQ(greenlet_current(), greenlet_main());
	EQ(greenlet_parent(greenlet_main()), NULL);
	EQ(greenlet_dead(greenlet_main()), false);
	EQ(greenlet_set_parent(greenlet_main(), g), -EPERM);
	EQ(greenlet_switch(g, NULL, NULL), 0);
	EQ(greenlet_parent(g), greenlet_main());
	EQ(greenlet_switch(g, arg, NULL), 0);
	greenlet_unref(g);
	return greenlet_ref(greenlet_main());
}

static void main_lives_as_its_thread(void)
{
	greenlet_t other = in_thread(look_at_main, NULL);

	EQ(greenlet_dead(other), true);
	EQ(greenlet_active(other), false);
	EQ(greenlet_dead(greenlet_main()), false);
	greenlet_unref(other);
	EQ(greenlet_state(other), -ESTALE);
}

struct seen {
	pthread_t thread;
	greenlet_t main, inside;
};

static int note_current(void *value, void **result)
{
	struct seen *seen = value;

	seen->inside = greenlet_current();
	EQ(greenlet_main(), seen->main);
	*result = NULL;
	return 0;
}

static void *note_main(void *arg)
{
	struct seen *seen = arg;
	greenlet_t g = greenlet_new(note_current, NULL);

	seen->main = greenlet_main();
	EQ(greenlet_current(), seen->main);
	EQ(greenlet_switch(g, seen, NULL), 0);
	EQ(seen->inside, g);
	EQ(greenlet_current(), seen->main);
	meet(); /* all are alive at once: no handle is used again */
	greenlet_unref(g);
	return NULL;
}

static void per_thread(void)
{
	struct seen seen[10];

	pthread_barrier_init(&barrier, NULL, COUNT(seen));
	for (size_t i = 0; i < COUNT(seen); i++)
		EQ(pthread_create(&seen[i].thread, NULL, note_main, &seen[i]), 0);
	for (size_t i = 0; i < COUNT(seen); i++)
		EQ(pthread_join(seen[i].thread, NULL), 0);
	for (size_t i = 0; i < COUNT(seen); i++) {
		EQ(seen[i].main == greenlet_main(), false);
		for (size_t j = 0; j < i; j++)
			EQ(seen[i].main == seen[j].main || seen[i].inside == seen[j].inside, false);
	}
	pthread_barrier_destroy(&barrier);
}

static void *own_and_wait(void *arg)
{
	void *out = NULL;

	shared = greenlet_new(suspend, NULL);
	EQ(greenlet_switch(shared, V(1), &out), 0);
	EQ(out, 1);
	meet();
	meet(); /* the other one has tried */
	EQ(greenlet_state(shared), GREENLET_SUSPENDED);
	EQ(greenlet_switch(shared, V(2), &out), 0);
	EQ(out, 2);
	greenlet_unref(shared);
	return arg;
}

static void other_threads(void)
{
	pthread_t thread = begin(own_and_wait, NULL);
	void *frames[8], *out = V(77);

	meet();
	EQ(greenlet_switch(shared, V(5), &out), -EXDEV);
	EQ(greenlet_throw(shared, NULL, V(5), &out), -EXDEV);
	EQ(greenlet_kill(shared, NULL, NULL, 0), -EXDEV);
	EQ(greenlet_join(shared, 0), -EXDEV);
	EQ(greenlet_start(shared, NULL), -EBUSY);
	EQ(greenlet_backtrace(shared, frames, 8), -EXDEV);
	EQ(out, 77);
	EQ(greenlet_state(shared), GREENLET_SUSPENDED);
	meet();
	end(thread);
}

static void *own_two(void *arg)
{
	greenlet_t started = greenlet_new(suspend, NULL);

	EQ(greenlet_switch(started, NULL, NULL), 0);
	shared = started;
	meet();
	meet();
	EQ(greenlet_parent(started), greenlet_main());
	EQ(greenlet_switch(started, NULL, NULL), 0);
	greenlet_unref(started);
	return arg;
}

static void reparent_started(void)
{
	greenlet_t mine = greenlet_new(suspend, NULL), queued = greenlet_spawn(suspend, NULL);
	pthread_t thread = begin(own_two, NULL);

	EQ(greenlet_switch(mine, NULL, NULL), 0);
	meet();
	EQ(greenlet_set_parent(shared, greenlet_main()), -EXDEV);
	EQ(greenlet_set_parent(mine, shared), -EXDEV);
	EQ(greenlet_set_parent(queued, shared), -EXDEV); /* the hub will start it here */
	EQ(greenlet_parent(mine), greenlet_main());
	EQ(greenlet_parent(queued), greenlet_hub());
	meet();
	end(thread);
	EQ(greenlet_kill(queued, NULL, NULL, 0), 0);
	greenlet_unref(mine);
	greenlet_unref(queued);
}

static int where(void *value, void **result)
{
	pthread_t *thread = value;

	*thread = pthread_self();
	*result = greenlet_main();
	return 0;
}

static void *start_theirs(void *arg)
{
	pthread_t ran;
	void *out = NULL;

	shared = greenlet_main();
	meet();
	meet();
	shared = arg ? *(greenlet_t *)arg : NULL;
	EQ(greenlet_switch(shared, &ran, &out), 0);
	EQ(out, greenlet_main());
	EQ(pthread_equal(ran, pthread_self()) != 0, true);
	EQ(greenlet_dead(shared), true);
	return NULL;
}

/* Made here, it goes with its parent's OS thread, and so does what is made below it. */
static void unstarted_follows(void)
{
	greenlet_t g = greenlet_new(where, NULL), child = greenlet_new(where, g);
	pthread_t thread = begin(start_theirs, &child);
	pthread_t ran;

	meet();
	EQ(greenlet_set_parent(g, shared), 0);
	EQ(greenlet_switch(g, &ran, NULL), -EXDEV);
	EQ(greenlet_switch(child, &ran, NULL), -EXDEV);
	EQ(greenlet_state(g), GREENLET_PENDING);
	EQ(greenlet_set_parent(g, greenlet_main()), 0); /* and back */
	EQ(greenlet_set_parent(child, shared), 0);
	EQ(greenlet_switch(g, &ran, NULL), 0);
	EQ(pthread_equal(ran, pthread_self()) != 0, true);
	meet();
	end(thread);
	EQ(greenlet_dead(child), true);
	greenlet_unref(g);
	greenlet_unref(child);
}

static void *leave_some(void *arg)
{
	greenlet_t *left = arg;

	left[0] = greenlet_new(suspend, NULL);
	left[1] = greenlet_new(suspend, NULL);
	EQ(greenlet_switch(left[0], NULL, NULL), 0);
	left[2] = greenlet_ref(greenlet_main());
	return NULL;
}

static void owner_ended(void)
{
	greenlet_t left[3];
	void *out = V(77);

	in_thread(leave_some, left);
	for (size_t i = 0; i < COUNT(left); i++) {
		EQ(greenlet_switch(left[i], V(1), &out), -EOWNERDEAD);
		EQ(greenlet_throw(left[i], NULL, V(1), &out), -EOWNERDEAD);
	}
	EQ(out, 77);
	EQ(greenlet_dead(left[0]), true);
	EQ(greenlet_active(left[0]), false);
	EQ(greenlet_dead(left[2]), true);
	EQ(greenlet_state(left[1]), GREENLET_PENDING);
	for (size_t i = 0; i < COUNT(left); i++)
		greenlet_unref(left[i]);
}

static char cleanup[128];

static int cleans_up(void *value, void **result)
{
	int err = greenlet_switch(greenlet_parent(greenlet_current()), NULL, result);

	EQ(err, GREENLET_THROWN);
	EQ(greenlet_pending().type, GREENLET_EXIT);
	strcat(cleanup, value);
	return err;
}

static int parks(void *value, void **result)
{
	int err = greenlet_sleep(UINT64_C(3600) * 1000 * MS);

	(void)result;
	EQ(err, GREENLET_THROWN);
	strcat(cleanup, value);
	return err;
}

static void key_gone(void *value)
{
	strcat(cleanup, value);
}

static void *end_with_live(void *arg)
{
	static struct greenlet_local key = {key_gone};
	greenlet_t a = greenlet_new(cleans_up, NULL), b = greenlet_new(cleans_up, a),
		   never = greenlet_new(cleans_up, NULL);

	EQ(greenlet_switch(a, "a", NULL), 0);
	EQ(greenlet_set_parent(b, greenlet_main()), 0);
	EQ(greenlet_switch(b, "b", NULL), 0);
	greenlet_spawn(parks, "p");
	EQ(greenlet_sleep(0), 0);
	greenlet_spawn(parks, "never");
	greenlet_unref(never);
	EQ(greenlet_local_set(&key, "m"), 0); /* main's own */
	return arg;
}

static void exit_with_live(void)
{
	EQ(greenlet_switch(greenlet_new(suspend, NULL), NULL, NULL), 0);
	EQ(greenlet_spawn(parks, "x") != NULL, true);
	EQ(greenlet_sleep(0), 0);
}

static int exit_now(void *value, void **result)
{
	(void)result;
	exit((int)N(value));
}

static void exit_inside(void)
{
	exit_with_live();
	greenlet_switch(greenlet_new(exit_now, NULL), V(3), NULL);
}

static void thread_end(void)
{
	struct outcome o;

	in_thread(end_with_live, NULL);
	STR_EQ(cleanup, "abpm");
	o = in_child(exit_with_live);
	EQ(o.status, 0);
	STR_EQ(o.text, "");
	o = in_child(exit_inside);
	EQ(WIFEXITED(o.status) ? WEXITSTATUS(o.status) : -1, 3);
	STR_EQ(o.text, "");
}

static pthread_t killed_in;

static int notes_thread(void *value, void **result)
{
	int err = greenlet_switch(greenlet_parent(greenlet_current()), value, result);

	EQ(err, GREENLET_THROWN);
	EQ(greenlet_pending().type, GREENLET_EXIT);
	killed_in = pthread_self();
	return err;
}

static void *give_away(void *arg)
{
	greenlet_t other = greenlet_new(suspend, NULL), mine = greenlet_new(notes_thread, NULL);

	shared = mine;
	EQ(greenlet_switch(mine, NULL, NULL), 0);
	EQ(greenlet_switch(other, NULL, NULL), 0);
	meet();
	meet();
	EQ(greenlet_dead(mine), false); /* queued: nothing of this OS thread's has run since */
	EQ(greenlet_switch(other, NULL, NULL), 0);
	EQ(pthread_equal(killed_in, pthread_self()) != 0, true);
	EQ(greenlet_state(mine), -ESTALE);
	greenlet_unref(other);
	return arg;
}

static void dropped_elsewhere(void)
{
	pthread_t thread = begin(give_away, NULL);

	meet();
	greenlet_unref(shared);
	meet();
	end(thread);
}

#define ROUNDS (SANITIZED ? 300 : 2000)

/* An OS thread ends while another drops what it left. */
static void *make_and_end(void *arg)
{
	greenlet_t *slot = arg, g = greenlet_new(suspend, NULL);

	EQ(greenlet_switch(g, NULL, NULL), 0);
	EQ(greenlet_sleep(0), 0);
	__atomic_store_n(slot, g, __ATOMIC_RELEASE);
	return NULL;
}

static void dropped_at_the_end(void)
{
	for (int i = 0; i < ROUNDS; i++) {
		greenlet_t slot = NULL, g;
		pthread_t thread;

		EQ(pthread_create(&thread, NULL, make_and_end, &slot), 0);
		while (!(g = __atomic_load_n(&slot, __ATOMIC_ACQUIRE)))
			sched_yield();
		greenlet_unref(g);
		EQ(pthread_join(thread, NULL), 0);
		EQ(greenlet_state(g), -ESTALE);
	}
}

TESTS({28, "main_lives_as_its_thread", main_lives_as_its_thread}, {29, "per_thread", per_thread},
      {30, "other_threads", other_threads}, {31, "reparent_started", reparent_started},
      {32, "unstarted_follows", unstarted_follows}, {33, "owner_ended", owner_ended}, {34, "thread_end", thread_end},
      {37, "dropped_elsewhere", dropped_elsewhere}, {37, "dropped_at_the_end", dropped_at_the_end})
