/* seccomp.h - seccomp filters that a thread makes for itself while threads are greenlets: seccomp(2). A filter is one
 * thread's, and of those which it makes from then on; the kernel knows one thread only, and its calls are the hub's too.
 * So greenlets carry their filters with them, and dispatch asks before it answers a call; calls at sites that are not
 * redirected come by Syscall User Dispatch (userdispatch.h).
 *
 * The kernel gets a filter, preceded by some instructions that let the shim's own calls pass, when all that there is has
 * it: at once, if that is so, and nobody's end is asked for but the process's; else in a child and before exec. */
#ifndef SHIM_SECCOMP_H
#define SHIM_SECCOMP_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <ucontext.h>

#include "call.h"

struct thread;

/* Never changed once a thread has it, and never freed: a child may inherit it. */
struct seccomp_filter {
	struct seccomp_filter *before; /* the same thread's, asked as well */
	unsigned long flags;	       /* for the kernel */
	bool is_real;		       /* the OS thread has it */
	struct sock_filter *nowhere;   /* the program's, where there are none: for the kernel to say what is wrong */
	unsigned short length;
	struct sock_filter code[]; /* SECCOMP_OWN of ours, then the program's */
};

#define SECCOMP_OWN 8

struct seccomp_thread {
	struct seccomp_filter *last;
	bool strict; /* SECCOMP_MODE_STRICT */
	bool no_new_privs;
};

#define seccomp_judges(s) ((s)->last || (s)->strict)

/* prctl's PR_SET_SECCOMP, PR_GET_SECCOMP, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS. */
long seccomp_prctl(struct call *c);
/* The handler of whatever call a thread makes that has a filter. SWITCHES, as the call's own. */
long seccomp_call(struct call *c);
/* What the filters say: of all answers the strictest, and the filter whose it is. seccomp_run.c */
uint32_t seccomp_verdict(const struct seccomp_filter **last, const struct seccomp_data *data);

/* A call by int $0x80, dispatched: false where the filters do not let it pass; then it has its answer, or the process ends,
 * whatever else they ask for. */
bool seccomp_lets_compat(const struct thread *t, greg_t *registers);

/* At activation, perhaps in a child that has some of its parent's. */
void seccomp_adopt(struct thread *t);
bool seccomp_is_inherited(void);
void seccomp_thread_new(const struct thread *parent, struct thread *child);
/* What the running greenlet has becomes the OS thread's. */
void seccomp_before_exec(const struct call *c);
void seccomp_forked(void);

#endif
