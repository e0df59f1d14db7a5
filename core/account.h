/* account.h - whose the OS thread's CPU time was. At first only ticks of a CPU clock tell, which cost nothing: each is put
 * down to the fiber that it finds. From the first question on, each switch does: short slices are taken for as long as they
 * took, after longer ones the kernel is asked. Times are nanoseconds; the hub's own fiber has an account too. */
#ifndef CORE_ACCOUNT_H
#define CORE_ACCOUNT_H

#include "hub.h"

/* The OS thread's CPU time so far is f's, the running one's. exact: from now on. */
void account_open(struct hub *hub, struct fiber *f, bool exact);
/* Async-signal-safe. A tick has found the fiber f on it, or the hub. */
void account_tick(struct cpu *cpu, struct fiber *f, uint64_t ns);
/* At a switch, while hub->exact: f ran until now. */
void account_slice(struct cpu *cpu, struct fiber *f);
/* CPU time of f; `self` is running. */
uint64_t account_of(struct hub *hub, struct fiber *self, const struct fiber *f);

#endif
