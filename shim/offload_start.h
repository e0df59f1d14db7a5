/* offload_start.h - OS threads of the shim's own, which no pthread function knows. */
#ifndef SHIM_OFFLOAD_START_H
#define SHIM_OFFLOAD_START_H

#include <stdint.h>

/* run(arg) on the stack that ends at stack_top, all signals blocked. *tid is the OS thread's until it has ended. It ends by
 * offload_leave. Its tid, or -errno. */
long offload_start(void (*run)(void *arg), void *arg, void *stack_top, uintptr_t tp, int *tid);

#endif
