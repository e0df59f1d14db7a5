/* runqueue.h - who is ready to run: hub.c's alone. */
#ifndef CORE_RUNQUEUE_H
#define CORE_RUNQUEUE_H

#include "hub.h"

static inline void run_queue_push(struct hub *hub, struct fiber *f)
{
	f->state = FIBER_READY;
	f->next = NULL;
	*hub->tail = f;
	hub->tail = &f->next;
	hub->ready++;
}

/* xorshift64 (Marsaglia 2003). */
static inline uint64_t run_queue_draw(struct hub *hub)
{
	hub->seed ^= hub->seed << 13;
	hub->seed ^= hub->seed >> 7;
	hub->seed ^= hub->seed << 17;
	return hub->seed;
}

static inline void run_queue_first(struct hub *hub, struct fiber **link)
{
	struct fiber *f = *link;

	if (f == hub->head)
		return;
	*link = f->next;
	if (!f->next)
		hub->tail = link;
	f->next = hub->head;
	hub->head = f;
}

#define SEED_CHOICE 8

/* One of the first few, put at the head: each is as likely. */
static inline void run_queue_shuffle(struct hub *hub)
{
	struct fiber **link = &hub->head;

	if (hub->ready < 2)
		return;
	for (uint64_t n = run_queue_draw(hub) % (hub->ready < SEED_CHOICE ? hub->ready : SEED_CHOICE); n; n--)
		link = &(*link)->next;
	run_queue_first(hub, link);
}

#endif
