/* process.h - fork, vfork, exec. */
#ifndef SHIM_PROCESS_H
#define SHIM_PROCESS_H

#include "call.h"

/* clone(2) and clone3(2) without CLONE_THREAD. A child with its own memory is back to native until it makes a thread;
 * one that shares ours (vfork, posix_spawn) runs natively while the calling thread waits. */
long process_clone(struct call *c, unsigned long flags, uintptr_t stack_top);
/* The OS thread is as the calling greenlet, until signals_real_mask_back or what a signal's handler does first. */
void process_lend(void);

#endif
