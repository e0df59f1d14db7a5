/* signal.h - signals, as each greenlet sees them. signal(7), sigaction(2).
 *
 * Masks, pending sets and alternate stacks are virtual: each greenlet has its own. The kernel-level handler of every
 * signal that the program handles is the shim's signal_entry. The OS thread really blocks what all greenlets block, so
 * that the kernel itself keeps such signals, applies default actions, and feeds signalfd.
 *
 * A signal that interrupts a greenlet's own code runs its handler there. One that interrupts the shim (struct thread's
 * call is set) or the hub is noted, and delivered at the end of the call of the greenlet that is chosen for it; a park
 * of that greenlet ends with -EINTR. Everything here but signal_entry runs on the hook path or on the hub. */
#ifndef SHIM_SIGNAL_H
#define SHIM_SIGNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../core/waitq.h"

struct thread;
struct call;
struct hub;
struct mask_class;

#define SIGNAL_BIT(sig) (UINT64_C(1) << ((sig)-1))

/* Signals kept until somebody takes them, first come, first served for each number. */
struct signal_queue {
	struct list list; /* struct signal_node */
	uint64_t set;	  /* the numbers in it */
};

struct signal_thread {
	uint64_t mask;		  /* bit n-1: signal n, the kernel's sigset_t */
	uint64_t saved;		  /* comes back when the running call has ended, if temporary */
	uint64_t waiting;	  /* what sigtimedwait wants */
	struct list waiter;	  /* in signals.waiters while it wants something */
	struct mask_class *class; /* of its mask */
	struct signal_queue queue;
	volatile bool due; /* something in the queue is not blocked */
	bool temporary;	   /* the mask is sigsuspend's, ppoll's ... */
	bool refused; /* a filter of the program's has trapped a call that the shim made, which then fails with ENOSYS */
	int stack_flags;
	void *stack; /* sigaltstack(2); NULL: none */
	size_t stack_size;
	uint64_t own; /* SIGPIPE or SIGXFSZ for its running call, from another OS thread than home */
};

struct signals {
	volatile unsigned noted; /* by signal_entry, in its inbox */
	volatile unsigned seen;	 /* of these: handed out */
	void *stack;		 /* the alternate stack that the kernel knows */
	bool uring;		 /* completions of io_uring interrupt the hub too */
	bool lent;		 /* the OS thread has one greenlet's mask, for a child to inherit */
};

extern struct signals signals __attribute__((visibility("hidden")));

/* Before activation: an error where the shim's own signal cannot be handled. Valgrind has it for itself. */
long signals_refused(void);
/* At activation: takes over the handlers that are installed, and the caller's mask for the main greenlet. */
void signals_open(void);
/* In the child of fork, before threads_forked: the program's own handlers and the calling greenlet's mask, natively. */
void signals_forked(void);
/* clone: the new thread has its creator's mask, and nothing pending. */
void signals_thread_new(struct thread *parent, struct thread *child);
void signals_thread_exit(struct thread *t);
/* On the hub's stack, after hub_attention(): hands out what has arrived. */
void signals_attention(struct hub *hub);

/* On the hub's stack: the process was stopped while all greenlets were parked, and goes on. */
void signals_continued(struct hub *hub);

/* Called by dispatch when a handler has returned and t->call is NULL again: is there anything to do before the program
 * goes on? A barrier on t->call must come before. */
#define signals_due(t, ret) signals_due_((&(t)->signals), (ret), cpus_at_home())
static inline bool signals_due_(const struct signal_thread *s, long ret, bool at_home)
{
	return s->due || s->temporary || (at_home && (signals.noted != signals.seen || signals.stack != s->stack)) ||
	       (ret <= -512 && ret >= -516);
}
/* Delivers what is due to t (then it does not return: the handler runs as if it had interrupted the call at its site).
 * True: nothing was, and the call must be made again. */
bool signals_finish(struct thread *t, struct call *c, long *ret);
/* Is the stack pointer on the greenlet's alternate stack? Then dispatch lays that aside for the time of the call, since
 * others may run meanwhile; it is back before the program goes on. */
static inline bool signals_on_stack(const struct signal_thread *s, uintptr_t sp)
{
	return s->stack && sp - (uintptr_t)s->stack - 1 < s->stack_size;
}
void signals_stack_lay_aside(struct thread *t);
/* The same for the time in which a child has it, and runs beside; that has to tell the kernel of it. */
stack_t signals_stack_lend(struct thread *t);
/* To be asked before the running greenlet parks: a signal for it is due, so that the park would end with -EINTR. */
#define signals_interrupt(t) (((t)->signals.due || signals.noted != signals.seen) && signals_interrupt_(t))
bool signals_interrupt_(struct thread *t);

/* For ppoll, pselect6, epoll_pwait, sigsuspend: the running greenlet's mask until the end of its running call, or of the
 * handler that interrupts it; the old one comes back by itself. */
void signals_mask_temporary(uint64_t mask);

/* Around fork, vfork and exec: the child gets the OS thread's mask, which must be the calling greenlet's meanwhile.
 * Where the handler passes the call on (CALL_PASS_VFORK), the mask comes back with the next call. */
void signals_real_mask_for_child(void);
void signals_real_mask_back(void);
/* What is pending for the running greenlet and for the process is so for the program that it executes. If that failed it
 * is taken back. */
void signals_hand_over(void);
void signals_take_back(void);

/* The program's disposition of SIGCHLD: children are reaped by themselves (SIG_IGN or SA_NOCLDWAIT). */
bool signals_children_vanish(void);

#endif
