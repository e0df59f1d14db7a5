/* greenlet_hub.h - what the files that know the hub share. */
#ifndef CORE_GREENLET_HUB_H
#define CORE_GREENLET_HUB_H

#include <pthread.h>

#include "greenlet_impl.h"
#include "hub.h"

struct callback {
	struct callback *next;
	void (*fn)(void *arg);
	void *arg;
};

#define REPORT_BYTES 4096

struct greenlet_hub {
	struct hub hub;
	struct thread_state *thread;
	struct greenlet *greenlet;
	struct callback *first, **last;	    /* greenlet_call_soon */
	struct greenlet *dead, **dead_last; /* links are due, by next, each referenced */
	pthread_mutex_t lock;		    /* protects inbox */
	struct callback *inbox;		    /* from other OS threads, newest first */
	char report[REPORT_BYTES];	    /* what GREENLET_WOULD_BLOCK says */
};

/* On a dead greenlet's list: a callback, or a greenlet that joins. */
struct death_link {
	struct list node;
	void (*fn)(greenlet_t g, void *arg); /* NULL: wake the joiner; else the link is freed */
	void *arg;
	struct fiber *joiner;
};

struct greenlet_hub *hub_of(struct thread_state *t); /* made at need; NULL: no memory or descriptors */

/* SWITCHES. Parks the current greenlet: what hub_wake gave, -ETIMEDOUT, -EINTR, GREENLET_THROWN, -EDEADLK, -ENOMEM.
 * A wait that ends with GREENLET_THROWN may have been woken too: the waiter must tell. */
int greenlet_block(const char *why, uint64_t deadline_ns);
/* Like it, but only lets the others run. */
int greenlet_let_run(void);
/* Has an exception arrive at the end of g's wait; g is suspended or ready. */
void greenlet_inject(struct greenlet *g, struct greenlet_exception e);
static inline uint64_t deadline_of(uint64_t timeout_ns)
{
	return timeout_ns == GREENLET_FOREVER ? DEADLINE_NEVER : deadline_in(timeout_ns);
}
/* greenlet_callback.c: all but hub_post on the hub's own OS thread. */
void callback_run(struct hub *hub); /* whatever is due, as the hub's greenlet */
void callback_died(struct thread_state *t, struct greenlet *g);
void callback_forget_links(struct greenlet *g); /* who joins is woken */
void callback_forget_all(struct greenlet_hub *h);
/* Hands a callback to the hub from any OS thread; c is the caller's until it is called. */
void hub_post(struct greenlet_hub *h, struct callback *c);

#endif
