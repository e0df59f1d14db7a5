#include "stack.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "asan.h"
#include "kernel.h"

#define MADV_GUARD_INSTALL 102
#define SLAB_BYTES (4UL << 20)
#define SLAB_STACKS_MAX 120

/* The records of a slab's stacks stand in its first page, so that a cold stack itself is never touched. */
struct stack_slab {
	struct stack_slab *next;
	size_t bytes;
	unsigned count;
	struct stack stacks[];
};

_Static_assert(sizeof(struct stack_slab) + SLAB_STACKS_MAX * sizeof(struct stack) <= 4096, "one page");

#ifdef __SANITIZE_ADDRESS__
_Thread_local struct fiber *asan_left;
#endif

static size_t page_size(void)
{
	static size_t size;

	if (!size)
		size = getauxval(AT_PAGESZ);
	return size;
}

static void guard(char *low)
{
	static bool no_advice;

	if (!no_advice &&
	    kernel_call(SYS_madvise, low, page_size(), MADV_GUARD_INSTALL)) /* EINVAL: locked memory too */
		no_advice = true;
	if (no_advice)
		kernel_call(SYS_mprotect, low, page_size(), PROT_NONE);
}

static void cut(struct stack_pool *pool, struct stack_slab *slab, unsigned class)
{
	char *low = (char *)slab + page_size();
	size_t size = STACK_MIN << class;

	for (unsigned i = 0; i < slab->count; i++, low += size) {
		struct stack *s = &slab->stacks[i];

		guard(low);
		s->low = low + page_size();
		s->size = size - page_size();
		s->class = class;
		asan_root(s->low, s->size);
		s->next = pool->cold[class];
		pool->cold[class] = s;
	}
}

static bool grow(struct stack_pool *pool, unsigned class)
{
	size_t size = STACK_MIN << class, count = SLAB_BYTES / size;
	struct stack_slab *slab;
	size_t bytes;
	long p;

	if (!count)
		count = 1;
	if (count > SLAB_STACKS_MAX)
		count = SLAB_STACKS_MAX;
	bytes = count * size + page_size();
	p = kernel_call(SYS_mmap, 0, bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (kernel_failed(p))
		return false;
	kernel_call(SYS_madvise, p, bytes, MADV_NOHUGEPAGE);
	slab = (struct stack_slab *)p;
	slab->bytes = bytes;
	slab->count = (unsigned)count;
	slab->next = pool->slabs;
	pool->slabs = slab;
	cut(pool, slab, class);
	return true;
}

static struct stack *take(struct stack **list)
{
	struct stack *s = *list;

	if (s)
		*list = s->next;
	return s;
}

struct stack *stack_get(struct stack_pool *pool, size_t size)
{
	unsigned class = 0;
	struct stack *s;

	while (class < STACK_CLASSES && (STACK_MIN << class) - page_size() < size)
		class ++;
	if (class == STACK_CLASSES)
		return NULL;
	s = take(&pool->warm[class]);
	if (s)
		pool->warm_count[class]--;
	else if (pool->cold[class] || grow(pool, class))
		s = take(&pool->cold[class]);
	if (s)
		pool->in_use++;
	return s;
}

void stack_put(struct stack_pool *pool, struct stack *s)
{
	bool warm;

	if (!s)
		return;
	asan_forget(s->low, s->size);
	warm = pool->warm_count[s->class] < STACK_CACHE;
	if (warm)
		pool->warm_count[s->class]++;
	else
		kernel_call(SYS_madvise, s->low, s->size, MADV_DONTNEED);
	s->next = warm ? pool->warm[s->class] : pool->cold[s->class];
	*(warm ? &pool->warm[s->class] : &pool->cold[s->class]) = s;
	pool->in_use--;
}

void stack_pool_close(struct stack_pool *pool)
{
	struct stack_slab *slab, *next;

	for (slab = pool->in_use ? NULL : pool->slabs; slab; slab = next) {
		next = slab->next;
		for (unsigned i = 0; i < slab->count; i++)
			asan_unroot(slab->stacks[i].low, slab->stacks[i].size);
		kernel_call(SYS_munmap, slab, slab->bytes);
	}
	*pool = (struct stack_pool){0};
}
