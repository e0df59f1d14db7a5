/* cpus.h - the OS threads that share the hub (--hubs N; core/cpu.h). One is there from the start, and is the process's own
 * thread to the kernel: home. Signals for the process arrive there, and calls about what the kernel keeps for each OS
 * thread, or which few programs make often, are answered there: their greenlets move home first. The others run
 * programs' own code and the calls that calls.def has as ANYWHERE. They are made when there is work for one more, and
 * end before something changes that a new one inherits: credentials, filters, limits. */
#ifndef SHIM_CPUS_H
#define SHIM_CPUS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "preempt.h"
#include "thread.h"

/* What they really block: a signal is for home, unless it is about what the OS thread itself has just done. */
#define AWAY_MASK                                                                                                     \
	(UINT64_MAX &                                                                                                 \
	 ~(SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGTRAP) | \
	   SIGNAL_BIT(SIGSYS) | SIGNAL_BIT(SIGPIPE) | SIGNAL_BIT(SIGXFSZ) | SIGNAL_BIT(64)))

/* Does this code run at home? Also where no hub is. */
static inline bool cpus_at_home(void)
{
	return !threads.hub.shared || cpu_self == &threads.hub.home;
}

/* Once the hub is made and signals are taken over, by the main greenlet. */
void cpus_open(void);
/* There is one more thread to run. */
void cpus_more(void);
/* SWITCHES, the others. At home, in a call: all others end. */
void cpus_retire(void);
/* The same, for good. */
void cpus_give_up(void);
void cpus_forked(void);

/* To have the CPU's signal_entry look: something is due to the greenlet that it runs, it is wanted, or its mask changed. */
void cpus_kick(struct cpu *cpu);
bool cpus_is_kick(const siginfo_t *info);

/* Of the calling OS thread. */
struct preempt *cpus_preempt(void);
int cpus_os_tid(void);
void *cpus_signal_stack(size_t *size); /* where it handles signals, if it is not home */

#endif
