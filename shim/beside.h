/* beside.h - children that share our memory while their maker waits: vfork(2), posix_spawn(3). As natively that one thread
 * alone waits until the child executes a program or ends: the child may itself wait for what another thread does. */
#ifndef SHIM_BESIDE_H
#define SHIM_BESIDE_H

#include "call.h"

/* SWITCHES. clone(2) and its like with CLONE_VM and CLONE_VFORK, stack_top: the child's, or
 * 0 for the caller's. The kernel's result, or CALL_PASS_VFORK: nothing was done, and it can only be made with every
 * thread waiting. */
long beside(struct call *c, unsigned long flags, uintptr_t stack_top);

#endif
