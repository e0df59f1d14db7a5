/* hub.h - the run queue, the timers, the loop; what an OS thread runs between two fibers, on a stack of its own. One for
 * each OS thread, unless it is shared (cpu.h).
 *
 * Park and wake is the whole blocking protocol: link a waiter (on one's own stack) where the waker will find it, park
 * with a reason, unlink, look at the value. core returns -Exxx, never prints, never sets errno.
 * Functions marked SWITCHES may run other fibers before they return. None may be called from the hub itself. */
#ifndef CORE_HUB_H
#define CORE_HUB_H

#include <stdbool.h>
#include <stdint.h>

#include "cpu.h"
#include "deadline.h"
#include "fiber.h"
#include "waitq.h"

struct loop;

struct hub {
	struct cpu home;		      /* the OS thread that has been there from the start */
	struct fiber *head, **tail;	      /* run queue, FIFO */
	struct fiber *home_head, **home_tail; /* of a shared hub: those that only home may run */
	struct timer_heap timers;
	struct loop *loop;
	struct list arm; /* descriptors whose watchers must be started or stopped before the next poll (fdwait.c) */
	struct fd_record **fds; /* fdwait.c's table */
	struct fiber *dead;	/* fibers that finished, linked by next, not yet disposed of */
	uint64_t now_ns;	/* time of the last poll */
	uint64_t batch_ns;	/* start of the current batch */
	unsigned turns;		/* switches in the batch */
	unsigned ready;		/* fibers in the run queue */
	unsigned round;		/* of those that the last poll left there: how many have yet to run */
	unsigned waiters;	/* fd waiters that are linked now */
	unsigned holds;		/* wake-ups expected from elsewhere: offloaded calls, signals (hub_hold) */
	volatile int attention; /* set by hub_attention: run on_attention soon */
	bool running;
	bool home_first;   /* home takes from its queue and everyone's in turn: it was its own */
	bool stalled;	   /* the stall hook has been called and nothing has run since */
	void *stack;	   /* of the hub */
	uintptr_t home_tp; /* the OS thread's own thread pointer */
	/* Several OS threads. */
	bool shared;	 /* takes the lock */
	bool wants_cpu;	 /* there is work for one more */
	bool home_polls; /* home alone enters the loop: what is ready depends on who asks */
	uint32_t lock;
	unsigned cpus, cpus_most; /* that there are, home too; that there may be, which its embedder sets */
	unsigned busy;		  /* of them: neither idle nor in the loop */
	uint64_t want_ns;	  /* when that may be said again */
	struct cpu *others;	  /* than home */
	struct cpu *poller;	  /* is in the loop, which others must not enter */
	uint64_t slice_ns;	  /* how long fibers ran between two switches of late, about */
	uint64_t waited_ns;	  /* when it last had nothing to do */
	/* Hooks, run on the hub's stack. */
	void (*on_attention)(struct hub *hub); /* after hub_attention() */
	void (*on_continue)(
		struct hub *hub); /* the process was stopped while it waited (SIGSTOP, a debugger), and goes on */
	void (*on_stall)(struct hub *hub);    /* everyone is parked and nothing known can wake any */
	void (*on_want_cpu)(struct hub *hub); /* on home: wants_cpu */
	void (*on_wanted)(struct cpu *cpu);   /* it runs a fiber's own code, maybe for long, and is wanted */
	/* Figures for the statistics. */
	uint64_t polls;
	uint64_t seed; /* not 0: ready fibers run in an order that it decides, to find races and to see them again */
	bool measures; /* keep blocked_ns, which costs six calls a batch; with one OS thread */
	bool exact;    /* account.h: switches tell */
	uint64_t blocked_ns; /* without a CPU, in batches in which the OS thread slept elsewhere than in the loop */
	struct {
		uint64_t wall_ns, cpu_ns, slept;
	} measured;
};

/* A shared hub's lock. */
static inline void hub_enter(struct hub *hub)
{
	if (hub->shared)
		cpu_lock(&hub->lock);
}

static inline void hub_leave(struct hub *hub)
{
	if (hub->shared)
		cpu_unlock(&hub->lock);
}

/* Makes the calling OS thread a hub's, and its current stack the fiber `main` (RUNNING). -ENOMEM, -EMFILE ... */
int hub_open(struct hub *hub, struct fiber *main_fiber);
/* Gives the loop and the hub's stack back. Only from the main fiber; others are forgotten. */
void hub_close(struct hub *hub);
/* In the child of fork: forgets every fiber but the calling one; the parent's epoll set is not touched. 0 or -errno. */
int hub_forked(struct hub *hub);

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
/* From now on home alone waits in the loop: what a signalfd has is what its OS thread has, signalfd(2). */
void hub_poll_at_home(struct hub *hub);
/* Who is wanted at home waits longer than a moment: has it interrupted, once. Async-signal-safe. */
void hub_urge_home(struct hub *hub);
/* From on_want_cpu, before there is another CPU: it is shared from now on. The hub's code has the thread pointer tp, at
 * which nobody else runs. */
void hub_share(struct hub *hub, uintptr_t tp);
/* SWITCHES. From now on the calling fiber runs on the hub's first OS thread, and nowhere else while f->at_home. */
void hub_go_home(void);
/* That is over, unless it stays. */
static inline void hub_may_leave_home(struct fiber *f)
{
	f->at_home = f->stays_home;
}
/* An offloaded call is under way / has ended: keeps the stall report quiet. */
static inline void hub_hold(struct hub *hub, int by)
{
	hub->holds += (unsigned)by;
}

#endif
