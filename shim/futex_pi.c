/* Priority inheritance among greenlets: there are no priorities to inherit on one OS thread, so what remains is the
 * protocol of the word: the owner's tid, FUTEX_WAITERS, FUTEX_OWNER_DIED, and handing over to the first waiter. */
#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>

#include "futex.h"
#include "sys.h"
#include "thread.h"
#include "user.h"

#define FOREIGN_NS 200000

struct pi_waiter {
	struct list node;
	uint32_t *addr;
	uint32_t *from; /* FUTEX_WAIT_REQUEUE_PI: where it waits to be moved to addr */
	struct thread *thread;
};

static struct list waiters = {&waiters, &waiters}; /* few: one queue for all addresses */
static struct list movable = {&movable, &movable}; /* those that are not moved yet */

static struct thread *who(const struct list *node)
{
	return LIST_ENTRY(node, struct pi_waiter, node)->thread;
}

static struct pi_waiter *first_waiter(const uint32_t *addr)
{
	LIST_EACH(node, &waiters) {
		struct pi_waiter *w = LIST_ENTRY(node, struct pi_waiter, node);

		if (w->addr == addr)
			return w;
	}
	return NULL;
}

static uint32_t waiters_bit(const uint32_t *addr)
{
	return first_waiter(addr) ? FUTEX_WAITERS : 0;
}

/* Takes a free word: 0. -EAGAIN: *old says whose it is. The dead owner's mark is kept for the heir to see. */
static long take(uint32_t *addr, uint32_t tid, uint32_t *old)
{
	long ret;

	if (user_load32(old, addr))
		return -EFAULT;
	do {
		if (*old & FUTEX_TID_MASK)
			return -EAGAIN;
		ret = user_cas32(addr, old, (*old & FUTEX_OWNER_DIED) | tid | waiters_bit(addr));
	} while (ret > 0);
	return ret;
}

static long try_lock(uint32_t *addr)
{
	uint32_t tid = (uint32_t)thread_self()->tid, old;
	long ret = take(addr, tid, &old);

	return ret == -EAGAIN && (old & FUTEX_TID_MASK) == tid ? -EDEADLK : ret;
}

/* The word may be handed over after a signal or the deadline has ended a wait. */
static bool is_mine(uint32_t *addr)
{
	uint32_t now;

	return !user_load32(&now, addr) && (now & FUTEX_TID_MASK) == (uint32_t)thread_self()->tid;
}

/* SWITCHES. A thread of another process holds it, which knows nobody here to hand it to: it is looked at again and
 * again. 0: it may have changed. */
static long wait_for_foreigner(uint64_t deadline_ns)
{
	uint64_t next_ns = deadline_in(FOREIGN_NS);
	long ret = thread_park("futex (priority inheritance)", next_ns < deadline_ns ? next_ns : deadline_ns);

	return ret == -ETIMEDOUT && next_ns < deadline_ns ? 0 : ret;
}

/* SWITCHES. Takes the word, or leaves it to an owner who is one of ours: -EAGAIN. */
static long take_from_others(uint32_t *addr, uint32_t tid, uint32_t *old, uint64_t deadline_ns)
{
	long ret;

	while ((ret = take(addr, tid, old)) == -EAGAIN) {
		if (thread_find((int)(*old & FUTEX_TID_MASK)))
			return ret;
		if (futex_in_own_memory(addr))
			return -ESRCH;
		ret = wait_for_foreigner(deadline_ns);
		if (ret)
			return ret == -EINTR ? -ERESTARTNOINTR : ret;
	}
	return ret;
}

static long lock(uint32_t *addr, uint64_t deadline_ns)
{
	struct thread *self = thread_self();
	struct pi_waiter w = {.addr = addr, .thread = self};
	uint32_t old;
	long ret;

	do { /* on another OS thread the owner may leave it just now, without a call */
		ret = take_from_others(addr, (uint32_t)self->tid, &old, deadline_ns);
		if (ret != -EAGAIN)
			return ret;
		if ((old & FUTEX_TID_MASK) == (uint32_t)self->tid)
			return -EDEADLK;
		ret = user_cas32(addr, &old, old | FUTEX_WAITERS);
	} while (ret > 0);
	if (ret)
		return ret;
	sched_enlist(&waiters, &w.node, self, who);
	ret = thread_park("futex (priority inheritance)", deadline_ns);
	list_remove(&w.node);
	if (ret && is_mine(addr))
		return 0;
	return ret == -EINTR ? -ERESTARTNOINTR : ret;
}

/* Nobody here waits for the word; in another process somebody may, for the main thread, whose tid is a real one. */
static long set_free(uint32_t *addr, uint32_t old)
{
	long ret = old & FUTEX_WAITERS ? 1 : user_cas32(addr, &old, 0);

	if (ret <= 0)
		return ret;
	return thread_self() == &threads.main && !futex_in_own_memory(addr) ? sys_call(SYS_futex, addr, FUTEX_UNLOCK_PI)
									    : user_store32(addr, 0);
}

/* Hands the word to the first waiter, who wakes as its owner. */
static long unlock(uint32_t *addr)
{
	uint32_t old;
	struct pi_waiter *w = first_waiter(addr);

	if (user_load32(&old, addr))
		return -EFAULT;
	if ((old & FUTEX_TID_MASK) != (uint32_t)thread_self()->tid)
		return -EPERM;
	if (!w)
		return set_free(addr, old);
	list_remove(&w->node);
	user_store32(addr, (uint32_t)w->thread->tid | waiters_bit(addr));
	hub_wake(&w->thread->fiber, 0);
	return 0;
}

void futex_pi_bequeath(uint32_t *addr)
{
	struct pi_waiter *w = first_waiter(addr);

	if (!w)
		return;
	list_remove(&w->node);
	user_store32(addr, (uint32_t)w->thread->tid | FUTEX_OWNER_DIED | waiters_bit(addr));
	hub_wake(&w->thread->fiber, 0);
}

long futex_pi(int cmd, uint32_t *addr, uint64_t deadline_ns)
{
	switch (cmd) {
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		return lock(addr, deadline_ns);
	case FUTEX_TRYLOCK_PI:
		return try_lock(addr);
	default: /* FUTEX_UNLOCK_PI */
		return unlock(addr);
	}
}

long futex_pi_wait(uint32_t *addr, uint32_t expected, uint32_t *lock, uint64_t deadline_ns)
{
	struct pi_waiter w = {.addr = lock, .from = addr, .thread = thread_self()};
	long ret;

	ret = addr == lock ? -EINVAL : futex_compare(addr, expected);
	if (ret)
		return ret;
	sched_enlist(&movable, &w.node, w.thread, who);
	ret = thread_park("futex (priority inheritance)", deadline_ns);
	list_remove(&w.node);
	if (ret && !w.from && is_mine(lock))
		return 0;
	if (ret == -EINTR)
		return w.from ? -ERESTARTSYS : -EAGAIN;
	return ret;
}

/* The lock is the waiter's if it is free, and else it waits for that. -ESRCH: there is no such owner. */
static long move(struct pi_waiter *w, bool may_take)
{
	uint32_t old;
	long ret;

	if (user_load32(&old, w->addr))
		return -EFAULT;
	do {
		if (may_take && !take(w->addr, (uint32_t)w->thread->tid, &old)) {
			list_remove(&w->node);
			hub_wake(&w->thread->fiber, 0);
			return 0;
		}
		if (!thread_find((int)(old & FUTEX_TID_MASK)))
			return -ESRCH;
		ret = user_cas32(w->addr, &old, old | FUTEX_WAITERS);
	} while (ret > 0);
	if (ret)
		return ret;
	list_remove(&w->node);
	w->from = NULL;
	sched_enlist(&waiters, &w->node, w->thread, who);
	return 0;
}

/* kernel/futex/requeue.c: one at most gets the lock at once, and m others are moved, or all m + 1. */
long futex_pi_requeue(uint32_t *addr, long m, uint32_t *lock)
{
	long count = 0, ret;

	LIST_EACH_SAFE(node, &movable) {
		struct pi_waiter *w = LIST_ENTRY(node, struct pi_waiter, node);

		if (w->from != addr)
			continue;
		if (w->addr != lock)
			return -EINVAL;
		if (count > m)
			break;
		ret = move(w, !count);
		if (ret)
			return count ? count : ret;
		count++;
	}
	return count;
}
