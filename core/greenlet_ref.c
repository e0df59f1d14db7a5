/* greenlet_ref.c - references, and what happens with the last one. */
#include <errno.h>

#include "greenlet_impl.h"

struct thread_state *greenlet_owner(const struct greenlet *g)
{
	while (g->life != LIFE_ACTIVE) /* a main greenlet always is: the lineage ends there */
		g = g->parent;
	return g->thread;
}

static bool unreferenced(struct greenlet *g)
{
	return g->refs + atomic_load(&g->foreign_refs) == 0;
}

/* Throws GREENLET_EXIT into a suspended one whose parent is the dropper meanwhile. */
void greenlet_finish_off(struct thread_state *t, struct greenlet *g)
{
	struct greenlet *self = t->current, *parent = g->parent;
	struct message got;

	greenlet_check_stack(self);
	greenlet_hold(g);
	greenlet_hold(self);
	g->parent = self;
	got = greenlet_transfer(t, g, message_throw(GREENLET_EXIT, NULL));
	if (g->parent == self) {
		g->parent = parent;
		greenlet_drop(t, self);
	} else {
		greenlet_drop_any(t, parent);
	}
	if (message_throws(&got))
		greenlet_report("greenlet %llu: error while it was dropped: %s", (unsigned long long)g->number,
				got.type->name);
	/* One that lives on is nobody's, but may be in use by those it talked to: it keeps this reference. */
	if (g->life == LIFE_DEAD)
		greenlet_drop(t, g);
	else
		greenlet_report("greenlet %llu: ignored its exit when it was dropped", (unsigned long long)g->number);
}

static struct greenlet *dispose(struct thread_state *t, struct greenlet *g)
{
	struct greenlet *parent = g->parent;

	if (t->ops && !list_empty(&g->links))
		t->ops->forget(g);
	stack_put(&t->stacks, g->stack);
	g->stack = NULL;
	if (g->is_main)
		thread_free(g->thread);
	slot_free(t, g);
	return parent;
}

void greenlet_drop(struct thread_state *t, struct greenlet *g)
{
	g->refs--;
	if (!unreferenced(g))
		return;
	if (g->life != LIFE_ACTIVE || g->is_main) {
		g = dispose(t, g);
		if (g)
			greenlet_drop_any(t, g);
	} else if (t->current->is_hub) {
		g->refs++; /* the hub must not switch: the next greenlet that runs does it */
		thread_queue_drop(t, g);
	} else {
		greenlet_finish_off(t, g);
	}
}

void greenlet_hold_any(struct thread_state *t, struct greenlet *g)
{
	if (greenlet_owner(g) == t)
		g->refs++;
	else
		atomic_fetch_add(&g->foreign_refs, 1);
}

/* Of an OS thread that has ended nobody counts `refs` any more. */
static void drop_orphan(struct thread_state *t, struct greenlet *g)
{
	unsigned refs = g->refs, foreign = atomic_fetch_sub(&g->foreign_refs, 1) - 1;

	if (foreign + refs || (g->life == LIFE_ACTIVE && !g->is_main))
		return;
	g = dispose(t, g);
	if (g)
		greenlet_drop_any(t, g);
}

void greenlet_drop_any(struct thread_state *t, struct greenlet *g)
{
	struct thread_state *owner = greenlet_owner(g);

	if (owner == t)
		greenlet_drop(t, g);
	else if (!thread_queue_drop(owner, g))
		drop_orphan(t, g);
}

void greenlet_take_drops(struct thread_state *t)
{
	struct greenlet *g, *next;

	if (!atomic_load_explicit(&t->drops, memory_order_relaxed))
		return;
	for (g = atomic_exchange(&t->drops, NULL); g; g = next) {
		unsigned n;

		next = g->drop_next;
		for (n = atomic_exchange(&g->foreign_drops, 0); n > 0; n--)
			greenlet_drop(t, g);
	}
}

greenlet_t greenlet_ref(greenlet_t handle)
{
	struct greenlet *g = greenlet_find(handle);

	if (!g)
		return NULL;
	greenlet_hold_any(thread_state(), g);
	return handle;
}

void greenlet_unref(greenlet_t handle)
{
	struct greenlet *g = greenlet_find(handle);

	if (g)
		greenlet_drop_any(thread_state(), g);
}
