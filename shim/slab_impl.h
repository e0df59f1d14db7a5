/* slab_impl.h - shared by slab.c, which maps slabs and cuts them, and slab_piece.c, which answers for one piece. */
#ifndef SHIM_SLAB_IMPL_H
#define SHIM_SLAB_IMPL_H

#include <sys/syscall.h>

#include "../core/waitq.h"
#include "slab.h"
#include "sys.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif

enum piece_state {
	PIECE_FREE,
	PIECE_CLOSED, /* to be opened: without access, if it were a mapping of its own */
	PIECE_USED,
	PIECE_ODD,  /* used, and the kernel knows more of it than we do */
	PIECE_GONE, /* really unmapped; what is there now is another's */
};

struct piece {
	uint32_t next;	  /* free ones of the slab: 1 + a number */
	uint32_t guard;	  /* bytes at its beginning; they stay when it is free */
	uint32_t kept_ns; /* how long threads ran on it whose memory was kept; 0: nothing was */
	uint32_t top;	  /* bytes from its beginning to what the thread that ended last had in use; 0: none has */
	uint8_t state;	  /* enum piece_state */
	bool warm;	  /* free, with memory; zero from `top` of before on */
};

/* Pieces of a size. */
struct slab_class {
	size_t size;
	struct list room; /* slabs that have a free piece, or can have more */
	unsigned used, free, warm;
};

struct slab {
	struct slab_class *class;
	struct list room;
	uintptr_t start;
	unsigned count, mapped, used, free;
	uint32_t first_free; /* 1 + a number; 0: none */
	bool spoiled;	     /* not all of what was mapped is ours still */
	struct piece pieces[];
};

#define SLAB_SPARE 128 /* free pieces of a size that stay mapped; warm ones */

static inline long slab_advise(uintptr_t at, size_t size, int advice)
{
	return sys_call(SYS_madvise, at, size, advice);
}

static inline uintptr_t piece_start(const struct slab *s, const struct piece *p)
{
	return s->start + (size_t)(p - s->pieces) * s->class->size;
}

/* A piece that is no longer free, and its slab; NULL where there is none to be had. */
struct piece *slab_get(size_t size, struct slab **slab);
void slab_put(struct slab *s, struct piece *p);
/* Something was done to it that only the kernel knows. */
void slab_make_odd(struct slab *s, struct piece *p);
/* It is no longer ours. */
void slab_lose(struct slab *s, struct piece *p);
/* The piece in use that holds the address, or NULL. */
struct piece *slab_find(uintptr_t at, struct slab **slab);

#endif
