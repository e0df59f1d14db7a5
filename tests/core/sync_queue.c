/* Queues of every kind, groups, pools. */
#include "core_test.h"

static void join_all(greenlet_t *g, size_t n)
{
	EQ(greenlet_joinall(g, n, GREENLET_FOREVER), n);
	for (size_t i = 0; i < n; i++)
		greenlet_unref(g[i]);
}

static long get(struct greenlet_queue *q)
{
	void *item = NULL;

	EQ(greenlet_queue_get(q, 0, &item), 0);
	return N(item);
}

static void put(struct greenlet_queue *q, long item)
{
	EQ(greenlet_queue_put(q, V(item), 0), 0);
}

static void fifo(void)
{
	struct greenlet_queue q = {0};
	void *item = V(77);
	long next = 0;

	EQ(greenlet_queue_get(&q, 0, &item), -EAGAIN);
	EQ(greenlet_queue_get(&q, MS, &item), -ETIMEDOUT);
	EQ(item, 77);
	for (long i = 0; i < 1000; i++) { /* its ring grows while it turns */
		put(&q, i);
		if (i % 3 == 0)
			EQ(get(&q), next++);
	}
	while (next < 1000)
		EQ(get(&q), next++);
	EQ(q.count, 0);
	greenlet_queue_destroy(&q);
}

static void lifo(void)
{
	struct greenlet_queue q = {.kind = GREENLET_LIFO};

	for (long i = 0; i < 100; i++)
		put(&q, i);
	EQ(get(&q), 99);
	put(&q, 200);
	EQ(get(&q), 200);
	for (long i = 98; i >= 0; i--)
		EQ(get(&q), i);
	greenlet_queue_destroy(&q);
}

static int by_tens(const void *a, const void *b)
{
	long x = N(a) / 10, y = N(b) / 10;

	return (x > y) - (x < y);
}

static void priority(void)
{
	struct greenlet_queue q = {.kind = GREENLET_PRIORITY, .compare = by_tens};
	unsigned seed = 1;
	long last = -1, items[] = {52, 31, 55, 10, 35, 57, 32};

	for (size_t i = 0; i < COUNT(items); i++)
		put(&q, items[i]);
	EQ(get(&q), 10);
	EQ(get(&q), 31); /* equals in the order of their coming */
	EQ(get(&q), 35);
	EQ(get(&q), 32);
	EQ(get(&q), 52);
	put(&q, 1);
	EQ(get(&q), 1);
	EQ(get(&q), 55);
	EQ(get(&q), 57);
	for (int i = 0; i < 2000; i++)
		put(&q, rand_r(&seed) % 10000);
	for (int i = 0; i < 2000; i++) {
		long item = get(&q);

		EQ(item / 10 >= last / 10, true);
		last = item;
	}
	greenlet_queue_destroy(&q);
}

static struct greenlet_queue shared;

static int producer(void *value, void **result)
{
	(void)result;
	for (long i = 0; i < 3; i++) {
		int err = greenlet_queue_put(&shared, V(10 * N(value) + i), GREENLET_FOREVER);

		if (err)
			return err;
		tell("+%ld ", 10 * N(value) + i);
	}
	return 0;
}

static int consumer(void *value, void **result)
{
	for (long i = 0; i < 3; i++) {
		int err = greenlet_queue_get(&shared, GREENLET_FOREVER, result);

		if (err) {
			tell("!%ld ", N(value));
			return err;
		}
		tell("-%ld ", N(*result));
	}
	return 0;
}

static void bounded(void)
{
	greenlet_t g[2];

	shared = (struct greenlet_queue){.limit = 2};
	put(&shared, 7);
	put(&shared, 8);
	EQ(greenlet_queue_put(&shared, V(9), 0), -EAGAIN);
	EQ(greenlet_queue_put(&shared, V(9), MS), -ETIMEDOUT);
	EQ(shared.count, 2);
	g[0] = greenlet_spawn(producer, V(1));
	EQ(greenlet_sleep(0), 0);
	TOLD("");
	g[1] = greenlet_spawn(consumer, V(2));
	EQ(greenlet_join(g[1], GREENLET_FOREVER), 0);
	EQ(greenlet_join(g[0], GREENLET_FOREVER), 0);
	TOLD("-7 -8 -10 +10 +11 +12 ");
	EQ(get(&shared), 11);
	EQ(get(&shared), 12);
	join_all(g, 2);
	greenlet_queue_destroy(&shared);
}

/* A channel's put waits for its get. */
static void channel(void)
{
	greenlet_t g[2];
	void *item = NULL;

	shared = (struct greenlet_queue){.kind = GREENLET_CHANNEL};
	EQ(greenlet_queue_put(&shared, V(1), 0), -EAGAIN);
	EQ(greenlet_queue_put(&shared, V(1), MS), -ETIMEDOUT);
	g[0] = greenlet_spawn(producer, V(1));
	EQ(greenlet_sleep(0), 0);
	TOLD("");
	EQ(greenlet_queue_get(&shared, 0, &item), 0);
	EQ(item, 10);
	EQ(greenlet_sleep(0), 0);
	TOLD("+10 ");
	g[1] = greenlet_spawn(consumer, V(2));
	EQ(greenlet_join(g[0], GREENLET_FOREVER), 0);
	put(&shared, 5); /* somebody waits for it */
	join_all(g, 2);
	HAS(story, "-11 ");
	HAS(story, "-12 ");
	HAS(story, "-5 ");
	story[0] = '\0';
	greenlet_queue_destroy(&shared);
}

static void getters_in_order(void)
{
	greenlet_t g[3];

	shared = (struct greenlet_queue){0};
	for (long i = 0; i < 3; i++)
		g[i] = greenlet_spawn(consumer, V(i));
	EQ(greenlet_sleep(0), 0);
	for (long i = 1; i < 10; i++)
		put(&shared, i);
	join_all(g, 3);
	TOLD("-1 -4 -5 -2 -6 -7 -3 -8 -9 "); /* what was handed over, then what lay there */
	greenlet_queue_destroy(&shared);
}

/* Killed after it was handed an item, before it ran: the item is the next one's, first in the queue, never lost. */
static void item_of_killed(enum greenlet_queue_kind kind, size_t limit)
{
	greenlet_t g;

	shared = (struct greenlet_queue){.kind = kind, .limit = limit, .compare = by_tens};
	g = greenlet_spawn(consumer, V(1));
	EQ(greenlet_sleep(0), 0);
	put(&shared, 10);
	if (kind == GREENLET_FIFO)
		put(&shared, 20);
	EQ(greenlet_kill(g, NULL, NULL, GREENLET_FOREVER), 0);
	TOLD("!1 ");
	EQ(get(&shared), 10);
	if (kind == GREENLET_FIFO)
		EQ(get(&shared), 20);
	EQ(greenlet_queue_get(&shared, 0, NULL), -EAGAIN);
	EQ(greenlet_queue_done(&shared), 0);
	EQ(greenlet_queue_join(&shared, 0), kind == GREENLET_FIFO ? -ETIMEDOUT : 0);
	greenlet_unref(g);
	greenlet_queue_destroy(&shared);
}

static void items_of_killed(void)
{
	item_of_killed(GREENLET_FIFO, 0);
	item_of_killed(GREENLET_FIFO, 1);
	item_of_killed(GREENLET_LIFO, 0);
	item_of_killed(GREENLET_PRIORITY, 1);
	item_of_killed(GREENLET_CHANNEL, 0);
}

/* Taking back what came back lets nobody put into a channel, nor into a queue that is full still. */
static void no_room_is_made(void)
{
	for (int limit = 0; limit < 2; limit++) {
		greenlet_t g = greenlet_spawn(consumer, V(1)), p;

		shared = (struct greenlet_queue){.kind = limit ? GREENLET_FIFO : GREENLET_CHANNEL,
						 .limit = (size_t)limit};
		EQ(greenlet_sleep(0), 0);
		put(&shared, 50);
		EQ(greenlet_kill(g, NULL, NULL, 0), 0);
		if (limit)
			put(&shared, 60);
		p = greenlet_spawn(producer, V(1));
		EQ(greenlet_sleep(0), 0);
		TOLD("!1 ");
		EQ(get(&shared), 50);
		EQ(greenlet_sleep(0), 0);
		TOLD("");
		EQ(shared.count, limit);
		EQ(greenlet_kill(p, NULL, NULL, GREENLET_FOREVER), 0);
		greenlet_unref(g);
		greenlet_unref(p);
		greenlet_queue_destroy(&shared);
	}
}

/* Several at once: in the order in which they were put. */
static void all_getters_killed(void)
{
	greenlet_t g[3];

	shared = (struct greenlet_queue){0};
	for (long i = 0; i < 3; i++)
		g[i] = greenlet_spawn(consumer, V(i));
	EQ(greenlet_sleep(0), 0);
	for (long i = 0; i < 5; i++)
		put(&shared, i);
	EQ(greenlet_killall(g, 3, GREENLET_FOREVER), 0);
	TOLD("!0 !1 !2 ");
	for (long i = 0; i < 5; i++)
		EQ(get(&shared), i);
	join_all(g, 3);
	greenlet_queue_destroy(&shared);
}

static void item_goes_to_next_getter(void)
{
	greenlet_t g[2];

	shared = (struct greenlet_queue){.kind = GREENLET_CHANNEL};
	g[0] = greenlet_spawn(consumer, V(1));
	g[1] = greenlet_spawn(consumer, V(2));
	EQ(greenlet_sleep(0), 0);
	put(&shared, 10);
	EQ(greenlet_kill(g[0], NULL, NULL, GREENLET_FOREVER), 0);
	EQ(greenlet_sleep(0), 0);
	TOLD("!1 -10 ");
	EQ(greenlet_kill(g[1], NULL, NULL, GREENLET_FOREVER), 0);
	TOLD("!2 ");
	join_all(g, 2);
	greenlet_queue_destroy(&shared);
}

static int worker(void *value, void **result)
{
	(void)value;
	for (;;) {
		int err = greenlet_queue_get(&shared, GREENLET_FOREVER, result);

		if (err)
			return err;
		EQ(greenlet_sleep(100000), 0);
		tell("%ld ", N(*result));
		EQ(greenlet_queue_done(&shared), 0);
	}
}

static void joinable(void)
{
	greenlet_t g = greenlet_spawn(worker, NULL);

	shared = (struct greenlet_queue){0};
	EQ(greenlet_queue_join(&shared, GREENLET_FOREVER), 0);
	EQ(greenlet_queue_done(&shared), -EINVAL);
	for (long i = 0; i < 5; i++)
		put(&shared, i);
	EQ(greenlet_queue_join(&shared, 0), -ETIMEDOUT);
	EQ(greenlet_queue_join(&shared, GREENLET_FOREVER), 0);
	TOLD("0 1 2 3 4 ");
	EQ(greenlet_kill(g, NULL, NULL, GREENLET_FOREVER), 0);
	EQ(greenlet_queue_done(&shared), -EINVAL);
	greenlet_unref(g);
	greenlet_queue_destroy(&shared);
}

static int running, most;

static int member(void *value, void **result)
{
	int err;

	(void)result;
	if (++running > most)
		most = running;
	err = greenlet_sleep((uint64_t)N(value));
	running--;
	return err;
}

static void groups(void)
{
	struct greenlet_group group = {0};
	greenlet_t own = greenlet_spawn(member, V(MS));

	EQ(greenlet_group_join(&group, GREENLET_FOREVER), 0); /* empty */
	for (long i = 0; i < 20; i++)
		EQ(greenlet_group_spawn(&group, member, V(i % 5 * 200000)), 0);
	EQ(greenlet_group_add(&group, own), 0);
	EQ(greenlet_group_add(&group, NULL), -EINVAL);
	EQ(group.count, 21);
	EQ(greenlet_group_join(&group, 0), -ETIMEDOUT);
	EQ(greenlet_group_join(&group, GREENLET_FOREVER), 0);
	EQ(group.count, 0);
	EQ(most, 21);
	EQ(greenlet_dead(own), true);
	EQ(greenlet_group_add(&group, own), 0); /* dead already: it leaves soon */
	EQ(greenlet_group_join(&group, GREENLET_FOREVER), 0);
	for (long i = 0; i < 5; i++)
		EQ(greenlet_group_spawn(&group, member, V(1000000 * MS)), 0);
	EQ(greenlet_sleep(0), 0);
	EQ(greenlet_group_spawn(&group, member, V(1)), 0); /* not started yet */
	EQ(greenlet_group_kill(&group, GREENLET_FOREVER), 0);
	EQ(group.count, 0);
	EQ(running, 0);
	greenlet_group_destroy(&group);
	greenlet_unref(own);
}

static int adds_to_pool(void *value, void **result)
{
	*result = NULL;
	return greenlet_group_spawn(value, member, V(1));
}

static void pools(void)
{
	struct greenlet_group pool = {.limit = 3};
	greenlet_t waiting;

	most = 0;
	for (long i = 0; i < 20; i++)
		EQ(greenlet_group_spawn(&pool, member, V(200000)), 0); /* waits for room */
	EQ(greenlet_group_join(&pool, GREENLET_FOREVER), 0);
	EQ(most, 3);
	for (long i = 0; i < 3; i++)
		EQ(greenlet_group_spawn(&pool, member, V(1000000 * MS)), 0);
	waiting = greenlet_spawn(adds_to_pool, &pool);
	EQ(greenlet_sleep(MS), 0);
	EQ(pool.count, 3);
	EQ(greenlet_kill(waiting, NULL, NULL, GREENLET_FOREVER), 0); /* gives up its place in the queue */
	EQ(greenlet_group_kill(&pool, GREENLET_FOREVER), 0);
	EQ(pool.room.value, 3);
	greenlet_unref(waiting);
	greenlet_group_destroy(&pool);
}

TESTS({0, "fifo", fifo}, {0, "lifo", lifo}, {0, "priority", priority}, {0, "bounded", bounded}, {0, "channel", channel},
      {0, "getters_in_order", getters_in_order}, {0, "items_of_killed", items_of_killed},
      {0, "no_room_is_made", no_room_is_made}, {0, "all_getters_killed", all_getters_killed},
      {0, "item_goes_to_next_getter", item_goes_to_next_getter}, {0, "joinable", joinable}, {0, "groups", groups},
      {0, "pools", pools})
