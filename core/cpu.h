/* cpu.h - the OS threads that run a hub's fibers. One is there from the start: the hub's home. A hub that is shared has
 * more: they take from the same run queue, and everything of the hub's, and of its embedder's, is under one lock. Who
 * runs a fiber's own code does not hold it; whoever calls a function of hub.h, or runs on a hub's stack, does. It stays
 * held across a switch: the fiber that arrives releases it. So none can be resumed before its stack was left.
 * A hub is not shared, and takes no lock, until there is work for a second one (hub_share). */
#ifndef CORE_CPU_H
#define CORE_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "fiber.h"

/* account.c's. */
struct account {
	uint64_t sampled_ns; /* the OS thread's CPU time when it was last looked at */
	uint64_t given_ns;   /* since then, put down to fibers */
	uint64_t slice_ns;   /* when the running fiber's slice began */
};

enum cpu_state {
	CPU_RUNS,  /* a fiber, or the hub's own code */
	CPU_POLLS, /* waits in the loop */
	CPU_IDLE,  /* waits for another CPU to have work for it */
};

struct cpu {
	struct fiber fiber; /* what it runs between two fibers: on a stack of its own */
	struct hub *hub;
	void (*call)(void *);
	void *call_arg;
	struct fiber *caller; /* of hub_call: resumed at once */
	uint64_t switches;
	struct account account;
	volatile int attention; /* set by a signal handler of its own: run on_attention soon */
	volatile int handled;	/* set by any signal handler: it may have ended the loop's wait */
	int saved_errno;	/* of whom the thread-local storage is that its code has now */
	bool interrupted;	/* the loop's wait was, by no handler */
	volatile bool wanted;	/* fibers wait that only it may run: it shall look soon */
	bool urged;		/* and was interrupted for it */
	bool leaves;		/* is to end */
	uint8_t state;		/* enum cpu_state */
	uint32_t word;		/* its futex while CPU_IDLE: 1 once it is wanted */
	uintptr_t tp;		/* thread-local storage of its own, for the hub's code; 0: that of the fiber before */
	int tid;		/* of the OS thread; of one other than home 0 once the kernel has finished with it */
	struct cpu *next;	/* of the hub's others */
};

/* The OS thread that runs this code: rewritten by each switch, before its thread pointer is there. */
extern _Thread_local struct cpu *cpu_self __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* A mutex of one word: 0 free, 1 taken, 2 taken and waited for (Drepper, "Futexes Are Tricky", 2011). */
void cpu_lock_wait(uint32_t *lock) __attribute__((visibility("hidden")));
void cpu_lock_wake(uint32_t *lock) __attribute__((visibility("hidden")));

static inline void cpu_lock(uint32_t *lock)
{
	uint32_t is_free = 0;

	if (!__atomic_compare_exchange_n(lock, &is_free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
		cpu_lock_wait(lock);
}

static inline void cpu_unlock(uint32_t *lock)
{
	if (__atomic_exchange_n(lock, 0, __ATOMIC_RELEASE) == 2)
		cpu_lock_wake(lock);
}

/* Async-signal-safe on the CPU itself; on others with the lock. Ends its wait, or the next one at once. */
void cpu_poke(struct cpu *cpu);
/* With the lock, around a wait in the loop or for others. False: there is something to do already. */
bool cpu_begin_wait(struct cpu *cpu, enum cpu_state state);
void cpu_end_wait(struct cpu *cpu);
/* With the lock. Waits until somebody pokes it. */
void cpu_idle(struct cpu *cpu);
/* Fibers are ready. With the lock: has a CPU that waits look, if there is any. */
void cpu_call_another(struct hub *hub);
/* Runs the hub's fibers on the calling OS thread, an additional one, with the lock; returns, without it, when cpu->leaves. */
void cpu_serve(struct cpu *cpu);

#endif
