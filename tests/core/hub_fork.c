/* fork(2): in the child only the caller of those who use the hub goes on, on a loop of its own. */
#include <fcntl.h>
#include <sys/socket.h>

#include "core_test.h"

static int ticks(void *value, void **result)
{
	long *count = value;

	*result = NULL;
	for (;;) {
		int err = greenlet_sleep(MS);

		if (err)
			return err;
		++*count;
	}
}

static int sleeps(void *value, void **result)
{
	*result = value;
	return greenlet_sleep((uint64_t)N(value) * MS);
}

static pid_t in_parent;

/* The hub works in the child: timers, descriptors, new greenlets, offloaded calls. */
static void use_hub(void)
{
	greenlet_t g = greenlet_spawn(sleeps, V(3));
	void *out = NULL;
	int ends[2];
	char c;

	EQ(greenlet_sleep(MS), 0);
	EQ(greenlet_get(g, GREENLET_FOREVER, &out), 0);
	EQ(out, 3);
	greenlet_unref(g);
	EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	EQ(greenlet_wait_fd(ends[0], POLLIN, MS), -ETIMEDOUT);
	EQ(greenlet_write(ends[1], "x", 1), 1);
	EQ(greenlet_read(ends[0], &c, 1), 1);
	EQ(greenlet_close(ends[0]) | greenlet_close(ends[1]), 0);
}

static long count;

static void only_the_caller(void)
{
	long before = count;

	EQ(getpid() == in_parent, false);
	use_hub();
	EQ(greenlet_sleep(10 * MS), 0);
	EQ(count, before); /* the other does not tick here */
}

static void expect_child(struct outcome o)
{
	if (!SANITIZED) /* which finds threads that are not the child's */
		STR_EQ(o.text, "");
	EQ(o.status, 0);
}

static void from_main(void)
{
	greenlet_t g = greenlet_spawn(ticks, &count), queued;

	in_parent = getpid();
	EQ(greenlet_sleep(5 * MS), 0);
	queued = greenlet_spawn(ticks, &count); /* not started before the fork */
	expect_child(in_child(only_the_caller));
	EQ(greenlet_kill(g, NULL, NULL, GREENLET_FOREVER), 0);
	EQ(greenlet_kill(queued, NULL, NULL, GREENLET_FOREVER), 0);
	greenlet_unref(g);
	greenlet_unref(queued);
	EQ(greenlet_sleep(5 * MS), 0); /* and the parent's loop was not touched */
}

static int forks(void *value, void **result)
{
	*result = value;
	expect_child(in_child(only_the_caller));
	return 0;
}

static void from_a_greenlet(void)
{
	greenlet_t g = greenlet_spawn(ticks, &count), f = greenlet_spawn(forks, NULL);

	EQ(greenlet_join(f, GREENLET_FOREVER), 0);
	EQ(greenlet_kill(g, NULL, NULL, GREENLET_FOREVER), 0);
	greenlet_unref(f);
	greenlet_unref(g);
}

static greenlet_t by_hand, parked;

static int gives_back(void *value, void **result)
{
	return greenlet_switch(greenlet_parent(greenlet_current()), value, result);
}

/* Those that are only switched to go on being the caller's own; those that waited are dead. */
static void the_caller_s_own(void)
{
	void *out = NULL;

	EQ(greenlet_state(by_hand), GREENLET_SUSPENDED);
	EQ(greenlet_dead(parked), true);
	EQ(greenlet_join(parked, GREENLET_FOREVER), 0);
	EQ(greenlet_switch(by_hand, V(8), &out), 0);
	EQ(out, 8);
	use_hub();
}

static void by_hand_goes_on(void)
{
	by_hand = greenlet_new(gives_back, NULL);
	parked = greenlet_spawn(sleeps, V(1000000));
	EQ(greenlet_switch(by_hand, NULL, NULL), 0);
	EQ(greenlet_sleep(MS), 0);
	expect_child(in_child(the_caller_s_own));
	EQ(greenlet_kill(parked, NULL, NULL, GREENLET_FOREVER), 0);
	greenlet_unref(parked);
	greenlet_unref(by_hand);
}

static int called;

static void call(void *arg)
{
	(void)arg;
	called++;
}

static void callbacks_stay(void)
{
	use_hub();
	EQ(called, 0);
	EQ(greenlet_call_soon(call, NULL), 0);
	EQ(greenlet_sleep(0), 0);
	EQ(called, 1);
}

/* What was due is the parent's to do. */
static void callbacks(void)
{
	EQ(greenlet_call_soon(call, NULL), 0);
	expect_child(in_child(callbacks_stay));
	EQ(greenlet_sleep(0), 0);
	EQ(called, 1);
	called = 0;
}

static void fork_here(void *arg)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(6);
	EQ(waitpid(pid, &status, 0), pid);
	*(int *)arg = status;
}

/* In the hub: the child may exec or exit. */
static void in_callback(void)
{
	int status = -1;

	EQ(greenlet_call_soon(fork_here, &status), 0);
	EQ(greenlet_sleep(MS), 0);
	EQ(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 6);
}

static int ends[2];

static int reads(void *value, void **result)
{
	char c;

	*result = value;
	return greenlet_read(ends[0], &c, 1) == 1 ? 0 : -EIO;
}

static void closes_watched(void)
{
	EQ(greenlet_close(ends[0]), 0);
	EQ(greenlet_close(ends[1]), 0);
	use_hub();
}

/* The child's loop is its own: what it closes stays watched in the parent. */
static void descriptors(void)
{
	greenlet_t g = greenlet_spawn(reads, NULL);

	EQ(pipe(ends), 0);
	EQ(greenlet_sleep(MS), 0);
	expect_child(in_child(closes_watched));
	EQ(greenlet_write(ends[1], "x", 1), 1);
	EQ(greenlet_get(g, GREENLET_FOREVER, NULL), 0);
	EQ(greenlet_close(ends[0]) | greenlet_close(ends[1]), 0);
	greenlet_unref(g);
}

static void *identity(void *arg)
{
	return arg;
}

static void offload_in_child(void)
{
	void *out = NULL;

	EQ(greenlet_offload(identity, V(4), &out), 0);
	EQ(out, 4);
}

static void *other_thread(void *arg)
{
	pthread_barrier_t *both = arg;
	long unused = 0;
	greenlet_t g = greenlet_spawn(ticks, &unused);

	EQ(greenlet_sleep(MS), 0);
	by_hand = greenlet_ref(g);
	pthread_barrier_wait(both);
	pthread_barrier_wait(both);
	EQ(greenlet_kill(g, NULL, NULL, GREENLET_FOREVER), 0);
	greenlet_unref(g);
	return NULL;
}

static void others_are_gone(void)
{
	EQ(greenlet_dead(by_hand), true);
	EQ(greenlet_switch(by_hand, NULL, NULL), -EOWNERDEAD);
	greenlet_unref(by_hand);
	use_hub();
	if (!emulated()) /* qemu-user cannot make a thread after it */
		offload_in_child();
}

static void other_os_threads(void)
{
	pthread_barrier_t both;
	pthread_t thread;
	void *out = NULL;

	EQ(greenlet_offload(identity, V(3), &out), 0); /* the pool has a thread, the child's not */
	pthread_barrier_init(&both, NULL, 2);
	EQ(pthread_create(&thread, NULL, other_thread, &both), 0);
	pthread_barrier_wait(&both);
	expect_child(in_child(others_are_gone));
	greenlet_unref(by_hand);
	pthread_barrier_wait(&both);
	EQ(pthread_join(thread, NULL), 0);
	pthread_barrier_destroy(&both);
}

TESTS({0, "from_main", from_main}, {0, "from_a_greenlet", from_a_greenlet}, {0, "by_hand_goes_on", by_hand_goes_on},
      {0, "callbacks", callbacks}, {0, "in_callback", in_callback}, {0, "descriptors", descriptors},
      {0, "other_os_threads", other_os_threads})
