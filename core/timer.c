#include "timer.h"

#include <stddef.h>

#include "deadline.h"

bool deadline_by_call;

static struct timer *meld(struct timer *a, struct timer *b)
{
	if (!a)
		return b;
	if (!b)
		return a;
	if (b->deadline_ns < a->deadline_ns) {
		struct timer *t = a;

		a = b;
		b = t;
	}
	b->sibling = a->child;
	if (b->sibling)
		b->sibling->link = &b->sibling;
	a->child = b;
	b->link = &a->child;
	return a;
}

/* Two-pass pairing of a list of siblings, without recursion: pairs are pushed on a list, then melded from its end. */
static struct timer *merge_children(struct timer *list)
{
	struct timer *pairs = NULL, *root = NULL;

	while (list) {
		struct timer *a = list, *b = a->sibling;

		list = b ? b->sibling : NULL;
		a->sibling = NULL;
		if (b)
			b->sibling = NULL;
		a = meld(a, b);
		a->sibling = pairs;
		pairs = a;
	}
	while (pairs) {
		struct timer *next = pairs->sibling;

		pairs->sibling = NULL;
		root = meld(root, pairs);
		pairs = next;
	}
	return root;
}

static void set_link(struct timer **link, struct timer *t)
{
	*link = t;
	if (t)
		t->link = link;
}

void timer_add(struct timer_heap *heap, struct timer *t, uint64_t deadline_ns)
{
	t->deadline_ns = deadline_ns;
	t->child = t->sibling = NULL;
	set_link(&heap->root, meld(heap->root, t));
}

void timer_cancel(struct timer *t)
{
	struct timer *sub;

	if (!t->link)
		return;
	/* The merged children take the timer's place: the order with its parent still holds. */
	sub = merge_children(t->child);
	if (sub) {
		sub->sibling = t->sibling;
		if (sub->sibling)
			sub->sibling->link = &sub->sibling;
	}
	set_link(t->link, sub ? sub : t->sibling);
	t->link = NULL;
	t->child = t->sibling = NULL;
}

struct timer *timer_pop_due(struct timer_heap *heap, uint64_t now_ns)
{
	struct timer *t = heap->root;

	if (!t || t->deadline_ns > now_ns)
		return NULL;
	timer_cancel(t);
	return t;
}
