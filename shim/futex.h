/* futex.h - futex(2) among greenlets: a parking lot keyed by address. Private futexes never reach the kernel;
 * process-shared ones do (a helper OS thread waits). */
#ifndef SHIM_FUTEX_H
#define SHIM_FUTEX_H

#include <stdint.h>

void futex_init(void);
/* Makes up to n waiters at addr ready; how many. Never switches. */
long futex_wake(uint32_t *addr, long n, uint32_t bitset);
/* A thread died: hands on the robust mutexes it held (get_robust_list(2)). */
void futex_exit_robust_list(void *list, int tid);
/* The priority-inheritance operations (futex_pi.c); cmd is FUTEX_LOCK_PI etc. */
long futex_pi(int cmd, uint32_t *addr, uint64_t deadline_ns);
/* The owner of a PI word died: its first waiter owns it now, and sees FUTEX_OWNER_DIED. */
void futex_pi_bequeath(uint32_t *addr);

#endif
