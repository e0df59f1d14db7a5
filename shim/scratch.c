#include "scratch.h"

#include "../core/reserve.h"

/* Pieces are kept, and handed out last in, first out: of each size, a power of two, as many as make KEPT_BYTES, or one.
 * What a poll of many descriptors needs would else be mapped and touched anew each time. */
#define PIECE 4096
#define SIZES 9 /* to 1 MiB */
#define KEPT_BYTES (64 * PIECE)

static struct {
	void *first; /* each piece begins with a pointer to the next */
	unsigned count;
} kept[SIZES];

/* SIZES: too large to be kept. */
static unsigned size_of(size_t size)
{
	unsigned i = 0;

	while (i < SIZES && size > (size_t)PIECE << i)
		i++;
	return i;
}

void *scratch_get(size_t size)
{
	unsigned i = size_of(size);
	void *p;

	if (i == SIZES)
		return reserve_map(size);
	p = kept[i].first;
	if (!p)
		return reserve_map((size_t)PIECE << i);
	kept[i].first = *(void **)p;
	kept[i].count--;
	return p;
}

void scratch_put(void *p, size_t size)
{
	unsigned i = size_of(size);

	if (!p)
		return;
	if (i == SIZES) {
		reserve_unmap(p, size);
		return;
	}
	if (kept[i].count && (size_t)kept[i].count * PIECE << i >= KEPT_BYTES) {
		reserve_unmap(p, (size_t)PIECE << i);
		return;
	}
	*(void **)p = kept[i].first;
	kept[i].first = p;
	kept[i].count++;
}
