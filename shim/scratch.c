#include "scratch.h"

#include "../core/reserve.h"

/* Small pieces are kept, and handed out last in, first out. */
#define PIECE 4096
#define KEPT_MAX 64

static void *kept; /* each piece begins with a pointer to the next */
static unsigned kept_count;

void *scratch_get(size_t size)
{
	void *p = kept;

	if (p && size <= PIECE) {
		kept = *(void **)p;
		kept_count--;
		return p;
	}
	return reserve_map(size);
}

void scratch_put(void *p, size_t size)
{
	if (!p)
		return;
	if (size > PIECE || kept_count >= KEPT_MAX) {
		reserve_unmap(p, size);
		return;
	}
	*(void **)p = kept;
	kept = p;
	kept_count++;
}
