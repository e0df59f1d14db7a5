/* userdispatch.h - system calls from code in which no site was redirected: made at run time, or left (--syscalls all).
 * Linux's Syscall User Dispatch: a call from outside a range of addresses does not happen, but raises SIGSYS, whose
 * handler sends the program to the entry, as a redirected site would have. See the kernel's
 * Documentation/admin-guide/syscall-user-dispatch.rst; Linux 5.11.
 *
 * The range holds this object, the C library's, whose sites are all known, and what lies between. The OS threads that
 * help have none of it, nor has a child. */
#ifndef SHIM_USERDISPATCH_H
#define SHIM_USERDISPATCH_H

#include <signal.h>
#include <stdbool.h>
#include <ucontext.h>

#include "call.h"

/* Before the program's own code: what lies between cannot be taken any more. Patched objects only. */
void userdispatch_prepare(void);
/* For the calling OS thread. signal_entry must be there for SIGSYS, and from then on it is never really blocked nor
 * ignored: the kernel ends who has a call dispatched then. 0 or -errno: then sites alone are redirected. */
long userdispatch_open(void);
/* Also for the C library's calls at sites that are not redirected: all come to dispatch, whatever is answered. What that
 * lets pass is said before, so that it does not come again. Not undone, except in a child of fork, which has none of it. */
extern bool userdispatch_judging __attribute__((visibility("hidden")));
void userdispatch_judge(void);
void userdispatch_let_pass(struct call *c);
void userdispatch_forked(void);
/* The signal is such a call: the context is changed, so that it is answered after the signal's return. */
bool userdispatch_trapped(const siginfo_t *info, ucontext_t *uc);

#endif
