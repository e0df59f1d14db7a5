/* stack.h - pooled stacks with a guard page at the low end of each.
 * Owner: a pool belongs to one OS thread; no locks. All-zero is a valid empty pool.
 * Stacks are cut from slabs. A guard is MADV_GUARD_INSTALL (madvise(2), Linux 6.13: no mapping of its own), else
 * mprotect. A freed stack is kept warm for the next user; beyond STACK_CACHE of a size its memory goes back. */
#ifndef CORE_STACK_H
#define CORE_STACK_H

#include <stddef.h>

#define STACK_CLASSES 20       /* powers of two from STACK_MIN upwards */
#define STACK_MIN (16UL << 10) /* bytes, guard included */
#define STACK_CACHE 64	       /* warm stacks kept of each size */

struct stack {
	char *low;	    /* first usable byte, above the guard */
	size_t size;	    /* usable bytes */
	struct stack *next; /* free list */
	unsigned class;
};

struct stack_slab;

struct stack_pool {
	struct stack *warm[STACK_CLASSES], *cold[STACK_CLASSES];
	unsigned warm_count[STACK_CLASSES];
	struct stack_slab *slabs;
	unsigned in_use;
};

/* A stack of at least `size` usable bytes (rounded up), or NULL: no memory, or larger than 8 GiB. */
struct stack *stack_get(struct stack_pool *pool, size_t size);
/* NULL is fine. Nothing may run on it any more. */
void stack_put(struct stack_pool *pool, struct stack *stack);
/* Gives everything back, unless a stack is in use still: then those slabs stay. */
void stack_pool_close(struct stack_pool *pool);

#endif
