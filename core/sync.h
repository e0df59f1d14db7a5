/* sync.h - the one way to wait that all of sync_*.c use. */
#ifndef CORE_SYNC_H
#define CORE_SYNC_H

#include "greenlet_hub.h"

/* One wait; lives on the waiter's stack. */
struct sync_waiter {
	struct list node;
	struct fiber *fiber;
	void *item;	/* what is handed over, in either direction */
	uint64_t order; /* of an item that is handed over by a queue */
	bool granted;	/* it was woken: true also where an exception came then, and the waiter must pass it on */
};

/* SWITCHES. Waits in the queue: 0 when woken, else as greenlet_block. */
int sync_wait(struct greenlet_waiters *queue, struct sync_waiter *w, const char *why, uint64_t deadline_ns);
/* Wakes the first who still waits; NULL: nobody does. */
struct sync_waiter *sync_wake(struct greenlet_waiters *queue);
/* How many waited; only those who wait now. */
void sync_wake_all(struct greenlet_waiters *queue);

#endif
