/* fiber.h - a stack that can be switched to and parked on a hub. The smallest thing that runs: it knows neither
 * parents nor values (struct greenlet does) nor system calls (the shim's struct thread does); both embed it.
 *
 * A fiber belongs to one hub, hence to one OS thread, or to those that share it. Its embedder owns the memory and the stack, and frees them in the
 * callback that it gives to hub_finish. */
#ifndef CORE_FIBER_H
#define CORE_FIBER_H

#include <stdbool.h>
#include <stdint.h>

#include "context.h"
#include "timer.h"

struct hub;
struct cpu;

enum fiber_state {
	FIBER_NEW,     /* prepared, never run */
	FIBER_READY,   /* in the run queue */
	FIBER_RUNNING, /* on the CPU */
	FIBER_PARKED,  /* waits for hub_wake or its deadline */
	FIBER_AWAY,    /* left by a greenlet's own switch: only another one resumes it (greenlet.c) */
	FIBER_DEAD,
};

/* What a switch away from the fiber saves besides what the C calling convention asks for. */
enum fiber_vectors {
	VECTORS_NONE, /* a C function call: nothing */
	VECTORS_SSE,  /* a system call in libc: xmm0-15, in the fiber's room */
	VECTORS_ALL,  /* a system call in unknown code: xsave */
};

struct fiber {
	struct context context; /* must be first: context-*.S */
	struct hub *hub;
	struct cpu *cpu;    /* that runs it, or did last */
	struct fiber *next; /* run queue */
	struct timer timer; /* deadline of the park */
	uint8_t state;	    /* enum fiber_state */
	uint8_t vectors;    /* enum fiber_vectors */
	bool woken;	    /* a wake-up came before the wait: kept */
	bool at_home;	    /* for now only the hub's first OS thread may run it */
	bool stays_home;    /* for ever */
	uintptr_t lent_tp;  /* not 0: its own is in use elsewhere while it is parked, and the hub takes this one */
	long value;	    /* what hub_park is about to return */
	const char *why;    /* reason of the park: a static string */
	uint64_t cpu_ns;    /* used, as far as is known: account.h */
	uint64_t since_ns;  /* when it parked, as the hub knew the time then */
	struct context_vectors *room; /* for VECTORS_SSE: the embedder's */
#ifdef __SANITIZE_ADDRESS__
	const void *asan_low; /* of the stack: asan.h */
	unsigned long asan_size;
	void *asan_fake;
#endif
};

/* The running fiber of this OS thread; NULL while the hub runs and where no hub is. With the shim every greenlet has
 * thread-local storage of its own, so it is rewritten after each switch by the side that resumes. */
extern _Thread_local struct fiber *fiber_self __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* Prepares f to run entry(arg) on [stack_low, stack_low+size) with the caller's thread pointer. entry must not return:
 * it ends by hub_finish. */
void fiber_prepare(struct fiber *f, struct hub *hub, void *stack_low, unsigned long size, void (*entry)(void *),
		   void *arg);

#endif
