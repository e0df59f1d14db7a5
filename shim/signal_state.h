/* signal_state.h - what the files of the signal family share; signal.h is for everyone else.
 *
 * signal_entry runs with every signal really blocked (the kernel-level sa_mask is full), so it is never interrupted by
 * itself. It touches queues and dispositions only where it interrupted a greenlet's own code; otherwise the hook path or
 * the hub may be in the middle of changing them, and it only writes to the inbox. */
#ifndef SHIM_SIGNAL_STATE_H
#define SHIM_SIGNAL_STATE_H

#include <signal.h>
#include <ucontext.h>

#include "options.h"
#include "signal.h"
#include "sys.h"
#include "thread.h"

#define SIGNAL_MAX 64
#define SIGNAL_ALL UINT64_MAX
/* As far as the shim really blocks anything: a fault may be due to the thread pointer (fsbase.h), a call dispatched, or
 * refused by a filter of the program's (seccomp(2)). */
#define SIGNAL_ALL_REALLY (SIGNAL_ALL & ~(SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGSYS)))
#define SIGNAL_SETSIZE sizeof(uint64_t)
/* Carries what is the shim's own (timers that aim at a greenlet, requests for a dump). Its kernel-level handler is there
 * from activation, it is never really blocked, and the program's own use of it goes by the virtual state alone. */
#define SIGNAL_CARRIER 64
#define SIGNAL_NEVER_BLOCKED (SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP))

/* glibc's own (nptl/internal-signals.h): cancellation and its timer thread. */
#define SIGNAL_CANCEL 32

/* The kernel's struct sigaction and siginfo. */
struct signal_action {
	uintptr_t handler;
	unsigned long flags;
	uintptr_t restorer;
	uint64_t mask;
};

_Static_assert(sizeof(siginfo_t) == 128, "asm/siginfo.h");

static inline void siginfo_blank(siginfo_t *info)
{
	for (unsigned i = 0; i < sizeof(*info) / sizeof(long); i++)
		((volatile long *)info)[i] = 0;
}

static inline void siginfo_copy(siginfo_t *to, const siginfo_t *from)
{
	for (unsigned i = 0; i < sizeof(*to) / sizeof(long); i++)
		((volatile long *)to)[i] = ((const long *)from)[i];
}

static inline bool set_has(uint64_t set, int sig)
{
	return set >> (sig - 1) & 1;
}

/* Which of a set comes first: faults do, then low numbers (kernel/signal.c, next_signal). */
static inline int signal_first(uint64_t set)
{
	uint64_t faults = set & (SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGTRAP) |
				 SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGSYS));

	return __builtin_ctzl(faults ? faults : set) + 1;
}

/* signal_queue.c */
void signal_queue_init(struct signal_queue *q);
/* Adds; a standard signal that is there already is dropped, as is one for which there is no memory. */
void signal_queue_add(struct signal_queue *q, const siginfo_t *info, bool directed);
/* Takes the oldest of the number in set that comes first: its number, 0 if there is none. */
int signal_queue_take(struct signal_queue *q, uint64_t set, siginfo_t *info);
/* Moves everything in set over. only_shared: but not what was directed at the thread. */
void signal_queue_move(struct signal_queue *from, struct signal_queue *to, uint64_t set, bool only_shared);
void signal_queue_drop(struct signal_queue *q, uint64_t set);
void signal_queue_forked(void);
void signal_queue_each(const struct signal_queue *q, void (*fn)(const siginfo_t *info, bool directed));
unsigned signal_queue_total(void); /* in all of them */

/* signal_mask.c. The real mask follows by itself; inside signal_entry only after signals_unblock. */
void signals_mask_open(struct thread *main_thread, uint64_t mask);
void signals_mask_set(struct thread *t, uint64_t mask);
void signals_mask_put_back(struct thread *t); /* ends a temporary one */
void signals_mask_refresh(void);	      /* who waits for what has changed */
uint64_t signals_real_mask(void);	      /* of this OS thread */
void signals_mask_renewed(ucontext_t *uc);    /* signal_entry at home: another OS thread may have changed it */
void signals_block(void);		      /* really, all */
void signals_block_but(int sig);
bool signals_block_again(void);	    /* the same where it may be so already: whether it was */
void signals_unblock(void);	    /* the real mask is the computed one again */
void signals_blocked_already(void); /* signal_entry says: the kernel did signals_block for us */
void signals_left(void);	    /* signal_entry returns: its frame restores signals_real_mask() */
void signals_mask_forked(void);

/* signal_action.c */
#if defined(__x86_64__)
extern char signal_restorer[] __attribute__((visibility("hidden")));
#define SIGNAL_RESTORER ((uintptr_t)signal_restorer)
#define SIGNAL_RESTORER_FLAG 0x04000000 /* SA_RESTORER */
#else
#define SIGNAL_RESTORER 0
#define SIGNAL_RESTORER_FLAG 0
#endif
extern struct signal_action signal_actions[SIGNAL_MAX + 1] __attribute__((visibility("hidden")));
bool signal_is_handled(int sig);
bool signal_is_ignored(int sig);
/* The shim's handler is there although the program has none, or ignores it: the carrier; faults, for bad pointers in
 * calls (EFAULT); dispatched and refused calls. */
#define SIGNAL_OURS (SIGNAL_BIT(SIGNAL_CARRIER) | SIGNAL_BIT(SIGSEGV) | SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGSYS))
/* Gives the kernel what belongs to the program's disposition. */
long signal_install(int sig);
/* What the program ignores of SIGNAL_OURS: by the kernel too, for a child and what it executes to inherit, or no more. */
void signals_ignored_really(bool really);
/* The default action of a signal that is not ignored, by the kernel: most do not return. */
void signal_default(const siginfo_t *info);
/* The instruction that was interrupted has caused it. */
bool signal_is_fault(const siginfo_t *info);
/* Nobody can handle it. */
void signal_fault_again(const siginfo_t *info, ucontext_t *uc);
int signal_os_tid(void);
int signal_pid(void);

/* signal_route.c */
extern struct signal_queue signals_process __attribute__((visibility("hidden")));
extern struct list signals_waiters __attribute__((visibility("hidden")));
/* From a signal handler: keeps it for signals_drain. False: the inbox is full now, keep everything blocked. */
bool signals_note(const siginfo_t *info);
void signals_drain(void);
/* Whom it is for: queues it, and wakes. running: the greenlet whose own code it interrupted, or NULL. */
void signals_route(const siginfo_t *info, struct thread *running);
void signals_send(struct thread *t, const siginfo_t *info, bool directed);
bool signals_offer(struct thread *t, const siginfo_t *info); /* of the process's: true if t has taken it */
/* signal_route.c: the kernel sends SIGPIPE and SIGXFSZ to the thread whose own call caused them, though siginfo does not
 * say so. */
bool signal_is_of_call(const siginfo_t *info);
/* signal_send.c: as sent by this process. */
void siginfo_describe(siginfo_t *info, int sig, int code);
/* signal_send.c: all block it, and a signalfd may read it, which sees only the kernel's queue; into that. */
bool signals_read_by_signalfd(int sig);
long signals_send_kernel(const siginfo_t *info);
void signals_update(struct thread *t); /* its mask has changed: what can be taken now, what is due */

/* signal_deliver.c */
void signal_entry(int sig, siginfo_t *info, void *context);
/* From within signal_entry, which has interrupted the program's own code: takes the hub's lock, and the frame is as the
 * program may see it. */
void signals_begin(struct thread *t, ucontext_t *uc);
/* From within signal_entry, with the hub's lock and all blocked really; SWITCHES. The handlers of what is due to t run,
 * at home; then the frame is ready for sigreturn. */
void signals_run_due(struct thread *t, ucontext_t *uc);
bool signal_is_deadly(struct thread *t, const siginfo_t *info, const ucontext_t *uc);

/* signal_away.c: signal_entry on another OS thread than home. */
void signal_entry_away(struct thread *t, siginfo_t *info, ucontext_t *uc);
/* At the end of a call: what the kernel sent to the OS thread for it is the running greenlet's. */
void signals_take_own(struct thread *t);

/* signal_timer.c: timers that aim at a greenlet. False: not one of ours, or gone. */
bool signal_timer_fired(const siginfo_t *carrier, siginfo_t *info, int *tid);
void signal_timer_taken(siginfo_t *info);	 /* out of a queue: completes its overrun count */
void signal_timer_missed(const siginfo_t *info); /* the kernel's queue has one already */
void signal_timers_forked(void);

/* signal_adopt.c: what is pending for the thread that becomes the main greenlet is its own, and nobody else's. */
void signals_adopt(struct thread *main_thread);

/* signal_wait.c */
void signals_wait_forked(void);

/* signal_stack.c. Where the greenlet has no alternate stack, the kernel is told one of the shim's (signals.stack is NULL),
 * so that an overflow of the greenlet's own can be handled at all. Nothing but signal_entry runs there, and it does not
 * switch there: what is the program's, or lets others run, goes on where the kernel would have begun without it. */
void signals_stack_open(struct thread *t);
void signals_stack_sync(struct thread *t); /* at home */
void signals_stack_entered(struct thread *t, ucontext_t *uc);
void signals_stack_returned(struct thread *t, ucontext_t *uc);
void signals_stack_withdraw(void);			    /* for a child: the program's alone */
void signals_stack_provide(void);			    /* ours again */
bool signals_stack_is_wrong(int sig, const ucontext_t *uc); /* the frame is not where the program would look for it */
uintptr_t signals_stack_for(const struct thread *t, int sig, const ucontext_t *uc); /* the top of where it would */

/* signal_overflow.c: the fault is the end of the greenlet's stack; says so, once. */
bool signal_is_overflow(struct thread *t, const siginfo_t *info, const ucontext_t *uc);

/* dump.c */
bool dump_requested(const siginfo_t *info); /* true: it was a request, remembered */
void dump_if_requested(void);		    /* on the hub's stack */

#endif
