#include "sites.h"

#include <emmintrin.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "sites_impl.h"
#include "sys.h"

struct finder {
	const struct object *o;
	bool (*wanted)(long nr);
	struct site *sites;
	size_t count, max;
	const uint8_t *free; /* where the last window ends */
	bool is_foreign;     /* waits_by_itself */
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

static bool decode(struct finder *finder, const uint8_t *from, const uint8_t *to)
{
	struct function *f = &finder->function;
	struct placed p = {.at = from};
	bool any = false;

	for (; p.at < to && f->count < FUNCTION_INSNS && insn_decode(p.at, to, &p.insn); p.at += p.insn.length) {
		f->at[f->count++] = (uint32_t)(p.at - f->range.start);
		any |= p.insn.kind == INSN_SYSCALL;
		if (p.insn.rel_at || p.insn.rip_at)
			flow_mark(finder->o, f, &p);
	}
	return any;
}

/* Where no table tells the functions apart, as in what Go's compiler makes: mov $SYS_futex, %eax; syscall. Threads that
 * wait there cannot be seen to wait. */
static bool waits_by_itself(const struct finder *finder, const uint8_t *at)
{
	static const uint8_t futex[] = {0xb8, SYS_futex & 255, SYS_futex >> 8, 0, 0};
	const uint8_t *before = at - sizeof(futex);

	return before >= finder->o->all.start && at[1] == 0x05 && !memcmp(before, futex, sizeof(futex));
}

/* The function around `at`; whether it has system calls. What follows its own end, up to the next one, is code without a
 * description (clone's second half) or padding, and in other objects than the C library's perhaps data. */
static bool decode_function(struct finder *finder, const uint8_t *at)
{
	struct function *f = &finder->function;
	const uint8_t *edge;
	bool any;

	f->count = 0;
	if (!object_function(finder->o, at, &f->range, &edge)) {
		f->range.end = at + 1;
		finder->is_foreign |= waits_by_itself(finder, at);
		return false;
	}
	if (edge && !finder->o->is_glibc) {
		f->range.end = edge;
		finder->is_foreign |= edge <= at && waits_by_itself(finder, at);
	}
	if (f->range.end <= at) { /* nobody's: the function before it has been looked at */
		f->range.end = at + 1;
		return false;
	}
	if (f->range.end - f->range.start > FUNCTION_BYTES)
		return false;
	memset(f->is_target, 0, (size_t)(f->range.end - f->range.start) / 8 + 1);
	if (!edge || edge >= f->range.end)
		return decode(finder, f->range.start, f->range.end);
	any = decode(finder, f->range.start, edge);
	return decode(finder, edge, f->range.end) || any;
}

static void add(struct finder *finder, unsigned i)
{
	struct function *f = &finder->function;
	struct site *site;

	if (finder->count++ >= finder->max)
		return;
	site = &finder->sites[finder->count - 1];
	*site = (struct site){.at = f->range.start + f->at[i], .nr = flow_number(f, i), .kind = SITE_NATIVE};
	if (site->nr >= 0 && !finder->wanted(site->nr))
		return;
	window_choose(f, i, finder->free, site);
	if (site->kind == SITE_BEFORE)
		finder->free = site->at + SYSCALL_SIZE; /* the instruction must stay */
	else if (site->kind == SITE_ACROSS)
		finder->free = site->end;
}

/* All sites of the function around the pattern. */
static void look(struct finder *finder, const uint8_t *pattern)
{
	struct function *f = &finder->function;

	if (!decode_function(finder, pattern))
		return;
	flow_mark_far(f, &finder->far);
	for (unsigned i = 0; i < f->count; i++) {
		const uint8_t *at = f->range.start + f->at[i];

		if (at[0] == 0x0f && at[1] == 0x05)
			add(finder, i);
	}
}

/* Most objects make no system calls of their own: then nothing else is looked at. */
static bool has_sites(struct finder *finder, const struct range *code)
{
	for (const uint8_t *p = code->start; (p = next_pattern(p, code->end)); p = finder->function.range.end)
		if (decode_function(finder, p))
			return true;
	return false;
}

/* Notes where long branches lead to the neighbourhood of a pattern. False: no memory. */
static bool find_far_targets(struct finder *finder, const struct range *code)
{
	size_t size = (size_t)(code->end - code->start + REACH_ON) / 128 + 1;
	long map = sys_call(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *near = (uint8_t *)map;

	if (sys_failed(map))
		return false;
	for (const uint8_t *p = code->start; (p = next_pattern(p, code->end)); p++) {
		size_t at = (size_t)(p - code->start), from = at > REACH_BACK ? at - REACH_BACK : 0;

		for (size_t i = from / 16; i <= (at + REACH_ON) / 16; i++)
			near[i / 8] |= (uint8_t)(1 << i % 8);
	}
	flow_far_targets(code, near, &finder->far);
	sys_call(SYS_munmap, map, size);
	return true;
}

static long find(struct finder *finder, const struct range *code)
{
	finder->far.count = 0;
	if (!has_sites(finder, code))
		return 0;
	if (!find_far_targets(finder, code))
		return -ENOMEM;
	if (finder->far.overflow)
		return -E2BIG;
	for (const uint8_t *p = code->start; (p = next_pattern(p, code->end)); p = finder->function.range.end)
		look(finder, p);
	return finder->count <= finder->max ? 0 : -E2BIG;
}

static bool has_pattern(const struct object *o)
{
	for (unsigned i = 0; i < o->code_count; i++)
		if (next_pattern(o->code[i].start, o->code[i].end))
			return true;
	return false;
}

long sites_find(const struct object *o, bool (*wanted)(long nr), struct site *sites, size_t max)
{
	struct finder *finder;
	long map, err = 0;

	if (!has_pattern(o))
		return 0;
	map = sys_call(SYS_mmap, 0, sizeof(*finder), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (sys_failed(map))
		return map;
	finder = (struct finder *)map;
	finder->o = o;
	finder->wanted = wanted;
	finder->sites = sites;
	finder->max = max;
	for (unsigned i = 0; i < o->code_count && !err; i++)
		err = find(finder, &o->code[i]);
	if (!err)
		err = finder->is_foreign ? -EOPNOTSUPP : (long)finder->count;
	sys_call(SYS_munmap, map, sizeof(*finder));
	return err;
}
