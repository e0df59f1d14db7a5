#include <emmintrin.h>
#include <string.h>

#include "sites_impl.h"

#define JUMP_REL32 0xe9 /* call: 0xe8 */

static int32_t read_i32(const uint8_t *p)
{
	int32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* rel: where a displacement of four bytes would be. */
static inline void note(const struct range *code, const uint8_t *near, const uint8_t *rel, struct far_targets *far)
{
	size_t i = (size_t)(rel + 4 + read_i32(rel) - code->start); /* huge: before the code */

	if (i >= (size_t)(code->end - code->start) || !(near[i / 128] >> i / 16 % 8 & 1))
		return;
	if (far->count == FAR_TARGETS)
		far->overflow = true;
	else
		far->at[far->count++] = code->start + i;
}

/* Shell's sort: they are few, and libc's may not be called for it (it allocates). */
static void sort(const uint8_t **at, size_t count)
{
	for (size_t gap = count / 2; gap > 0; gap = gap == 2 ? 1 : gap * 5 / 11)
		for (size_t i = gap; i < count; i++) {
			const uint8_t *v = at[i];
			size_t k = i;

			for (; k >= gap && at[k - gap] > v; k -= gap)
				at[k] = at[k - gap];
			at[k] = v;
		}
}

/* Bits for 16 positions: a displacement of four bytes would begin one (e8, e9) or two (0f 80-8f) bytes after. */
static inline uint64_t displacements(const uint8_t *p)
{
	const __m128i low_bit = _mm_set1_epi8(1), jump = _mm_set1_epi8((char)JUMP_REL32);
	const __m128i escape = _mm_set1_epi8(0x0f), high = _mm_set1_epi8((char)0xf0), cond = _mm_set1_epi8((char)0x80);
	__m128i here = _mm_loadu_si128((const __m128i *)p);
	__m128i next = _mm_loadu_si128((const __m128i *)(p + 1));
	__m128i direct = _mm_cmpeq_epi8(_mm_or_si128(here, low_bit), jump);
	__m128i branch = _mm_and_si128(_mm_cmpeq_epi8(here, escape), _mm_cmpeq_epi8(_mm_and_si128(next, high), cond));

	return (uint64_t)(unsigned)_mm_movemask_epi8(direct) | (uint64_t)(unsigned)_mm_movemask_epi8(branch) << 1;
}

/* Long branches, 32 positions at a time; the last ones one by one. */
void flow_far_targets(const struct range *code, const uint8_t *near, struct far_targets *far)
{
	const uint8_t *p = code->start;

	for (; p + 38 <= code->end; p += 32)
		for (uint64_t hits = displacements(p) | displacements(p + 16) << 16; hits; hits &= hits - 1)
			note(code, near, p + __builtin_ctzll(hits) + 1, far);
	for (; p + 5 <= code->end; p++)
		if ((*p | 1) == JUMP_REL32)
			note(code, near, p + 1, far);
		else if (*p == 0x0f && (p[1] & 0xf0) == 0x80 && p + 6 <= code->end)
			note(code, near, p + 2, far);
	sort(far->at, far->count);
}

static void mark(struct function *f, const uint8_t *at)
{
	size_t i = (size_t)(at - f->range.start);

	if (at >= f->range.start && at < f->range.end)
		f->is_target[i / 8] |= (uint8_t)(1 << i % 8);
}

/* A switch: an address in read-only data that begins with 32-bit distances from itself to this function. */
static void mark_table(const struct object *o, struct function *f, const uint8_t *table)
{
	const uint8_t *end = NULL;

	for (unsigned i = 0; i < o->data_count; i++)
		if (table >= o->data[i].start && table < o->data[i].end)
			end = o->data[i].end;
	for (const uint8_t *p = table; end && p + 4 <= end; p += 4) {
		const uint8_t *to = table + read_i32(p);

		if (to < f->range.start || to >= f->range.end)
			return;
		mark(f, to);
	}
}

void flow_mark(const struct object *o, struct function *f, const struct placed *p)
{
	if (p->insn.rel_at)
		mark(f, p->insn.target);
	if (p->insn.rip_at) {
		const uint8_t *to = p->at + p->insn.length + read_i32(p->at + p->insn.rip_at);

		mark(f, to); /* the address of a label */
		mark_table(o, f, to);
	}
}

void flow_mark_far(struct function *f, const struct far_targets *far)
{
	size_t low = 0, high = far->count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (far->at[mid] < f->range.start)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < far->count && far->at[low] < f->range.end; low++)
		mark(f, far->at[low]);
}

/* The destination of the ModRM's r/m (or reg) is not rax, nor part of it. */
static bool spares_rm(const struct placed *p)
{
	uint8_t modrm = p->at[p->insn.modrm_at];

	return modrm < 0xc0 || (modrm & 7) || (p->insn.rex & 1);
}

static bool spares_reg(const struct placed *p)
{
	return (p->at[p->insn.modrm_at] >> 3 & 7) || (p->insn.rex & 4);
}

/* set: opcodes in a string. */
#define IS_IN(op, set) (memchr(set, op, sizeof(set) - 1) != NULL)

static bool spares_one_byte(const struct placed *p, uint8_t op)
{
	if (IS_IN(op, "\x01\x09\x11\x19\x21\x29\x31\x89\xc7"))
		return spares_rm(p);
	if (IS_IN(op, "\x03\x0b\x23\x2b\x33\x63\x8b\x8d"))
		return spares_reg(p);
	if (IS_IN(op, "\x81\x83"))
		return (p->at[p->insn.modrm_at] >> 3 & 7) == 7 || spares_rm(p);
	if (IS_IN(op, "\x39\x3b\x3d\x68\x6a\x84\x85\x90\xa8\xa9") || (op >= 0x50 && op < 0x58))
		return true;
	return (op & 0xf8) == 0xb8 && ((op & 7) || (p->insn.rex & 1));
}

static bool spares_two_bytes(const struct placed *p, uint8_t op)
{
	if (IS_IN(op, "\x10\x11\x12\x13\x14\x16\x17\x1e\x1f\x28\x29\x57\x6c\x6e\x6f\x7f\xd6\xef"))
		return true;
	return (IS_IN(op, "\xaf\xb6\xb7\xbe\xbf") || (op & 0xf0) == 0x40) && spares_reg(p);
}

/* Known not to change rax. Most are not known, which costs nothing but a look at the number when the call is made. */
static bool spares_rax(const struct placed *p)
{
	uint8_t op = p->at[p->insn.opcode_at];

	if (p->insn.kind != INSN_PLAIN)
		return false;
	if (p->insn.map == 0)
		return spares_one_byte(p, op);
	return p->insn.map == 1 && spares_two_bytes(p, op);
}

/* mov $nr,%eax; xor %eax,%eax; mov $nr,%rax. */
static bool sets_number(const struct placed *p, int *nr)
{
	const uint8_t *op = p->at + p->insn.opcode_at;

	if (p->insn.map != 0 || p->insn.rex & 5)
		return false;
	if (*op == 0xb8 && !p->insn.rex)
		*nr = read_i32(op + 1);
	else if ((*op == 0x31 || *op == 0x33) && op[1] == 0xc0)
		*nr = 0;
	else if (*op == 0xc7 && op[1] == 0xc0)
		*nr = read_i32(op + 2);
	else
		return false;
	return true;
}

int flow_number(const struct function *f, unsigned i)
{
	const uint8_t *end = f->range.start + f->at[i], *reach = end - REACH_BACK;
	int nr;

	while (i > 0 && end >= reach && !is_target(f, end)) {
		struct placed p = placed_at(f, --i);

		if (p.at + p.insn.length != end)
			return -1;
		if (sets_number(&p, &nr))
			return nr;
		if (!spares_rax(&p))
			return -1;
		end = p.at;
	}
	return -1;
}
