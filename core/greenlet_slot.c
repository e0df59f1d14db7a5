/* greenlet_slot.c - handles. A slot's memory is never given back, so a stale handle can always be looked at: it holds
 * the slot's index and the generation that it was made in. */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>

#include "greenlet_impl.h"
#include "asan.h"
#include "kernel.h"

#define CHUNK_BITS 10
#define CHUNK (1u << CHUNK_BITS)
#define CHUNKS (1u << 14)
#define INDEX_BITS 24

struct slot {
	struct greenlet greenlet;
	_Atomic uint64_t generation; /* of the handle that is, or the next that will be */
	uint32_t index;
};

static struct slot *_Atomic chunks[CHUNKS];
static unsigned chunk_count;
static struct greenlet *free_slots; /* given back by OS threads that ended */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

_Static_assert(CHUNK_BITS + 14 == INDEX_BITS, "an index names a chunk and a slot");
_Static_assert(offsetof(struct slot, greenlet) == 0, "a greenlet is its slot");

static greenlet_t handle_of(const struct slot *s)
{
	return (greenlet_t)(uintptr_t)(s->generation << INDEX_BITS | s->index); /* generations start at 1 */
}

static struct slot *slot_of(greenlet_t handle)
{
	uintptr_t index = (uintptr_t)handle & ((1u << INDEX_BITS) - 1);
	struct slot *chunk = atomic_load_explicit(&chunks[index >> CHUNK_BITS], memory_order_acquire);

	return chunk ? &chunk[index & (CHUNK - 1)] : NULL;
}

struct greenlet *greenlet_find(greenlet_t handle)
{
	struct slot *s = slot_of(handle);

	return s && handle && s->greenlet.handle == handle ? &s->greenlet : NULL;
}

int greenlet_find_error(greenlet_t handle)
{
	struct slot *s = slot_of(handle);
	uint64_t generation = (uintptr_t)handle >> INDEX_BITS;

	return s && generation && generation < s->generation ? -ESTALE : -EINVAL;
}

/* Under the lock: a new chunk, its slots on the thread's list. */
static void grow(struct thread_state *t)
{
	long p = chunk_count == CHUNKS ? -ENOMEM
				       : kernel_call(SYS_mmap, 0, CHUNK * sizeof(struct slot), PROT_READ | PROT_WRITE,
						     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct slot *chunk = (struct slot *)p;

	if (kernel_failed(p))
		return;
	asan_root(chunk, CHUNK * sizeof(*chunk));
	for (unsigned i = CHUNK; i-- > 0;) {
		chunk[i].generation = 1;
		chunk[i].index = chunk_count << CHUNK_BITS | i;
		chunk[i].greenlet.next = t->free_slots;
		t->free_slots = &chunk[i].greenlet;
	}
	atomic_store_explicit(&chunks[chunk_count++], chunk, memory_order_release);
}

static void refill(struct thread_state *t)
{
	pthread_mutex_lock(&lock);
	t->free_slots = free_slots;
	free_slots = NULL;
	if (!t->free_slots)
		grow(t);
	pthread_mutex_unlock(&lock);
}

struct greenlet *slot_new(struct thread_state *t)
{
	static atomic_ullong numbers;
	struct greenlet *g;

	if (!t->free_slots)
		refill(t);
	g = t->free_slots;
	if (!g)
		return NULL;
	t->free_slots = g->next;
	memset(g, 0, sizeof(*g));
	g->number = atomic_fetch_add_explicit(&numbers, 1, memory_order_relaxed) + 1;
	g->stack_size = STACK_DEFAULT;
	g->refs = 1;
	list_init(&g->links);
	g->handle = handle_of((struct slot *)g);
	return g;
}

void slot_free(struct thread_state *t, struct greenlet *g)
{
	((struct slot *)g)->generation++;
	g->handle = NULL;
	g->next = t->free_slots;
	t->free_slots = g;
}

void slot_lock(void)
{
	pthread_mutex_lock(&lock);
}

void slot_unlock(void)
{
	pthread_mutex_unlock(&lock);
}

void slot_free_all(struct thread_state *t)
{
	struct greenlet *last = t->free_slots;

	if (!last)
		return;
	while (last->next)
		last = last->next;
	pthread_mutex_lock(&lock);
	last->next = free_slots;
	free_slots = t->free_slots;
	pthread_mutex_unlock(&lock);
	t->free_slots = NULL;
}
