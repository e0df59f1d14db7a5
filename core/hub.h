/* hub.h - one for each OS thread: the run queue, the timers, the loop. Runs on a stack of its own.
 *
 * Park and wake is the whole blocking protocol: link a waiter (on one's own stack) where the waker will find it, park
 * with a reason, unlink, look at the value. core returns -Exxx, never prints, never sets errno.
 * Functions marked SWITCHES may run other fibers before they return. None may be called from the hub itself. */
#ifndef CORE_HUB_H
#define CORE_HUB_H

#include <stdbool.h>
#include <stdint.h>

#include "deadline.h"
#include "fiber.h"
#include "waitq.h"

struct loop;

/* account.c's. */
struct account {
	bool exact;	     /* switches tell */
	uint64_t sampled_ns; /* the OS thread's CPU time when it was last looked at */
	uint64_t given_ns;   /* since then, put down to fibers */
	uint64_t slice_ns;   /* when the running fiber's slice began */
};

struct hub {
	struct fiber fiber;	    /* the hub's own stack */
	struct fiber *head, **tail; /* run queue, FIFO */
	struct timer_heap timers;
	struct loop *loop;
	struct list arm; /* descriptors whose watchers must be started or stopped before the next poll (fdwait.c) */
	struct fd_record **fds; /* fdwait.c's table */
	struct fiber *dead;	/* fibers that finished, linked by next, not yet disposed of */
	void (*call)(void *);
	void *call_arg;
	struct fiber *caller;	/* of hub_call: resumed at once */
	uint64_t now_ns;	/* time of the last poll */
	uint64_t batch_ns;	/* start of the current batch */
	unsigned turns;		/* switches in the batch */
	unsigned ready;		/* fibers in the run queue */
	unsigned round;		/* of those that the last poll left there: how many have yet to run */
	unsigned waiters;	/* fd waiters that are linked now */
	unsigned holds;		/* wake-ups expected from elsewhere: offloaded calls, signals (hub_hold) */
	volatile int attention; /* set by a signal handler: run on_attention soon */
	volatile int handled;	/* set by any signal handler: it may have ended the loop's wait */
	bool running;
	bool interrupted;  /* the loop's wait was, by no handler */
	bool stalled;	   /* the stall hook has been called and nothing has run since */
	void *stack;	   /* of the hub */
	uintptr_t home_tp; /* the OS thread's own thread pointer */
	/* Hooks, run on the hub's stack. */
	void (*on_attention)(struct hub *hub); /* after hub_attention() */
	void (*on_continue)(
		struct hub *hub); /* the process was stopped while it waited (SIGSTOP, a debugger), and goes on */
	void (*on_stall)(struct hub *hub); /* everyone is parked and nothing known can wake any */
	/* Figures for the statistics. */
	uint64_t switches, polls;
	uint64_t seed; /* not 0: ready fibers run in an order that it decides, to find races and to see them again */
	bool measures; /* keep blocked_ns, which costs six calls a batch */
	uint64_t blocked_ns; /* without a CPU, in batches in which the OS thread slept elsewhere than in the loop */
	struct {
		uint64_t wall_ns, cpu_ns, slept;
	} measured;
	struct account account;
};

extern _Thread_local struct hub *hub_self __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* Makes the calling OS thread a hub's, and its current stack the fiber `main` (RUNNING). -ENOMEM, -EMFILE ... */
int hub_open(struct hub *hub, struct fiber *main_fiber);
/* Gives the loop and the hub's stack back. Only from the main fiber; others are forgotten. */
void hub_close(struct hub *hub);
/* In the child of fork: forgets every fiber but the calling one; the parent's epoll set is not touched. 0 or -errno. */
int hub_forked(struct hub *hub);

/* hub.c, for hub_open.c: what the hub's own fiber runs. */
void hub_main(void *arg);

/* SWITCHES. Parks the calling fiber until hub_wake (returns its value) or the deadline (returns -ETIMEDOUT).
 * A wake-up by hub_wake_kept that came before is taken at once. */
long hub_park(const char *why, uint64_t deadline_ns);
/* Makes a parked fiber ready; false if it was not parked (then nothing happened). Never switches. */
bool hub_wake(struct fiber *f, long value);
/* The same, but for a fiber that is not parked the wake-up is kept for its next park. */
void hub_wake_kept(struct fiber *f, long value);
/* Takes a parked or ready fiber out of the hub's hands (AWAY): the caller will resume it by a switch of its own. */
void hub_claim(struct fiber *f);
/* Queues a NEW fiber. */
void hub_start(struct fiber *f);
/* SWITCHES. Lets the others run; returns soon. */
void hub_yield(void);
/* SWITCHES. The same, and descriptors and timers are looked at before the caller runs again. */
void hub_yield_to_all(void);
/* SWITCHES. The same; and f, which is ready or the caller, is the next to run. */
void hub_yield_to(struct fiber *f);
/* SWITCHES. Parks for the time; 0 or what hub_wake gave. */
long hub_sleep(uint64_t ns);
/* SWITCHES, never returns. The calling fiber is over; `after(f)` runs on the hub's stack once this stack is left, and
 * may free it and wake others. */
void hub_finish(void (*after)(struct fiber *f)) __attribute__((noreturn));
/* Where it measures: what has been blocked until now is counted, and from now on. */
void hub_measure(struct hub *hub);
/* Runs fn(arg) on the hub's stack at once and returns; nothing else runs meanwhile. fn must not park. */
void hub_call(void (*fn)(void *), void *arg);
/* Async-signal-safe, any OS thread: have on_attention called soon. */
void hub_attention(struct hub *hub);
/* An offloaded call is under way / has ended: keeps the stall report quiet. */
static inline void hub_hold(struct hub *hub, int by)
{
	hub->holds += (unsigned)by;
}

#endif
