#include <emmintrin.h>
#include <string.h>

#include "sites_impl.h"

#define CALL_REL32 0xe8
#define JUMP_REL32 0xe9

static int32_t read_i32(const uint8_t *p)
{
	int32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* rel: where a displacement of four bytes would be. */
static void note(const struct range *code, const uint8_t *near, const uint8_t *start, const uint8_t *rel,
		 struct far_targets *far)
{
	const uint8_t *to;
	size_t i;

	if (rel + 4 > code->end)
		return;
	to = rel + 4 + read_i32(rel);
	if (to < code->start || to >= code->end)
		return;
	i = (size_t)(to - start) / 16;
	if (!(near[i / 8] >> i % 8 & 1))
		return;
	if (far->count == FAR_TARGETS)
		far->overflow = true;
	else
		far->at[far->count++] = to;
}

/* e8, e9 and 0f 80-8f, sixteen positions at a time. The segment's last bytes hold no whole branch. */
void flow_far_targets(const struct range *code, const uint8_t *near, const uint8_t *start, struct far_targets *far)
{
	const __m128i low_bit = _mm_set1_epi8(1), jump = _mm_set1_epi8((char)JUMP_REL32);
	const __m128i escape = _mm_set1_epi8(0x0f), high = _mm_set1_epi8((char)0xf0), cond = _mm_set1_epi8((char)0x80);

	for (const uint8_t *p = code->start; p + 17 <= code->end; p += 16) {
		__m128i here = _mm_loadu_si128((const __m128i *)p);
		__m128i next = _mm_loadu_si128((const __m128i *)(p + 1));
		__m128i direct = _mm_cmpeq_epi8(_mm_or_si128(here, low_bit), jump);
		__m128i branch = _mm_and_si128(_mm_cmpeq_epi8(here, escape),
					       _mm_cmpeq_epi8(_mm_and_si128(next, high), cond));
		unsigned short_ones = (unsigned)_mm_movemask_epi8(direct), long_ones = (unsigned)_mm_movemask_epi8(branch);

		for (; short_ones; short_ones &= short_ones - 1)
			note(code, near, start, p + __builtin_ctz(short_ones) + 1, far);
		for (; long_ones; long_ones &= long_ones - 1)
			note(code, near, start, p + __builtin_ctz(long_ones) + 2, far);
	}
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

void flow_mark(const struct object *o, struct function *f, const struct far_targets *far)
{
	memset(f->is_target, 0, (size_t)(f->range.end - f->range.start) / 8 + 1);
	for (unsigned i = 0; i < f->count; i++) {
		const struct placed *p = &f->insns[i];

		if (p->insn.rel_at)
			mark(f, p->insn.target);
		if (p->insn.rip_at) {
			const uint8_t *to = p->at + p->insn.length + read_i32(p->at + p->insn.rip_at);

			mark(f, to); /* the address of a label */
			mark_table(o, f, to);
		}
	}
	for (size_t i = 0; i < far->count; i++)
		mark(f, far->at[i]);
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

static bool spares_one_byte(const struct placed *p, uint8_t op)
{
	switch (op) {
	case 0x01: case 0x09: case 0x11: case 0x19: case 0x21: case 0x29: case 0x31: case 0x89: case 0xc7:
		return spares_rm(p);
	case 0x03: case 0x0b: case 0x23: case 0x2b: case 0x33: case 0x63: case 0x8b: case 0x8d:
		return spares_reg(p);
	case 0x39: case 0x3b: case 0x3d: case 0x84: case 0x85: case 0xa8: case 0xa9: case 0x68: case 0x6a: case 0x90:
		return true;
	case 0x81: case 0x83:
		return (p->at[p->insn.modrm_at] >> 3 & 7) == 7 || spares_rm(p);
	default:
		break;
	}
	if (op >= 0x50 && op < 0x58)
		return true;
	return (op & 0xf8) == 0xb8 && ((op & 7) || (p->insn.rex & 1));
}

static bool spares_two_bytes(const struct placed *p, uint8_t op)
{
	switch (op) {
	case 0x10: case 0x11: case 0x12: case 0x13: case 0x14: case 0x16: case 0x17: case 0x1e: case 0x1f: case 0x28:
	case 0x29: case 0x57: case 0x6c: case 0x6e: case 0x6f: case 0x7f: case 0xd6: case 0xef:
		return true;
	case 0xb6: case 0xb7: case 0xbe: case 0xbf: case 0xaf:
		return spares_reg(p);
	default:
		return (op & 0xf0) == 0x40 && spares_reg(p);
	}
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
	int nr;

	while (i > 0 && !is_target(f, f->insns[i].at)) {
		const struct placed *p = &f->insns[--i];

		if (p->at + p->insn.length != f->insns[i + 1].at)
			return -1;
		if (sets_number(p, &nr))
			return nr;
		if (!spares_rax(p))
			return -1;
	}
	return -1;
}
