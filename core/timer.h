/* timer.h - a pairing heap of intrusive timers (Fredman, Sedgewick, Sleator, Tarjan 1986).
 * Owner of a struct timer: the object that embeds it. All-zero is an unarmed timer and an empty heap.
 * add O(1), cancel and pop O(log n) amortised. Nothing here allocates or switches. */
#ifndef CORE_TIMER_H
#define CORE_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct timer {
	uint64_t deadline_ns;
	struct timer *child, *sibling;
	struct timer **link; /* what points at this timer; NULL when it is not in a heap */
};

struct timer_heap {
	struct timer *root;
};

static inline bool timer_armed(const struct timer *t)
{
	return t->link;
}

void timer_add(struct timer_heap *heap, struct timer *t, uint64_t deadline_ns);
void timer_cancel(struct timer *t); /* an unarmed timer is fine */
/* The earliest timer due at now_ns, taken out of the heap, or NULL. Equal deadlines come out in no promised order. */
struct timer *timer_pop_due(struct timer_heap *heap, uint64_t now_ns);

#endif
