/* greenlet_callback.c - what the hub calls: links of those who died, greenlet_call_soon, calls from other OS threads. */
#include <errno.h>
#include <stdlib.h>

#include "greenlet_hub.h"

static void end_links(struct greenlet *g, bool call)
{
	struct list *node;

	while ((node = list_pop(&g->links))) {
		struct death_link *link = LIST_ENTRY(node, struct death_link, node);

		if (!link->fn) {
			hub_wake(link->joiner, 0);
			continue;
		}
		if (call)
			link->fn(g->handle, link->arg);
		free(link);
	}
}

void callback_forget_links(struct greenlet *g)
{
	end_links(g, false);
}

void callback_died(struct thread_state *t, struct greenlet *g)
{
	struct greenlet_hub *h = t->hub;

	if (g->links_due)
		return;
	g->links_due = true;
	greenlet_hold(g);
	g->next = NULL;
	*h->dead_last = g;
	h->dead_last = &g->next;
	h->hub.attention = 1;
}

static void run_dead(struct greenlet_hub *h)
{
	while (h->dead) {
		struct greenlet *g = h->dead;

		h->dead = g->next;
		if (!h->dead)
			h->dead_last = &h->dead;
		g->links_due = false;
		end_links(g, true);
		greenlet_drop(h->thread, g);
	}
}

/* Those that were there when the round began: one that queues itself again does not keep the hub. */
static void run_callbacks(struct greenlet_hub *h)
{
	struct callback *list = h->first, *next;

	h->first = NULL;
	h->last = &h->first;
	for (; list; list = next) {
		next = list->next;
		list->fn(list->arg);
		free(list);
	}
}

static struct callback *take_inbox(struct greenlet_hub *h)
{
	struct callback *newest, *oldest = NULL;

	pthread_mutex_lock(&h->lock);
	newest = h->inbox;
	h->inbox = NULL;
	pthread_mutex_unlock(&h->lock);
	while (newest) {
		struct callback *c = newest;

		newest = c->next;
		c->next = oldest;
		oldest = c;
	}
	return oldest;
}

static void run_inbox(struct greenlet_hub *h)
{
	struct callback *list, *next;

	for (list = take_inbox(h); list; list = next) {
		next = list->next; /* the call may end the one that posted it */
		list->fn(list->arg);
	}
}

void callback_run(struct hub *hub)
{
	struct greenlet_hub *h = (struct greenlet_hub *)hub;
	struct greenlet *last = h->thread->current;

	h->thread->current = h->greenlet;
	run_inbox(h);
	run_dead(h);
	run_callbacks(h);
	h->thread->current = last;
}

void callback_forget_all(struct greenlet_hub *h)
{
	struct callback *c;

	while ((c = h->first)) {
		h->first = c->next;
		free(c);
	}
	h->last = &h->first;
}

int greenlet_call_soon(void (*fn)(void *arg), void *arg)
{
	struct greenlet_hub *h = hub_of(thread_state());
	struct callback *c = h ? malloc(sizeof(*c)) : NULL;

	if (!c)
		return -ENOMEM;
	*c = (struct callback){NULL, fn, arg};
	*h->last = c;
	h->last = &c->next;
	h->hub.attention = 1;
	return 0;
}

void hub_post(struct greenlet_hub *h, struct callback *c)
{
	pthread_mutex_lock(&h->lock);
	c->next = h->inbox;
	h->inbox = c;
	hub_attention(&h->hub); /* under the lock: once the call is taken the hub may end */
	pthread_mutex_unlock(&h->lock);
}
