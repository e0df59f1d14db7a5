/* hub_impl.h - what the files of the hub share: hub.c switches, hub_turn.c is what runs between two fibers, hub_open.c
 * makes one, cpu.c is about the OS threads. */
#ifndef CORE_HUB_IMPL_H
#define CORE_HUB_IMPL_H

#include "hub.h"

#define HIDDEN __attribute__((visibility("hidden")))

/* hub.c */
HIDDEN void hub_queue(struct hub *hub, struct fiber *f); /* ready, at the end */
HIDDEN struct fiber *hub_next(struct cpu *cpu);		 /* out of the queue; NULL: none for this CPU */
HIDDEN bool hub_has_work(const struct cpu *cpu);
HIDDEN bool hub_batch_over(struct cpu *cpu);			/* it is time to look at the loop */
HIDDEN void hub_resume(struct fiber *self, struct fiber *next); /* from `self` to another, on the same OS thread */

/* hub_turn.c: what a CPU's own fiber runs; comes back when cpu->leaves. */
HIDDEN void hub_main(void *cpu);

#endif
