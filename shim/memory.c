/* What programs do to memory: all of it is the kernel's, but for the stacks that the C library maps (slab.h). */
#include <stdint.h>
#include <sys/mman.h>

#include "../core/deadline.h"
#include "slab_impl.h"
#include "thread.h"

#define IS_STACK (MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK)
#define PAGE 4096UL

/* The kernel takes part of a page for all of it. */
static size_t in_pages(long size)
{
	return ((size_t)size + PAGE - 1) & ~(PAGE - 1);
}

static bool is_stack(const struct call *c)
{
	int prot = (int)c->arg[2];

	return thread_self()->makes_thread && !c->arg[0] && ((int)c->arg[3] & ~MAP_NORESERVE) == IS_STACK &&
	       (prot == PROT_NONE || prot == (PROT_READ | PROT_WRITE));
}

static void disturb(long at, long size)
{
	if (slab_has((uintptr_t)at, (size_t)size))
		slab_disturb((uintptr_t)at, (size_t)size);
}

long sys_mmap(struct call *c)
{
	uintptr_t at = is_stack(c) ? slab_take(in_pages(c->arg[1]), c->arg[2] == PROT_NONE) : 0;

	if (at)
		return (long)at;
	if (c->arg[3] & MAP_FIXED)
		disturb(c->arg[0], c->arg[1]);
	return CALL_PASS;
}

long sys_munmap(struct call *c)
{
	uintptr_t at = (uintptr_t)c->arg[0];
	size_t size = in_pages(c->arg[1]);
	long ret;

	return slab_has(at, size) && slab_give(at, size, &ret) ? ret : CALL_PASS;
}

long sys_mprotect(struct call *c)
{
	uintptr_t at = (uintptr_t)c->arg[0];
	size_t size = in_pages(c->arg[1]);

	return slab_has(at, size) && slab_protect(at, size, (int)c->arg[2]) ? 0 : CALL_PASS;
}

static bool is_dropping(long advice)
{
	return advice == MADV_DONTNEED || advice == MADV_FREE || advice == MADV_COLD || advice == MADV_PAGEOUT;
}

long sys_madvise(struct call *c)
{
	uintptr_t at = (uintptr_t)c->arg[0];
	size_t size = in_pages(c->arg[1]);
	long advice = (int)c->arg[2];

	if (!slab_has(at, size))
		return CALL_PASS;
	if (advice == MADV_GUARD_INSTALL)
		return slab_guard(at, size) ? 0 : CALL_PASS;
	if (advice == MADV_DONTNEED && !(at & (PAGE - 1)) &&
	    slab_keep(at, size, call_sp(c), now_ns() - thread_self()->began_ns))
		return 0;
	if (!is_dropping(advice))
		slab_disturb(at, size);
	return CALL_PASS;
}

long sys_mremap(struct call *c)
{
	disturb(c->arg[0], c->arg[1] ? c->arg[1] : 1);
	if (c->arg[3] & MREMAP_FIXED)
		disturb(c->arg[4], c->arg[2]);
	return CALL_PASS;
}

/* mlock, mlock2, pkey_mprotect ... */
long sys_memory_range(struct call *c)
{
	disturb(c->arg[0], c->arg[1]);
	return CALL_PASS;
}

long sys_mlockall(struct call *c)
{
	(void)c;
	slab_retire();
	return CALL_PASS;
}
