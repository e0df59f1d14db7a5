/* thread.h - a pthread as a greenlet: what the kernel gives each thread, kept here. The stack and the thread-local
 * storage are glibc's. Owner: thread.c, from clone to the hub's cleanup after exit. */
#ifndef SHIM_THREAD_H
#define SHIM_THREAD_H

#include <stdint.h>
#include <sys/types.h>

#include "../core/hub.h"
#include "call.h"
#include "sched.h"
#include "seccomp.h"
#include "signal.h"

/* Above every pid_max (2^22), within FUTEX_TID_MASK. The main thread keeps its real one. */
#define TID_FIRST 0x400001
#define TID_LAST 0x3ffffffe

/* There may be a million: no holes in it. */
struct thread {
	struct fiber fiber; /* first: fiber_self is the running thread */
	struct call *call;  /* being answered now; NULL while the program's own code runs */
	struct list all;    /* threads.all, in order of creation */
	struct thread *hash_next;
	int tid;
	int name_fd;	     /* where another thread writes its name; 0: nobody did */
	uint8_t busy;	     /* calls in a row that did not park: fairness */
	uint8_t woken;	     /* others that it woke since it last let them run for that */
	bool overflowed;     /* and it was said */
	bool makes_thread;   /* what it maps as a stack is a new thread's */
	bool stoppable;	     /* a stop of the process ends its wait with EINTR: signal(7) */
	uint32_t *clear_tid; /* CLONE_CHILD_CLEARTID, set_tid_address(2) */
	void *robust_list;   /* set_robust_list(2) */
	char name[16];	     /* PR_SET_NAME */
	uint64_t began_ns;   /* when it began to run; 0: with the process */
	uintptr_t stack_low; /* 0: clone does not tell; its guard is part of it */
	uintptr_t stack_top; /* 0: the main thread's, which grows */
	struct sched_thread sched;
	struct signal_thread signals;
	struct seccomp_thread seccomp;
};

struct threads {
	struct list all;
	struct hub hub;
	struct thread main;
	bool active;	      /* calls are answered here */
	bool never_resets;    /* the OS thread has not SCHED_RESET_ON_FORK, as far as is known */
	unsigned memory_lent; /* processes that share it were made: who calls must be looked at */
	unsigned alive;
};

extern struct threads threads __attribute__((visibility("hidden")));

static inline struct thread *thread_self(void)
{
	return (struct thread *)fiber_self;
}

#define thread_of(f) ((struct thread *)(f))

/* Adopts the calling OS thread as the main greenlet and makes the hub. 0 or -errno. */
int threads_open(void);
/* In the child of fork, with what was the calling thread: back to native until a thread is made. */
void threads_forked(void);
/* The process is about to end: what robust mutexes its threads hold, in memory that others share, is their heirs'. */
void threads_bequeath(void);
/* A living thread by its number, or NULL. */
struct thread *thread_find(int tid);
/* The same of those whose numbers the kernel does not know: all but the main one. */
struct thread *thread_find_other(int tid);
/* For thread.c alone. A record is zeroed but for fiber.room; NULL: no memory. */
struct thread *thread_alloc(void);
void thread_free(struct thread *t);
void thread_records_forked(void);
void thread_table_add(struct thread *t);
void thread_table_remove(struct thread *t);
void thread_table_forked(void);

/* What clone and clone3 are asked for. */
struct thread_start {
	unsigned long flags;
	uintptr_t stack_low, stack_top, tls;
	int *parent_tid, *child_tid;
};

/* CLONE_THREAD: a new greenlet that returns 0 from the same call on the new stack. Its tid, or -errno. */
long thread_clone(struct call *c, const struct thread_start *start);

/* SWITCHES, sometimes. For calls that succeed without blocking: after some in a row the others get their turn. */
#define BUSY_LIMIT 32
static inline void thread_did_not_block(void)
{
	struct thread *t = thread_self();

	if (++t->busy >= BUSY_LIMIT) {
		t->busy = 0;
		hub_yield();
	}
}

/* SWITCHES, sometimes. A thread that takes a lock again as soon as it has released it would always wait, or end its turn,
 * with the lock held: those whom it wakes must at times find it free. */
#define WOKEN_LIMIT 32
static inline void thread_did_wake(void)
{
	struct thread *t = thread_self();

	if (++t->woken >= WOKEN_LIMIT) {
		t->woken = 0;
		hub_yield();
	}
}

/* SWITCHES. hub_park for handlers: counts the park for the statistics under the running call. */
long thread_park(const char *why, uint64_t deadline_ns);
/* SWITCHES. fdwait for handlers: > 0 the events, -ETIMEDOUT, -EINTR (a signal is due), -EBADF, -ENOMEM. */
long thread_wait_fd(int fd, short events, const char *why, uint64_t deadline_ns);

#endif
