#include "scratch.h"

#include <sys/mman.h>

#include "sys.h"

/* Small pieces are kept, and handed out last in, first out. */
#define PIECE 4096
#define KEPT_MAX 64

static void *kept; /* each piece begins with a pointer to the next */
static unsigned kept_count;

void *scratch_get(size_t size)
{
	void *p = kept;
	long map;

	if (p && size <= PIECE) {
		kept = *(void **)p;
		kept_count--;
		return p;
	}
	map = sys_call(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return sys_failed(map) ? NULL : (void *)map;
}

void scratch_put(void *p, size_t size)
{
	if (!p)
		return;
	if (size > PIECE || kept_count >= KEPT_MAX) {
		sys_call(SYS_munmap, p, size);
		return;
	}
	*(void **)p = kept;
	kept = p;
	kept_count++;
}
