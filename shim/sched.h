/* sched.h - what each thread's scheduling looks like to the program. All greenlets run on one OS thread: the main
 * greenlet's scheduling is that OS thread's; what others ask for is checked as the kernel would, and remembered. */
#ifndef SHIM_SCHED_H
#define SHIM_SCHED_H

#include <stdbool.h>

#include "../core/waitq.h"

struct thread;

struct sched_thread {
	bool has_policy, has_nice;
	int policy, priority, nice;
	int queued_as;	     /* its real-time priority when it began to wait */
	unsigned long *cpus; /* NULL: those of the OS thread */
};

/* clone: the new thread is scheduled as its creator is. */
void sched_thread_new(const struct thread *parent, struct thread *child);
void sched_thread_exit(struct thread *t);

/* The greenlet, other than main, that a call with pid means (0: the calling one); NULL: a matter for the kernel. */
struct thread *sched_target(long pid);

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
