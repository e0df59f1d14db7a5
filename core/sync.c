#include "sync.h"

#include <errno.h>

_Static_assert(sizeof(struct greenlet_waiters) == sizeof(struct list), "the public face of a list");

static struct list *list_of(struct greenlet_waiters *queue)
{
	struct list *list = (struct list *)queue;

	if (!list->next)
		list_init(list);
	return list;
}

int sync_wait(struct greenlet_waiters *queue, struct sync_waiter *w, const char *why, uint64_t deadline_ns)
{
	struct thread_state *t = thread_state();
	int ret;

	w->granted = false;
	if (t->current->is_hub)
		return -EDEADLK;
	w->fiber = &t->current->fiber;
	list_push(list_of(queue), &w->node);
	ret = greenlet_block(why, deadline_ns);
	list_remove(&w->node);
	return ret;
}

/* Whoever timed out or was killed but has not run since is passed over. */
struct sync_waiter *sync_wake(struct greenlet_waiters *queue)
{
	struct list *node;

	while ((node = list_pop(list_of(queue)))) {
		struct sync_waiter *w = LIST_ENTRY(node, struct sync_waiter, node);

		if (hub_wake(w->fiber, 0)) {
			w->granted = true;
			return w;
		}
	}
	return NULL;
}

void sync_wake_all(struct greenlet_waiters *queue)
{
	while (sync_wake(queue))
		;
}
