/* sync_queue.c - queues: FIFO, LIFO, priority, each joinable, and channels. */
#include <errno.h>
#include <stdlib.h>

#include "sync.h"

/* FIFO (and what a channel gets back) is a ring that starts at head; the others begin at 0. PRIORITY is a binary heap by
 * (compare, order); the others are sorted by order. */

static bool grow(struct greenlet_queue *q)
{
	size_t room = q->room ? 2 * q->room : 8;
	void **items = malloc(room * sizeof(*items));
	uint64_t *orders = malloc(room * sizeof(*orders));

	if (!items || !orders) {
		free(items);
		free(orders);
		return false;
	}
	for (size_t i = 0; i < q->count; i++) {
		items[i] = q->items[(q->head + i) % q->room];
		orders[i] = q->orders[(q->head + i) % q->room];
	}
	free(q->items);
	free(q->orders);
	q->items = items;
	q->orders = orders;
	q->head = 0;
	q->room = room;
	return true;
}

static bool before(const struct greenlet_queue *q, size_t a, size_t b)
{
	int c = q->compare(q->items[a], q->items[b]);

	return c < 0 || (c == 0 && q->orders[a] < q->orders[b]);
}

static void swap(struct greenlet_queue *q, size_t a, size_t b)
{
	void *item = q->items[a];
	uint64_t order = q->orders[a];

	q->items[a] = q->items[b];
	q->orders[a] = q->orders[b];
	q->items[b] = item;
	q->orders[b] = order;
}

static void sift_up(struct greenlet_queue *q, size_t i)
{
	for (; i > 0 && before(q, i, (i - 1) / 2); i = (i - 1) / 2)
		swap(q, i, (i - 1) / 2);
}

static void sift_down(struct greenlet_queue *q)
{
	size_t i = 0, child;

	while ((child = 2 * i + 1) < q->count) {
		if (child + 1 < q->count && before(q, child + 1, child))
			child++;
		if (!before(q, child, i))
			break;
		swap(q, child, i);
		i = child;
	}
}

static int store(struct greenlet_queue *q, void *item, uint64_t order)
{
	size_t at;

	if (q->count == q->room && !grow(q))
		return -ENOMEM;
	at = (q->head + q->count++) % q->room;
	q->items[at] = item;
	q->orders[at] = order;
	if (q->kind == GREENLET_PRIORITY)
		sift_up(q, at);
	return 0;
}

static void *load(struct greenlet_queue *q)
{
	void *item;

	q->count--;
	if (q->kind == GREENLET_FIFO || q->kind == GREENLET_CHANNEL) {
		item = q->items[q->head];
		q->head = (q->head + 1) % q->room;
		return item;
	}
	if (q->kind == GREENLET_PRIORITY) {
		swap(q, 0, q->count);
		sift_down(q);
	}
	return q->items[q->count];
}

static bool full(const struct greenlet_queue *q)
{
	return q->kind == GREENLET_CHANNEL || (q->limit && q->count >= q->limit);
}

static int put_now(struct greenlet_queue *q, void *item)
{
	struct sync_waiter *getter = q->count ? NULL : sync_wake(&q->getters);
	int err = 0;

	if (!getter)
		err = full(q) ? -EAGAIN : store(q, item, q->order);
	if (err)
		return err;
	if (getter) {
		getter->item = item;
		getter->order = q->order;
	}
	q->order++;
	q->unfinished++;
	q->all_done.set = false;
	return 0;
}

int greenlet_queue_put(struct greenlet_queue *q, void *item, uint64_t timeout_ns)
{
	struct sync_waiter w = {.item = item};
	int err = put_now(q, item);

	if (err != -EAGAIN || !timeout_ns)
		return err;
	err = sync_wait(&q->putters, &w, "queue put", deadline_of(timeout_ns));
	return w.granted && err != GREENLET_THROWN ? 0 : err; /* once it is taken it is put, though an exception came */
}

/* There is room: the first who waits to put does. */
static void let_put(struct greenlet_queue *q)
{
	struct sync_waiter *putter;

	if (full(q))
		return;
	putter = sync_wake(&q->putters);
	if (!putter)
		return;
	store(q, putter->item, q->order++); /* there is room: one was just taken out */
	q->unfinished++;
}

static int get_now(struct greenlet_queue *q, void **item)
{
	struct sync_waiter *putter;

	if (q->count) {
		*item = load(q);
		let_put(q);
		return 0;
	}
	putter = sync_wake(&q->putters);
	if (!putter)
		return -EAGAIN;
	*item = putter->item;
	q->unfinished++;
	q->all_done.set = false;
	return 0;
}

/* Whoever was handed the item cannot take it: it is the next one's, or goes back to its place whatever the limit. */
static void put_back(struct greenlet_queue *q, void *item, uint64_t order)
{
	struct sync_waiter *getter = q->count ? NULL : sync_wake(&q->getters);

	if (getter) {
		getter->item = item;
		getter->order = order;
		return;
	}
	if (store(q, item, order) || q->kind == GREENLET_PRIORITY)
		return;
	for (size_t i = q->count - 1; i > 0; i--) {
		size_t at = (q->head + i) % q->room, previous = (q->head + i - 1) % q->room;

		if (q->orders[previous] < q->orders[at])
			break;
		swap(q, previous, at);
	}
}

int greenlet_queue_get(struct greenlet_queue *q, uint64_t timeout_ns, void **item)
{
	struct sync_waiter w = {0};
	void *got = NULL;
	int err = get_now(q, &got);

	if (err == -EAGAIN && timeout_ns) {
		err = sync_wait(&q->getters, &w, "queue get", deadline_of(timeout_ns));
		got = w.item;
		if (err && w.granted) /* an exception came after the item */
			put_back(q, got, w.order);
	}
	if (!err && item)
		*item = got;
	return err;
}

int greenlet_queue_done(struct greenlet_queue *q)
{
	if (!q->unfinished)
		return -EINVAL;
	if (--q->unfinished == 0)
		greenlet_event_set(&q->all_done);
	return 0;
}

int greenlet_queue_join(struct greenlet_queue *q, uint64_t timeout_ns)
{
	return q->unfinished ? greenlet_event_wait(&q->all_done, timeout_ns) : 0;
}

void greenlet_queue_destroy(struct greenlet_queue *q)
{
	free(q->items);
	free(q->orders);
	q->items = NULL;
	q->orders = NULL;
	q->head = q->count = q->room = 0;
}
