/* Priority inheritance among greenlets: there are no priorities to inherit on one OS thread, so what remains is the
 * protocol of the word: the owner's tid, FUTEX_WAITERS, FUTEX_OWNER_DIED, and handing over to the first waiter. */
#include <errno.h>
#include <linux/futex.h>

#include "futex.h"
#include "thread.h"

struct pi_waiter {
	struct list node;
	uint32_t *addr;
	uint32_t *from; /* FUTEX_WAIT_REQUEUE_PI: where it waits to be moved to addr */
	struct thread *thread;
};

static struct list waiters = {&waiters, &waiters}; /* few: FIFO for all addresses */
static struct list movable = {&movable, &movable}; /* those that are not moved yet */

static struct pi_waiter *first_waiter(const uint32_t *addr)
{
	LIST_EACH(node, &waiters) {
		struct pi_waiter *w = LIST_ENTRY(node, struct pi_waiter, node);

		if (w->addr == addr)
			return w;
	}
	return NULL;
}

/* Takes a free word. True when taken: the dead owner's mark is kept for the heir to see. */
static bool take(uint32_t *addr, uint32_t tid)
{
	uint32_t old = __atomic_load_n(addr, __ATOMIC_SEQ_CST);

	if (old & FUTEX_TID_MASK)
		return false;
	__atomic_store_n(addr, (old & FUTEX_OWNER_DIED) | tid | (first_waiter(addr) ? FUTEX_WAITERS : 0),
			 __ATOMIC_SEQ_CST);
	return true;
}

static long lock(uint32_t *addr, uint64_t deadline_ns)
{
	struct thread *self = thread_self();
	struct pi_waiter w = {.addr = addr, .thread = self};
	uint32_t owner;
	long ret;

	if (take(addr, (uint32_t)self->tid))
		return 0;
	owner = __atomic_load_n(addr, __ATOMIC_SEQ_CST) & FUTEX_TID_MASK;
	if (owner == (uint32_t)self->tid)
		return -EDEADLK;
	if (!thread_find((int)owner))
		return -ESRCH;
	__atomic_or_fetch(addr, FUTEX_WAITERS, __ATOMIC_SEQ_CST);
	list_push(&waiters, &w.node);
	ret = thread_park("futex (priority inheritance)", deadline_ns);
	list_remove(&w.node);
	return ret == -EINTR ? -ERESTARTSYS : ret;
}

/* Hands the word to the first waiter, who wakes as its owner. */
static long unlock(uint32_t *addr)
{
	uint32_t old = __atomic_load_n(addr, __ATOMIC_SEQ_CST);
	struct pi_waiter *w = first_waiter(addr);

	if ((old & FUTEX_TID_MASK) != (uint32_t)thread_self()->tid)
		return -EPERM;
	if (!w) {
		__atomic_store_n(addr, 0, __ATOMIC_SEQ_CST);
		return 0;
	}
	list_remove(&w->node);
	__atomic_store_n(addr, (uint32_t)w->thread->tid | (first_waiter(addr) ? FUTEX_WAITERS : 0), __ATOMIC_SEQ_CST);
	hub_wake(&w->thread->fiber, 0);
	return 0;
}

void futex_pi_bequeath(uint32_t *addr)
{
	struct pi_waiter *w = first_waiter(addr);

	if (!w)
		return;
	list_remove(&w->node);
	__atomic_store_n(addr, (uint32_t)w->thread->tid | FUTEX_OWNER_DIED | (first_waiter(addr) ? FUTEX_WAITERS : 0),
			 __ATOMIC_SEQ_CST);
	hub_wake(&w->thread->fiber, 0);
}

long futex_pi(int cmd, uint32_t *addr, uint64_t deadline_ns)
{
	switch (cmd) {
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		return lock(addr, deadline_ns);
	case FUTEX_TRYLOCK_PI:
		return take(addr, (uint32_t)thread_self()->tid) ? 0 : -EAGAIN;
	default: /* FUTEX_UNLOCK_PI */
		return unlock(addr);
	}
}

long futex_pi_wait(uint32_t *addr, uint32_t expected, uint32_t *lock, uint64_t deadline_ns)
{
	struct pi_waiter w = {.addr = lock, .from = addr, .thread = thread_self()};
	long ret;

	if (addr == lock)
		return -EINVAL;
	if (__atomic_load_n(addr, __ATOMIC_SEQ_CST) != expected)
		return -EAGAIN;
	list_push(&movable, &w.node);
	ret = thread_park("futex (priority inheritance)", deadline_ns);
	list_remove(&w.node);
	if (ret == -EINTR)
		return w.from ? -ERESTARTSYS : -EAGAIN;
	return ret;
}

/* The lock is the waiter's if it is free, and else it waits for that. False: there is no such owner. */
static bool move(struct pi_waiter *w, bool may_take)
{
	uint32_t owner = __atomic_load_n(w->addr, __ATOMIC_SEQ_CST) & FUTEX_TID_MASK;

	if (may_take && take(w->addr, (uint32_t)w->thread->tid)) {
		list_remove(&w->node);
		hub_wake(&w->thread->fiber, 0);
		return true;
	}
	if (!thread_find((int)owner))
		return false;
	__atomic_or_fetch(w->addr, FUTEX_WAITERS, __ATOMIC_SEQ_CST);
	list_remove(&w->node);
	w->from = NULL;
	list_push(&waiters, &w->node);
	return true;
}

/* kernel/futex/requeue.c: one at most gets the lock at once, and m others are moved, or all m + 1. */
long futex_pi_requeue(uint32_t *addr, long m, uint32_t *lock)
{
	long count = 0;

	LIST_EACH_SAFE(node, &movable) {
		struct pi_waiter *w = LIST_ENTRY(node, struct pi_waiter, node);

		if (w->from != addr)
			continue;
		if (w->addr != lock)
			return -EINVAL;
		if (count > m)
			break;
		if (!move(w, !count))
			return count ? count : -ESRCH;
		count++;
	}
	return count;
}
