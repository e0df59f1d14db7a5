#include "sites.h"

#include <emmintrin.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "sites_impl.h"
#include "sys.h"

#define NEAR (WINDOW_MAX + 16)

struct finder {
	const struct object *o;
	bool (*wanted)(long nr);
	struct site *sites;
	size_t count, max;
	const uint8_t *free; /* where the last window ends */
	struct function function;
	struct far_targets far;
};

/* The next 0f 05 from p on, or NULL. */
static const uint8_t *next_pattern(const uint8_t *p, const uint8_t *end)
{
	const __m128i first = _mm_set1_epi8(0x0f), second = _mm_set1_epi8(0x05);

	for (; p + 17 <= end; p += 16) {
		__m128i both = _mm_and_si128(_mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)p), first),
					     _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(p + 1)), second));
		unsigned hits = (unsigned)_mm_movemask_epi8(both);

		if (hits)
			return p + __builtin_ctz(hits);
	}
	for (; p + SYSCALL_SIZE <= end; p++)
		if (p[0] == 0x0f && p[1] == 0x05)
			return p;
	return NULL;
}

/* What follows the function's own end, up to the next one, is code without a description (clone's second half) or
 * padding, and in other objects than the C library's perhaps data. */
static bool decode_function(struct function *f, const struct object *o, const uint8_t *at)
{
	const uint8_t *edge, *p, *end;
	struct placed *to = f->insns;

	f->count = 0;
	if (!object_function(o, at, &f->range, &edge))
		return false;
	if (edge && !o->is_glibc)
		f->range.end = edge;
	end = edge && edge < f->range.end ? edge : f->range.end;
	if (f->range.end - f->range.start > FUNCTION_BYTES)
		return false;
	for (p = f->range.start; p < f->range.end && f->count < FUNCTION_INSNS; p = end, end = f->range.end)
		for (; p < end && f->count < FUNCTION_INSNS && insn_decode(p, end, &to->insn); f->count++, to++) {
			to->at = p;
			p += to->insn.length;
		}
	return true;
}

static void add(struct finder *finder, unsigned i)
{
	struct function *f = &finder->function;
	struct site *site;

	if (finder->count++ >= finder->max)
		return;
	site = &finder->sites[finder->count - 1];
	*site = (struct site){.at = f->insns[i].at, .nr = flow_number(f, i), .kind = SITE_NATIVE};
	if (site->nr >= 0 && !finder->wanted(site->nr))
		return;
	window_choose(f, i, finder->free, site);
	if (site->kind == SITE_BEFORE)
		finder->free = site->at + SYSCALL_SIZE; /* the instruction must stay */
	else if (site->kind == SITE_ACROSS)
		finder->free = site->end;
}

/* All sites of the function around the pattern; the address after it. */
static const uint8_t *look(struct finder *finder, const uint8_t *pattern)
{
	struct function *f = &finder->function;

	if (!decode_function(f, finder->o, pattern) || f->range.end <= pattern)
		return pattern + 1;
	flow_mark(finder->o, f, &finder->far);
	for (unsigned i = 0; i < f->count; i++)
		if (f->insns[i].insn.kind == INSN_SYSCALL)
			add(finder, i);
	return f->range.end;
}

/* Notes where long branches lead to the neighbourhood of a pattern. False: no memory. */
static bool find_far_targets(struct finder *finder, const struct range *code)
{
	size_t size = (size_t)(code->end - code->start) / 128 + NEAR;
	long map = sys_call(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *near = (uint8_t *)map;
	bool any = false;

	if (sys_failed(map))
		return false;
	for (const uint8_t *p = code->start; (p = next_pattern(p, code->end)); p++, any = true) {
		size_t at = (size_t)(p - code->start), from = at > NEAR ? at - NEAR : 0;

		for (size_t i = from / 16; i <= (at + NEAR) / 16; i++)
			near[i / 8] |= (uint8_t)(1 << i % 8);
	}
	if (any)
		flow_far_targets(code, near, code->start, &finder->far);
	sys_call(SYS_munmap, map, size);
	return true;
}

static long find(struct finder *finder, const struct range *code)
{
	finder->far.count = 0;
	if (!find_far_targets(finder, code))
		return -ENOMEM;
	if (finder->far.overflow)
		return -E2BIG;
	for (const uint8_t *p = code->start; (p = next_pattern(p, code->end));)
		p = look(finder, p);
	return finder->count <= finder->max ? 0 : -E2BIG;
}

long sites_find(const struct object *o, bool (*wanted)(long nr), struct site *sites, size_t max)
{
	long map = sys_call(SYS_mmap, 0, sizeof(struct finder), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0), err = 0;
	struct finder *finder = (struct finder *)map;

	if (sys_failed(map))
		return map;
	finder->o = o;
	finder->wanted = wanted;
	finder->sites = sites;
	finder->max = max;
	for (unsigned i = 0; i < o->code_count && !err; i++)
		err = find(finder, &o->code[i]);
	if (!err)
		err = (long)finder->count;
	sys_call(SYS_munmap, map, sizeof(struct finder));
	return err;
}
