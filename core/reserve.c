#include "reserve.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include "kernel.h"

/* Untouched, it costs addresses only: as many as one thread's stack. */
#define KEPT (4UL << 20)
#define AWAY (1UL << 40)
#define PAGE 4096UL

/* At the beginning of a piece that was given back. */
struct piece {
	struct piece *next;
	unsigned long size;
};

static char *kept;
static unsigned long used;
static struct piece *pieces;

static unsigned long next; /* 0: wherever the kernel likes */

unsigned long reserve_place(unsigned long size)
{
	unsigned long here = next;

	if (here)
		next += (size + PAGE - 1) & ~(PAGE - 1);
	return here;
}

static long map(unsigned long size)
{
	return kernel_call(SYS_mmap, reserve_place(size), size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

void reserve_open(void)
{
	long p;

	if (kept)
		return;
	next = ((unsigned long)&kept & ~(PAGE - 1)) - AWAY;
	p = map(KEPT);
	if (!kernel_failed(p))
		kept = (char *)p;
}

static bool is_kept(const void *p)
{
	return kept && (uintptr_t)p - (uintptr_t)kept < KEPT;
}

static void *reuse(unsigned long size)
{
	for (struct piece **at = &pieces, *p; (p = *at); at = &p->next) {
		if (p->size < size)
			continue;
		*at = p->next;
		if (p->size > size)
			reserve_unmap((char *)p + size, p->size - size);
		p->next = NULL;
		p->size = 0;
		return p;
	}
	return NULL;
}

static void *take(unsigned long size)
{
	void *p = reuse(size);

	if (p || !kept || KEPT - used < size)
		return p;
	p = kept + used;
	used += size;
	return p;
}

void *reserve_map(unsigned long size)
{
	long p = map(size);

	return kernel_failed(p) ? take((size + PAGE - 1) & ~(PAGE - 1)) : (void *)p;
}

void reserve_unmap(void *p, unsigned long size)
{
	struct piece *piece = p;

	if (!is_kept(p)) {
		kernel_call(SYS_munmap, p, size);
		if ((uintptr_t)p + ((size + PAGE - 1) & ~(PAGE - 1)) == next)
			next = (unsigned long)p;
		return;
	}
	size = (size + PAGE - 1) & ~(PAGE - 1);
	kernel_call(SYS_madvise, p, size, MADV_DONTNEED);
	piece->size = size;
	piece->next = pieces;
	pieces = piece;
}
