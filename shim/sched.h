/* sched.h - what each thread's scheduling looks like to the program. All greenlets run on one OS thread: the main
 * greenlet's scheduling is that OS thread's; what others ask for is checked as the kernel would, and remembered. */
#ifndef SHIM_SCHED_H
#define SHIM_SCHED_H

#include <stdbool.h>
#include <stdint.h>

#include "../core/waitq.h"

struct thread;

struct sched_thread {
	bool has_policy, has_nice, has_ioprio;
	int policy, priority, nice, ioprio;
	int queued_as;	      /* its real-time priority when it began to wait */
	uint64_t run;	      /* how long it has computed, more for who is nicer: sched_share.c */
	uint64_t deadline[3]; /* SCHED_DEADLINE: runtime, deadline, period */
	uint64_t deadline_flags;
	unsigned long *cpus; /* NULL: those of the OS thread */
};

#define SCHED_CPUS_BYTES 1024 /* 8,192 CPUs: the kernel's largest NR_CPUS */

/* sched_cpus.c. Those of the OS thread. */
long sched_cpus_now(unsigned long *cpus);

/* sched_child.c. In the child of fork, which t has made. */
void sched_forked(struct thread *t);
/* Until sched_back (signals_unblock) the OS thread is scheduled as t, for vfork's child or a new program to inherit, as far as it may go back. */
void sched_lend(const struct thread *t);
void sched_back(void);
/* SCHED_RESET_ON_FORK. */
void sched_reset_child(struct thread *t);
/* One with a deadline must not: EAGAIN. */
bool sched_may_fork(const struct thread *t);

/* clone: the new thread is scheduled as its creator is. 0, or -EAGAIN: it must not be made. */
long sched_thread_new(const struct thread *parent, struct thread *child);
void sched_thread_exit(struct thread *t);

/* The greenlet, other than main, that a call with pid means (0: the calling one); NULL: a matter for the kernel. */
struct thread *sched_target(long pid);

bool sched_is_main(long pid);

/* What the main thread is about to change is not inherited by those that are there already. */
void sched_main_changes(void);

/* sched_nice.c. Niceness: the OS thread's, a thread's. */
int sched_nice_real(void);
int sched_nice_of(const struct thread *t);
/* sched(7), setrlimit(2): who is nicer may become as little nice as that; has CAP_SYS_NICE. */
bool sched_may_nice(int nice);
bool sched_may_all(void);
long sched_nice_set(struct thread *t, int nice);

/* sched_share.c. A turn of t's, which computes, is over: who has the next, perhaps t again; NULL: whose turn it is. In
 * program code alone, by a signal. */
struct thread *sched_next(struct thread *t);
/* Threads have been given niceness of their own. */
extern bool sched_shares_differ __attribute__((visibility("hidden")));

/* Puts the node of thread t into a queue for locks: as in the kernel, higher real-time priorities come first, and then
 * who came first. who: the thread of a node. */
void sched_enlist(struct list *queue, struct list *node, struct thread *t,
		  struct thread *(*who)(const struct list *node));

/* name.c. openat(2) has failed with -ENOENT: if path is the comm file of a greenlet, a descriptor through which its name
 * can be read and written; -ENOENT if not. */
long name_open(const char *path, int flags);
/* The name that was written there last, if any, is t's now. */
void name_sync(struct thread *t);
void name_thread_exit(struct thread *t);

#endif
