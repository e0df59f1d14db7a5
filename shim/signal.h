/* signal.h - signals, as each greenlet sees them: masks, pending sets and alternate stacks are virtual; the kernel-level
 * handler is always the shim's. signal(7), sigaction(2). */
#ifndef SHIM_SIGNAL_H
#define SHIM_SIGNAL_H

#include <stdbool.h>
#include <stdint.h>

struct thread;
struct call;

struct signal_thread {
	uint64_t mask; /* bit n-1: signal n, the kernel's sigset_t */
	uint64_t pending; /* thread-directed, blocked now */
};

#endif
