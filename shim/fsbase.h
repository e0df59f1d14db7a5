/* fsbase.h - thread pointers on kernels that do not offer FSGSBASE (AT_HWCAP2) though the CPU has it enabled, as in some
 * virtual machines. There the FS base could only be set by arch_prctl, a system call for every switch.
 *
 * wrfsbase works, but the kernel does not look: when another OS thread has had the CPU, it puts back what it was last
 * told. So it is told an address where nothing is mapped. Whoever then uses thread-local storage faults there; the
 * handler sets the running greenlet's thread pointer by wrfsbase, and the instruction is made again; if that does not
 * help, the kernel is told after all, until the next switch. SIGSEGV must therefore never be really blocked or ignored, and children must begin with a thread pointer that the kernel knows. */
#ifndef SHIM_FSBASE_H
#define SHIM_FSBASE_H

#include <stdbool.h>

/* By the greenlet that is about to be the main one, before the hub is made and signals are taken over. Does nothing
 * where FSGSBASE is offered, or the instruction is not there. */
void fsbase_open(void);
bool fsbase_is_trapped(void);
/* The kernel-level handler of SIGSEGV, if it is trapped: goes on to signal_entry with real faults. */
void fsbase_segv(int sig, void *info, void *context) __attribute__((visibility("hidden")));
/* While the OS thread's mask is a child's (signals_real_mask_for_child): the kernel knows the running greenlet's thread
 * pointer, and no other greenlet may run. */
void fsbase_publish(void);
void fsbase_hide(void);
/* In the child of fork, published: back to the kernel's way. */
void fsbase_forked(void);

#endif
