#include <sys/mman.h>

#include "slab_impl.h"

#define READ_WRITE (PROT_READ | PROT_WRITE)

/* More than this is not worth wiping. */
#define WIPE_MAX (64U << 10)
/* A page fault takes half a microsecond or so. */
#define KEEP_NS 10000
#define KEEP_SUM_NS 100000
/* Below the last frame of a thread's: what its last call had, the shim's own. */
#define BELOW_LAST 4096

static void bytes_zero(uintptr_t at, size_t size)
{
#if defined(__x86_64__)
	__asm__ volatile("rep stosb" : "+D"(at), "+c"(size) : "a"(0) : "memory");
#else
	for (size_t i = 0; i < size / sizeof(long); i++)
		((volatile long *)at)[i] = 0;
#endif
}

/* What the thread that ended last has at its top is what the next one needs first. mincore(2) would not tell of pages
 * that are in swap. */
static void clear(struct slab *s, struct piece *p)
{
	struct slab_class *k = s->class;
	uint32_t below = p->top > p->guard ? p->top : p->guard;

	p->warm = p->top && k->warm < SLAB_SPARE && k->size - below <= WIPE_MAX;
	k->warm += p->warm;
	if (!p->warm || !p->kept_ns) {
		slab_advise(piece_start(s, p), p->warm ? below : k->size, MADV_DONTNEED);
		p->kept_ns = 0;
	}
	if (p->warm)
		bytes_zero(piece_start(s, p) + below, k->size - below);
	p->top = 0;
}

static bool set_guard(struct slab *s, struct piece *p, size_t size)
{
	uintptr_t start = piece_start(s, p);
	size_t before = p->guard;

	if (size > before && slab_advise(start + before, size - before, MADV_GUARD_INSTALL))
		return false;
	if (size < before)
		slab_advise(start + size, before - size, MADV_GUARD_REMOVE);
	p->guard = (uint32_t)size;
	return true;
}

void slab_make_odd(struct slab *s, struct piece *p)
{
	if (p->state == PIECE_CLOSED)
		sys_call(SYS_mprotect, piece_start(s, p), s->class->size, PROT_NONE);
	p->state = PIECE_ODD;
}

uintptr_t slab_take(size_t size, bool to_be_opened)
{
	struct slab *s;
	struct piece *p = slab_get(size, &s);

	if (!p)
		return 0;
	s->class->warm -= p->warm;
	p->warm = false;
	p->state = to_be_opened ? PIECE_CLOSED : PIECE_USED;
	if (!to_be_opened)
		set_guard(s, p, 0);
	return piece_start(s, p);
}

static bool is_whole(const struct slab *s, const struct piece *p, uintptr_t at, size_t size)
{
	return at == piece_start(s, p) && size == s->class->size;
}

static bool give(uintptr_t at, size_t size, long *ret)
{
	struct slab *s;
	struct piece *p = slab_find(at, &s);

	if (!p || !is_whole(s, p, at, size))
		return false;
	*ret = 0;
	if (p->state != PIECE_ODD) {
		clear(s, p);
		slab_put(s, p);
		return true;
	}
	*ret = sys_call(SYS_munmap, at, size);
	if (!*ret)
		slab_lose(s, p);
	return true;
}

bool slab_give(uintptr_t at, size_t size, long *ret)
{
	bool given = give(at, size, ret);

	if (!given)
		slab_disturb(at, size);
	return given;
}

/* What the C library does about guards: it opens a new stack above one; in one that it has kept it makes more of it, or
 * opens a part. */
static bool is_of_guard(struct slab *s, struct piece *p, uintptr_t at, size_t size, int prot)
{
	uintptr_t start = piece_start(s, p), end = start + s->class->size;
	bool whole = at + size == end, up_to = p->guard && at + size == start + p->guard;

	if (p->state == PIECE_CLOSED)
		return prot == READ_WRITE && whole && set_guard(s, p, at - start);
	if (p->state != PIECE_USED || at < start)
		return false;
	if (prot == PROT_NONE && at == start && at + size < end)
		return size <= p->guard || set_guard(s, p, size);
	return prot == READ_WRITE && up_to && set_guard(s, p, at - start);
}

/* Access to it means that it is no guard any more. */
static void open_guard(uintptr_t at, size_t size)
{
	struct slab *s;
	struct piece *p = slab_find(at, &s);
	uintptr_t end = p ? piece_start(s, p) + p->guard : at;

	if (end > at + size)
		end = at + size;
	if (end > at)
		slab_advise(at, end - at, MADV_GUARD_REMOVE);
}

bool slab_protect(uintptr_t at, size_t size, int prot)
{
	struct slab *s;
	struct piece *p = slab_find(at, &s);

	if (p && is_of_guard(s, p, at, size, prot)) {
		p->state = PIECE_USED;
		return true;
	}
	slab_disturb(at, size);
	if (prot != PROT_NONE)
		open_guard(at, size);
	return false;
}

/* By who makes guards as we do: glibc 2.42. */
bool slab_guard(uintptr_t at, size_t size)
{
	struct slab *s;
	struct piece *p = slab_find(at, &s);
	bool done = p && p->state == PIECE_USED && at == piece_start(s, p) && size < s->class->size &&
		    (size <= p->guard || set_guard(s, p, size));
	if (!done)
		slab_disturb(at, size);
	return done;
}

bool slab_keep(uintptr_t at, size_t size, uintptr_t sp, uint64_t ran_ns)
{
	struct slab *s;
	struct piece *p = slab_find(sp, &s);

	if (!p || p->state != PIECE_USED || at < piece_start(s, p) || at + size > sp)
		return false;
	p->kept_ns += ran_ns < KEEP_NS ? 1 + (uint32_t)ran_ns : KEEP_SUM_NS;
	if (p->kept_ns < KEEP_SUM_NS)
		return true;
	p->kept_ns = 0;
	return false;
}

void slab_left(uintptr_t sp)
{
	struct slab *s;
	struct piece *p = slab_find(sp, &s);
	uintptr_t top = (sp & ~(uintptr_t)4095) - BELOW_LAST;

	if (p)
		p->top = top > piece_start(s, p) ? (uint32_t)(top - piece_start(s, p)) : 0;
}

bool slab_stack_of(uintptr_t at, uintptr_t *start, uintptr_t *end)
{
	struct slab *s;
	struct piece *p = slab_find(at, &s);

	if (!p)
		return false;
	*start = piece_start(s, p) + p->guard;
	*end = piece_start(s, p) + s->class->size;
	return true;
}

void slab_fault(siginfo_t *info)
{
	struct slab *s;
	uintptr_t at = (uintptr_t)info->si_addr;
	struct piece *p = slab_find(at, &s);

	if (p && at < piece_start(s, p) + p->guard)
		info->si_code = SEGV_ACCERR;
}
