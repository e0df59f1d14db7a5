#include <errno.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "../core/reserve.h"
#include "slab_impl.h"

#define AWAY (SLAB_ARENA + (1UL << 40)) /* core/reserve.c has what lies between */
#define WINDOW (1UL << 30)		/* of addresses, for one slab */
#define WINDOWS (SLAB_ARENA / WINDOW)
#define CLASSES 16
#define PIECES_MAX 4096
#define PIECE_MIN (16UL << 10)
#define PIECE_MAX (64UL << 20) /* larger ones the kernel may refuse for want of memory */
#define FEW 4
#define TRIES 64

/* The top of one stack and the guard of the next share a page table: one for each stack, and not two. */
#define OFFSET (1UL << 20)

uintptr_t slab_arena;
static struct slab *windows[WINDOWS];
static unsigned next_window;
static struct slab_class classes[CLASSES];
static bool off;

static bool is_limited(int resource)
{
	struct rlimit limit;

	return sys_call(SYS_prlimit64, 0, resource, NULL, &limit) || limit.rlim_cur != RLIM_INFINITY;
}

/* The kernel has no such guards, or every new mapping is locked (mlockall(2)). */
static bool is_unguardable(void)
{
	size_t size = getauxval(AT_PAGESZ);
	long at = sys_call(SYS_mmap, 0, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool fails = sys_failed(at) || slab_advise((uintptr_t)at, size, MADV_GUARD_INSTALL);

	if (!sys_failed(at))
		sys_call(SYS_munmap, at, size);
	return fails;
}

/* 0, -EEXIST, or another error. Before Linux 4.17 the place is but a hint, and there are no such guards either. */
static long map(uintptr_t at, size_t size)
{
	long got;

	if (is_limited(RLIMIT_AS) || is_limited(RLIMIT_DATA) || is_unguardable()) {
		off = true;
		return -EINVAL;
	}
	got = sys_call(SYS_mmap, at, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	if (sys_failed(got))
		return got;
	slab_advise(at, size, MADV_NOHUGEPAGE);
	return 0;
}

static void push_free(struct slab *s, struct piece *p)
{
	p->state = PIECE_FREE;
	p->next = s->first_free;
	s->first_free = 1 + (uint32_t)(p - s->pieces);
	s->free++;
	s->class->free++;
}

/* A few at first, and then a part of what there is. */
static long extend(struct slab *s)
{
	unsigned n = FEW + s->class->used / 4, left = s->count - s->mapped;
	size_t size = s->class->size;
	long err;

	if (n > left)
		n = left;
	err = n ? map(s->start + s->mapped * size, n * size) : -ENOMEM;
	if (err)
		return err;
	for (unsigned i = n; i--;) { /* the lowest is the first to be used */
		s->pieces[s->mapped + i] = (struct piece){0};
		push_free(s, &s->pieces[s->mapped + i]);
	}
	s->mapped += n;
	return 0;
}

static struct slab *slab_new(struct slab_class *k)
{
	size_t count = (WINDOW - OFFSET) / k->size, size;
	struct slab *s;
	long err = -EEXIST;

	if (count > PIECES_MAX)
		count = PIECES_MAX;
	size = sizeof(*s) + count * sizeof(*s->pieces);
	s = reserve_map(size);
	if (!s)
		return NULL;
	s->class = k;
	s->count = (unsigned)count;
	for (unsigned i = 0; i < TRIES && err == -EEXIST && next_window < WINDOWS; i++) {
		s->start = slab_arena + next_window * WINDOW + OFFSET;
		windows[next_window++] = s;
		err = extend(s);
		if (err)
			windows[next_window - 1] = NULL;
	}
	if (!err)
		return s;
	reserve_unmap(s, size);
	return NULL;
}

static struct slab_class *class_of(size_t size)
{
	if (size < PIECE_MIN || size > PIECE_MAX)
		return NULL;
	for (struct slab_class *k = classes; k < classes + CLASSES; k++) {
		if (!k->size) {
			k->size = size;
			list_init(&k->room);
		}
		if (k->size == size)
			return k;
	}
	return NULL;
}

static struct slab *with_room(struct slab_class *k)
{
	struct slab *s;

	LIST_EACH_SAFE(node, &k->room) {
		s = LIST_ENTRY(node, struct slab, room);
		if (s->free || !extend(s))
			return s;
		list_remove(&s->room);
	}
	s = off ? NULL : slab_new(k);
	if (s)
		list_push_front(&k->room, &s->room);
	return s;
}

static void open_arena(void)
{
	if (!slab_arena)
		slab_arena = ((uintptr_t)&slab_arena & ~(WINDOW - 1)) - AWAY;
}

struct piece *slab_get(size_t size, struct slab **slab)
{
	struct slab_class *k = off ? NULL : class_of(size);
	struct slab *s;
	struct piece *p;

	open_arena();
	s = k ? with_room(k) : NULL;
	if (!s)
		return NULL;
	p = &s->pieces[s->first_free - 1];
	s->first_free = p->next;
	s->free--;
	k->free--;
	s->used++;
	k->used++;
	*slab = s;
	return p;
}

/* What no piece of it is used of, and others are there to be used next. */
static void unmap(struct slab *s)
{
	struct slab_class *k = s->class;

	sys_call(SYS_munmap, s->start, s->mapped * k->size);
	for (unsigned i = 0; i < s->mapped; i++)
		k->warm -= s->pieces[i].warm;
	k->free -= s->free;
	s->mapped = s->free = s->first_free = 0;
}

void slab_put(struct slab *s, struct piece *p)
{
	struct slab_class *k = s->class;

	s->used--;
	k->used--;
	push_free(s, p);
	if (!list_linked(&s->room))
		list_push_front(&k->room, &s->room);
	if (!s->used && !s->spoiled && k->free - s->free >= SLAB_SPARE)
		unmap(s);
}

void slab_lose(struct slab *s, struct piece *p)
{
	p->state = PIECE_GONE;
	s->spoiled = true;
	s->used--;
	s->class->used--;
}

static bool is_in_use(const struct piece *p)
{
	return p->state != PIECE_FREE && p->state != PIECE_GONE;
}

struct piece *slab_find(uintptr_t at, struct slab **slab)
{
	size_t window = (at - slab_arena) / WINDOW;
	struct slab *s = slab_arena && window < WINDOWS ? windows[window] : NULL;
	struct piece *p;

	if (!s || at < s->start || at >= s->start + s->mapped * s->class->size)
		return NULL;
	p = &s->pieces[(at - s->start) / s->class->size];
	*slab = s;
	return is_in_use(p) ? p : NULL;
}

/* Of its pieces, those in use that lie within. */
static void disturb(struct slab *s, uintptr_t at, uintptr_t end)
{
	size_t size = s->class->size, first = at > s->start ? (at - s->start) / size : 0;

	for (size_t i = first; i < s->mapped && s->start + i * size < end; i++)
		if (is_in_use(&s->pieces[i]))
			slab_make_odd(s, &s->pieces[i]);
}

static void disturb_all(uintptr_t at, uintptr_t end)
{
	for (unsigned i = 0; i < next_window; i++)
		if (windows[i])
			disturb(windows[i], at, end);
}

void slab_disturb(uintptr_t at, size_t size)
{
	disturb_all(at, size > UINTPTR_MAX - at ? UINTPTR_MAX : at + size);
}

static void retire(struct slab *s)
{
	for (unsigned i = 0; i < s->mapped; i++) {
		struct piece *p = &s->pieces[i];

		if (p->state != PIECE_FREE)
			continue;
		sys_call(SYS_munmap, piece_start(s, p), s->class->size);
		p->state = PIECE_GONE;
	}
	s->spoiled = true;
	s->count = s->mapped;
	s->class->free -= s->free;
	s->free = s->first_free = 0;
	list_remove(&s->room);
}

/* What is in use is really unmapped at its end. */
void slab_retire(void)
{
	off = true;
	for (unsigned i = 0; i < next_window; i++)
		if (windows[i])
			retire(windows[i]);
	disturb_all(0, UINTPTR_MAX);
}

/* Until it makes a thread of its own the child's calls are native: what it does to stacks that threads of its parent had
 * is not seen. */
void slab_forked(void)
{
	disturb_all(0, UINTPTR_MAX);
}
