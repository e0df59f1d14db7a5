/* runqueue.h - who is ready to run: the hub's files' alone. */
#ifndef CORE_RUNQUEUE_H
#define CORE_RUNQUEUE_H

#include "hub.h"

static inline void run_queue_push(struct hub *hub, struct fiber *f)
{
	struct fiber ***tail = f->at_home && hub->shared ? &hub->home_tail : &hub->tail;

	f->state = FIBER_READY;
	f->next = NULL;
	**tail = f;
	*tail = &f->next;
	hub->ready++;
}

/* Not empty. */
static inline struct fiber *run_queue_pop(struct hub *hub, struct fiber **head, struct fiber ***tail)
{
	struct fiber *f = *head;

	*head = f->next;
	hub->ready--;
	if (hub->round)
		hub->round--;
	if (!*head)
		*tail = head;
	return f;
}

/* The link to it in one of the queues, or NULL. */
static inline struct fiber **run_queue_find(struct fiber **link, const struct fiber *f)
{
	while (*link && *link != f)
		link = &(*link)->next;
	return *link ? link : NULL;
}

/* xorshift64 (Marsaglia 2003). */
static inline uint64_t run_queue_draw(struct hub *hub)
{
	hub->seed ^= hub->seed << 13;
	hub->seed ^= hub->seed >> 7;
	hub->seed ^= hub->seed << 17;
	return hub->seed;
}

static inline void run_queue_first(struct fiber **head, struct fiber ***tail, struct fiber **link)
{
	struct fiber *f = *link;

	if (f == *head)
		return;
	*link = f->next;
	if (!f->next)
		*tail = link;
	f->next = *head;
	*head = f;
}

#define SEED_CHOICE 8

/* One of the first few, put at the head: each is as likely. */
static inline void run_queue_shuffle(struct hub *hub)
{
	struct fiber **link = &hub->head;

	if (hub->ready < 2 || !hub->head)
		return;
	for (uint64_t n = run_queue_draw(hub) % (hub->ready < SEED_CHOICE ? hub->ready : SEED_CHOICE); n; n--)
		if ((*link)->next)
			link = &(*link)->next;
	run_queue_first(&hub->head, &hub->tail, link);
}

#endif
