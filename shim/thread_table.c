/* The living threads by their numbers. */
#include <string.h>

#include "../core/reserve.h"
#include "thread.h"

#define FIRST 4096

static struct thread *first[FIRST], **by_tid = first;
static unsigned size = FIRST; /* no smaller than the number of threads, if there is memory */

static struct thread **bucket(int tid)
{
	return &by_tid[(unsigned)tid % size];
}

/* Without memory for it, it only becomes slower. */
static void grow(void)
{
	struct thread **bigger = reserve_map(2 * size * sizeof(*bigger));

	if (!bigger)
		return;
	if (by_tid != first)
		reserve_unmap(by_tid, size * sizeof(*by_tid));
	by_tid = bigger;
	size *= 2;
	LIST_EACH(node, &threads.all) {
		struct thread *t = LIST_ENTRY(node, struct thread, all);

		t->hash_next = *bucket(t->tid);
		*bucket(t->tid) = t;
	}
}

struct thread *thread_find(int tid)
{
	struct thread *t = *bucket(tid);

	while (t && t->tid != tid)
		t = t->hash_next;
	return t;
}

struct thread *thread_find_other(int tid)
{
	struct thread *t = thread_find(tid);

	return t == &threads.main ? NULL : t;
}

/* Before it is counted. */
void thread_table_add(struct thread *t)
{
	struct thread **at;

	if (threads.alive >= size)
		grow();
	at = bucket(t->tid);
	t->hash_next = *at;
	*at = t;
}

void thread_table_remove(struct thread *t)
{
	struct thread **p = bucket(t->tid);

	while (*p != t)
		p = &(*p)->hash_next;
	*p = t->hash_next;
}

void thread_table_forked(void)
{
	by_tid = first;
	size = FIRST;
	memset(first, 0, sizeof(first));
}
