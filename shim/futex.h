/* futex.h - futex(2) among greenlets: a parking lot keyed by address. Private futexes never reach the kernel;
 * process-shared ones do (a helper OS thread waits). */
#ifndef SHIM_FUTEX_H
#define SHIM_FUTEX_H

#include <stdbool.h>
#include <stdint.h>

#include "../core/waitq.h"

struct fiber;

/* On the waiter's stack, or what it holds otherwise, while it is parked. */
struct futex_waiter {
	struct list node;
	uint32_t *addr;
	uint32_t bitset;
	int index;   /* among several that one fiber waits for at a time */
	long *woken; /* of those: the last one that was woken, -1 before; NULL: there is but one */
	struct fiber *fiber;
};

void futex_init(void);
void futex_enlist(struct futex_waiter *w);
void futex_delist(struct futex_waiter *w); /* not enlisted is fine */
bool futex_has_waiters(uint32_t *addr);
/* SWITCHES. Parks while the word is as expected: 0, -EAGAIN, -EINTR, -ETIMEDOUT, -EFAULT; -EINVAL without a bit. */
long futex_wait(uint32_t *addr, uint32_t expected, uint32_t bitset, uint64_t deadline_ns);
/* SWITCHES. The same for futex(2), which is restarted after a handler with SA_RESTART, unless there is a timeout. */
long futex_wait_restartable(uint32_t *addr, uint32_t expected, uint32_t bitset, uint64_t deadline_ns);
long futex_interrupted(uint64_t deadline_ns); /* instead of -EINTR */
/* Makes up to n waiters at addr ready; how many. Never switches. */
long futex_wake(uint32_t *addr, long n, uint32_t bitset);
/* SWITCHES, sometimes. The program's own: at least one. */
long futex_wake_up(uint32_t *addr, long n, uint32_t bitset);
/* Wakes n, and moves up to m of the rest to wait at `to`. Both numbers count, as FUTEX_CMP_REQUEUE says. */
long futex_requeue(uint32_t *addr, long n, uint32_t *to, long m);
/* No other process can wait or wake there, though the program says that it is shared. */
bool futex_in_own_memory(const uint32_t *addr);
/* 0: the word is as expected; -EAGAIN, -EFAULT. */
long futex_compare(const uint32_t *addr, uint32_t expected);
/* futex_robust.c. A thread dies: hands on the robust mutexes it held. */
void futex_exit_robust_list(void *list, int tid);
/* The priority-inheritance operations (futex_pi.c); cmd is FUTEX_LOCK_PI etc. */
long futex_pi(int cmd, uint32_t *addr, uint64_t deadline_ns);
/* SWITCHES. FUTEX_WAIT_REQUEUE_PI: until it has the lock, to which FUTEX_CMP_REQUEUE_PI must have moved it. */
long futex_pi_wait(uint32_t *addr, uint32_t expected, uint32_t *lock, uint64_t deadline_ns);
long futex_pi_requeue(uint32_t *addr, long m, uint32_t *lock);
/* The owner of a PI word died: its first waiter owns it now, and sees FUTEX_OWNER_DIED. */
void futex_pi_bequeath(uint32_t *addr);

#endif
