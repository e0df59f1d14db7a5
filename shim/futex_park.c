/* The parking lot: who waits, by address. */
#include <errno.h>
#include <linux/futex.h>

#include "../core/reserve.h"
#include "futex.h"
#include "thread.h"
#include "user.h"

#define FIRST_BITS 10
/* Knuth, The Art of Computer Programming 3, 6.4: 2^64 by the golden ratio. Stacks are at even distances. */
#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

/* Waiters hang on the bucket of their address; there are no fewer buckets than waiters, if there is memory. All-zero is an
 * empty one, so that those which nobody uses are never touched. */
static struct list first[1 << FIRST_BITS], *buckets = first;
static unsigned bits = FIRST_BITS, waiting;

void futex_init(void)
{
	for (unsigned i = 0; i < 1 << FIRST_BITS; i++)
		first[i].next = NULL;
	buckets = first;
	bits = FIRST_BITS;
	waiting = 0;
}

static struct list *place(const uint32_t *addr)
{
	return &buckets[(uintptr_t)addr * GOLDEN >> (64 - bits)];
}

/* NULL: nobody can wait there. */
static struct list *bucket_if_any(const uint32_t *addr)
{
	struct list *at = place(addr);

	return at->next ? at : NULL;
}

static struct list *bucket(const uint32_t *addr)
{
	struct list *at = place(addr);

	if (!at->next)
		list_init(at);
	return at;
}

/* Whose address is the same stay in their order. Without memory for it, it only becomes slower. */
static void grow(void)
{
	struct list *old = buckets, *node, *bigger = reserve_map(sizeof(*bigger) << (bits + 1));
	size_t count = (size_t)1 << bits;

	if (!bigger)
		return;
	buckets = bigger;
	bits++;
	for (size_t i = 0; i < count; i++)
		while (old[i].next && (node = list_pop(&old[i])))
			list_push(bucket(LIST_ENTRY(node, struct futex_waiter, node)->addr), node);
	if (old != first)
		reserve_unmap(old, sizeof(*old) << (bits - 1));
}

static struct thread *who(const struct list *node)
{
	return thread_of(LIST_ENTRY(node, struct futex_waiter, node)->fiber);
}

void futex_enlist(struct futex_waiter *w)
{
	if (waiting++ >> bits)
		grow();
	sched_enlist(bucket(w->addr), &w->node, thread_of(w->fiber), who);
}

void futex_delist(struct futex_waiter *w)
{
	waiting -= list_linked(&w->node);
	list_remove(&w->node);
}

long futex_compare(const uint32_t *addr, uint32_t expected)
{
	uint32_t value;

	if (!user_has(addr) || user_load32(&value, addr))
		return -EFAULT;
	return value == expected ? 0 : -EAGAIN;
}

static inline long wait(uint32_t *addr, uint32_t expected, uint32_t bitset, uint64_t deadline_ns)
{
	struct futex_waiter w = {.addr = addr, .bitset = bitset, .fiber = fiber_self};
	long ret;

	if (!bitset)
		return -EINVAL;
	ret = futex_compare(addr, expected);
	if (ret)
		return ret;
	futex_enlist(&w);
	ret = thread_park("futex", deadline_ns);
	futex_delist(&w);
	return ret;
}

long futex_wait(uint32_t *addr, uint32_t expected, uint32_t bitset, uint64_t deadline_ns)
{
	return wait(addr, expected, bitset, deadline_ns);
}

long futex_interrupted(uint64_t deadline_ns)
{
	return deadline_ns == DEADLINE_NEVER ? -ERESTARTSYS : -ERESTARTNOHAND;
}

/* Who waits has no frame but this one of these files on its stack. */
long futex_wait_restartable(uint32_t *addr, uint32_t expected, uint32_t bitset, uint64_t deadline_ns)
{
	long ret = wait(addr, expected, bitset, deadline_ns);

	return ret == -EINTR ? futex_interrupted(deadline_ns) : ret;
}

/* False: it is already awake for another reason. */
static bool rouse(struct futex_waiter *w)
{
	bool is_first = !w->woken || *w->woken < 0;

	futex_delist(w);
	if (is_first && !hub_wake(w->fiber, 0))
		return false;
	if (w->woken && *w->woken < w->index)
		*w->woken = w->index;
	return true;
}

long futex_wake(uint32_t *addr, long n, uint32_t bitset)
{
	struct list *head = bucket_if_any(addr);
	long woken = 0;

	if (!head)
		return 0;
	LIST_EACH_SAFE(node, head) {
		struct futex_waiter *w = LIST_ENTRY(node, struct futex_waiter, node);

		if (woken >= n)
			break;
		if (w->addr == addr && w->bitset & bitset)
			woken += rouse(w);
	}
	return woken;
}

/* Up to m that wait at addr, to `moved`: how many. */
static long take(uint32_t *addr, long m, struct list *moved)
{
	struct list *head = bucket_if_any(addr);
	long count = 0;

	list_init(moved);
	if (!head)
		return 0;
	LIST_EACH_SAFE(node, head) {
		struct futex_waiter *w = LIST_ENTRY(node, struct futex_waiter, node);

		if (count >= m)
			break;
		if (w->addr != addr)
			continue;
		futex_delist(w);
		list_push(moved, &w->node);
		count++;
	}
	return count;
}

long futex_requeue(uint32_t *addr, long n, uint32_t *to, long m)
{
	struct list moved, *node;
	long woken, count;

	if (n < 0 || m < 0)
		return -EINVAL;
	woken = futex_wake(addr, n, FUTEX_BITSET_MATCH_ANY);
	count = take(addr, m, &moved);
	while ((node = list_pop(&moved))) {
		struct futex_waiter *w = LIST_ENTRY(node, struct futex_waiter, node);

		w->addr = to;
		futex_enlist(w);
	}
	return woken + count;
}

bool futex_has_waiters(uint32_t *addr)
{
	struct list *head = bucket_if_any(addr);

	if (!head)
		return false;
	LIST_EACH(node, head)
		if (LIST_ENTRY(node, struct futex_waiter, node)->addr == addr)
			return true;
	return false;
}
