/* Where struct threads come from. */
#include <string.h>

#include "../core/reserve.h"
#include "thread.h"

#define SLAB (64 << 10)

/* Records come from the kernel in slabs and are reused: a thread may be made while another is inside malloc. The rooms
 * are apart: most threads never touch theirs. */
#define SLAB_THREADS (SLAB / (sizeof(struct thread) + sizeof(struct context_vectors)))

struct slab {
	struct thread threads[SLAB_THREADS];
	struct context_vectors rooms[SLAB_THREADS];
};

static struct thread *free_threads; /* linked by hash_next */
static struct slab *slab;
static unsigned slab_used;

static struct thread *thread_of_slab(void)
{
	struct thread *t;

	if (!slab || slab_used == SLAB_THREADS) {
		struct slab *more = reserve_map(sizeof(*slab));

		if (!more)
			return NULL;
		slab = more;
		slab_used = 0;
	}
	t = &slab->threads[slab_used];
	t->fiber.room = &slab->rooms[slab_used++];
	return t;
}

struct thread *thread_alloc(void)
{
	struct thread *t = free_threads;
	struct context_vectors *room;

	if (t)
		free_threads = t->hash_next;
	else
		t = thread_of_slab();
	if (!t)
		return NULL;
	room = t->fiber.room;
	memset(t, 0, sizeof(*t));
	t->fiber.room = room;
	return t;
}

void thread_free(struct thread *t)
{
	t->hash_next = free_threads;
	free_threads = t;
}

/* The others' records, and their stacks, are the child's to forget. */
void thread_records_forked(void)
{
	slab = NULL;
	free_threads = NULL;
}
