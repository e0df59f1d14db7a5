#include "decode.h"

#include <stdbool.h>
#include <stddef.h>

/* A form tells what follows an opcode: bit 0 ModRM, bits 1-4 the immediate, bits 5-7 the kind. */
enum form {
	MODRM = 1,
	IMM8 = 1 << 1,
	IMM16 = 2 << 1,
	ENTER = 3 << 1, /* imm16 and imm8 */
	IMM32 = 4 << 1,
	IMMZ = 5 << 1,	/* by operand size: 16, 32, or 32 extended to 64 */
	IMMV = 6 << 1,	/* 16, 32 or 64 */
	MOFFS = 7 << 1, /* by address size: 32 or 64 */
	GROUP = 8 << 1, /* ModRM's reg tells */
	IMM_MASK = 15 << 1,
};
#define KIND(kind) ((kind) << 5)

/* Not forms: no opcode has them, since a syscall has no operand. */
enum action {
	PREFIX = KIND(INSN_SYSCALL) + 1,
	REX,
	ESCAPE_0F,
	ESCAPE_0F38,
	ESCAPE_0F3A,
	VECTOR, /* VEX, EVEX; XOP or pop */
	BAD,
};

/* clang-format off */
enum { /* as the tables write them */
	o_ = 0, m_ = MODRM, b_ = IMM8, w_ = IMM16, z_ = IMMZ, en = ENTER, iv = IMMV, mo = MOFFS,
	mb = MODRM | IMM8, mz = MODRM | IMMZ, g_ = MODRM | GROUP,
	j1 = KIND(INSN_JUMP) | IMM8, j4 = KIND(INSN_JUMP) | IMM32, c4 = KIND(INSN_CALL) | IMM32,
	i1 = KIND(INSN_BRANCH) | IMM8, i4 = KIND(INSN_BRANCH) | IMM32,
	s_ = KIND(INSN_STOP), sw = KIND(INSN_STOP) | IMM16, sm = KIND(INSN_STOP) | MODRM, sy = KIND(INSN_SYSCALL),
	p_ = PREFIX, rx = REX, e1 = ESCAPE_0F, e2 = ESCAPE_0F38, e3 = ESCAPE_0F3A, v_ = VECTOR, x_ = BAD,
};

static const uint8_t one_byte[256] = {
	/*       0   1   2   3   4   5   6   7   8   9   a   b   c   d   e   f */
	/* 0 */ m_, m_, m_, m_, b_, z_, x_, x_, m_, m_, m_, m_, b_, z_, x_, e1,
	/* 1 */ m_, m_, m_, m_, b_, z_, x_, x_, m_, m_, m_, m_, b_, z_, x_, x_,
	/* 2 */ m_, m_, m_, m_, b_, z_, p_, x_, m_, m_, m_, m_, b_, z_, p_, x_,
	/* 3 */ m_, m_, m_, m_, b_, z_, p_, x_, m_, m_, m_, m_, b_, z_, p_, x_,
	/* 4 */ rx, rx, rx, rx, rx, rx, rx, rx, rx, rx, rx, rx, rx, rx, rx, rx,
	/* 5 */ o_, o_, o_, o_, o_, o_, o_, o_, o_, o_, o_, o_, o_, o_, o_, o_,
	/* 6 */ x_, x_, v_, m_, p_, p_, p_, p_, z_, mz, b_, mb, o_, o_, o_, o_,
	/* 7 */ i1, i1, i1, i1, i1, i1, i1, i1, i1, i1, i1, i1, i1, i1, i1, i1,
	/* 8 */ mb, mz, x_, mb, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, v_,
	/* 9 */ o_, o_, o_, o_, o_, o_, o_, o_, o_, o_, x_, o_, o_, o_, o_, o_,
	/* a */ mo, mo, mo, mo, o_, o_, o_, o_, b_, z_, o_, o_, o_, o_, o_, o_,
	/* b */ b_, b_, b_, b_, b_, b_, b_, b_, iv, iv, iv, iv, iv, iv, iv, iv,
	/* c */ mb, mb, sw, s_, v_, v_, g_, g_, en, o_, sw, s_, s_, b_, x_, s_,
	/* d */ m_, m_, m_, m_, x_, x_, x_, o_, m_, m_, m_, m_, m_, m_, m_, m_,
	/* e */ i1, i1, i1, i1, b_, b_, b_, b_, c4, j4, x_, j1, o_, o_, o_, o_,
	/* f */ p_, o_, p_, p_, s_, o_, g_, g_, o_, o_, o_, o_, o_, o_, g_, g_,
};

/* 20-23 have a ModRM without an address, whatever its mod: as an imm8. */
static const uint8_t two_byte[256] = {
	/*       0   1   2   3   4   5   6   7   8   9   a   b   c   d   e   f */
	/* 0 */ m_, m_, m_, m_, x_, sy, o_, s_, o_, o_, x_, s_, x_, m_, o_, mb,
	/* 1 */ m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_,
	/* 2 */ b_, b_, b_, b_, x_, x_, x_, x_, m_, m_, m_, m_, m_, m_, m_, m_,
	/* 3 */ o_, o_, o_, o_, s_, s_, x_, o_, e2, x_, e3, x_, x_, x_, x_, x_,
	/* 4 */ m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_,
	/* 5 */ m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_,
	/* 6 */ m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_,
	/* 7 */ mb, mb, mb, mb, m_, m_, m_, o_, g_, m_, x_, x_, m_, m_, m_, m_,
	/* 8 */ i4, i4, i4, i4, i4, i4, i4, i4, i4, i4, i4, i4, i4, i4, i4, i4,
	/* 9 */ m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_,
	/* a */ o_, o_, o_, m_, mb, m_, m_, m_, o_, o_, s_, m_, mb, m_, m_, m_,
	/* b */ m_, m_, m_, m_, m_, m_, m_, m_, g_, sm, g_, m_, m_, m_, m_, m_,
	/* c */ m_, m_, mb, m_, mb, mb, mb, m_, o_, o_, o_, o_, o_, o_, o_, o_,
	/* d */ m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_,
	/* e */ m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_,
	/* f */ m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, m_, sm,
};

/* Immediates by operand size: 32, 16, 64. */
static const uint8_t imm_size[3][8] = {
	/* none  8  16  enter  32  z  v  moffs */
	{ 0,     1, 2,  3,     4,  4, 4, 8 },
	{ 0,     1, 2,  3,     4,  2, 2, 8 },
	{ 0,     1, 2,  3,     4,  4, 8, 8 },
};
/* clang-format on */

enum { SEEN_66 = 1, SEEN_67 = 2, SEEN_F0 = 4, SEEN_F2 = 8, SEEN_F3 = 16 };

/* `at` may pass the limit; what is read there is 0, and the end looks at it. */
struct reader {
	const uint8_t *p;
	unsigned at, limit;
	uint8_t seen, rex;
};

static inline uint8_t peek(const struct reader *r)
{
	return r->at < r->limit ? r->p[r->at] : 0;
}

static inline uint8_t next(struct reader *r)
{
	uint8_t byte = peek(r);

	r->at++;
	return byte;
}

static uint8_t seen(uint8_t prefix)
{
	switch (prefix) {
	case 0x66:
		return SEEN_66;
	case 0x67:
		return SEEN_67;
	case 0xf0:
		return SEEN_F0;
	case 0xf2:
		return SEEN_F2;
	case 0xf3:
		return SEEN_F3;
	default: /* a segment, a hint, notrack */
		return 0;
	}
}

/* The first byte that is not a prefix, of `byte` and those that follow. A REX that is not the last prefix does not count. */
static uint8_t read_more_prefixes(struct reader *r, uint8_t byte)
{
	for (;; byte = next(r)) {
		if (one_byte[byte] == PREFIX) {
			r->seen |= seen(byte);
			r->rex = 0;
		} else if (one_byte[byte] == REX) {
			r->rex = byte;
		} else {
			return byte;
		}
	}
}

/* Most instructions have a REX or no prefix. Which one it is no branch predictor knows, so there is no branch. */
static inline uint8_t read_prefixes(struct reader *r)
{
	uint8_t byte = peek(r), is_rex = (byte & 0xf0) == 0x40;

	r->rex = byte & -is_rex;
	r->at = is_rex;
	byte = next(r);
	return one_byte[byte] == PREFIX || one_byte[byte] == REX ? read_more_prefixes(r, byte) : byte;
}

static uint8_t vector_form(unsigned map, uint8_t opcode)
{
	static const uint8_t forms[] = {
		[2] = MODRM,	     [3] = MODRM | IMM8, [5] = MODRM, [6] = MODRM,
		[7] = MODRM | IMM32, [8] = MODRM | IMM8, [9] = MODRM, [10] = MODRM | IMM32,
	};

	if (map != 1)
		return forms[map];
	switch (opcode) {
	case 0x70 ... 0x73:
	case 0xc2:
	case 0xc4 ... 0xc6:
		return MODRM | IMM8;
	case 0x77: /* vzeroupper */
		return 0;
	default:
		return MODRM;
	}
}

/* VEX, EVEX and XOP: SDM 2.3, 2.7, APM 1.2.5. */
static uint8_t read_vector(struct reader *r, uint8_t first)
{
	unsigned map = 1, maps = 1 << 1;

	if (r->rex || (r->seen & ~SEEN_67))
		return BAD;
	if (first == 0xc4) {
		map = next(r) & 0x1f;
		maps = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 7;
	} else if (first == 0x8f) {
		map = next(r) & 0x1f;
		maps = 1 << 8 | 1 << 9 | 1 << 10;
	} else if (first == 0x62) {
		map = next(r) & 0xf;
		maps = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 5 | 1 << 6;
		if (!(next(r) & 4))
			return BAD;
	}
	next(r);
	return maps >> map & 1 ? vector_form(map, next(r)) : BAD;
}

/* Reads the opcode, and returns its form or BAD. */
static uint8_t read_opcode(struct reader *r, struct insn *insn)
{
	uint8_t byte = read_prefixes(r), form = one_byte[byte];

	if (form == VECTOR && (byte != 0x8f || (peek(r) & 0x1f) >= 8)) {
		insn->map = 4;
		form = read_vector(r, byte);
	} else if (form == VECTOR) {
		form = g_; /* pop */
	} else if (form == ESCAPE_0F) {
		insn->map = 1;
		form = two_byte[next(r)];
	}
	if (form == ESCAPE_0F38 || form == ESCAPE_0F3A) {
		insn->map = form == ESCAPE_0F38 ? 2 : 3;
		form = form == ESCAPE_0F38 ? MODRM : MODRM | IMM8;
		next(r);
	}
	insn->opcode_at = r->at - 1;
	return form;
}

/* The forms of 0f 78, b8, ba. */
static uint8_t group_0f(const struct reader *r, uint8_t opcode, unsigned reg)
{
	if (opcode == 0xb8) /* popcnt */
		return r->seen & SEEN_F3 ? MODRM : BAD;
	if (opcode == 0xba)
		return reg >= 4 ? MODRM | IMM8 : BAD;
	return r->seen & (SEEN_66 | SEEN_F2) ? MODRM | IMM16 : MODRM; /* extrq, insertq; vmread */
}

/* The form that an opcode and the ModRM after it have together. */
static uint8_t group_form(const struct reader *r, unsigned map)
{
	static const uint8_t ff[8] = {
		MODRM,
		MODRM,
		MODRM | KIND(INSN_ICALL),
		MODRM | KIND(INSN_ICALL),
		MODRM | KIND(INSN_INDIRECT),
		MODRM | KIND(INSN_INDIRECT),
		MODRM,
		BAD,
	};
	uint8_t opcode = r->at <= r->limit ? r->p[r->at - 1] : 0, modrm = peek(r);
	unsigned reg = modrm >> 3 & 7;

	if (map == 1)
		return group_0f(r, opcode, reg);
	switch (opcode) {
	case 0x8f: /* pop */
		return reg == 0 ? MODRM : BAD;
	case 0xc6: /* mov, xabort */
		return reg == 0 || modrm == 0xf8 ? MODRM | IMM8 : BAD;
	case 0xc7: /* mov, xbegin; the latter's rel16 is nobody's */
		if (modrm == 0xf8)
			return r->seen & SEEN_66 && !(r->rex & 8) ? BAD : KIND(INSN_BRANCH) | MODRM | IMM32;
		return reg == 0 ? MODRM | IMMZ : BAD;
	case 0xf6: /* test, not ... */
		return reg < 2 ? MODRM | IMM8 : MODRM;
	case 0xf7:
		return reg < 2 ? MODRM | IMMZ : MODRM;
	case 0xfe: /* inc, dec */
		return reg < 2 ? MODRM : BAD;
	default:
		return ff[reg];
	}
}

static inline void read_modrm(struct reader *r, struct insn *insn)
{
	/* ModRM, SIB and displacement by mod and rm. */
	static const uint8_t sizes[4][8] = {
		{1, 1, 1, 1, 2, 5, 1, 1}, {2, 2, 2, 2, 3, 2, 2, 2}, {5, 5, 5, 5, 6, 5, 5, 5}, {1, 1, 1, 1, 1, 1, 1, 1}};
	uint8_t modrm = next(r);

	insn->modrm_at = r->at - 1;
	insn->rip_at = (modrm & 0xc7) == 5 ? r->at : 0;
	if ((modrm & 0xc7) == 4 && (peek(r) & 7) == 5) /* no base */
		r->at += 4;
	r->at += sizes[modrm >> 6][modrm & 7] - 1;
}

static inline void skip_immediate(struct reader *r, uint8_t form)
{
	unsigned operand = r->rex & 8 ? 2 : r->seen & SEEN_66; /* which is 1 */

	r->at += imm_size[operand][(form & IMM_MASK) >> 1];
	if ((r->seen & SEEN_67) && (form & IMM_MASK) == MOFFS)
		r->at -= 4;
}

static int32_t displacement(const uint8_t *p, unsigned size)
{
	if (size == 1)
		return (int8_t)p[0];
	return (int32_t)(p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
}

static bool is_relative(unsigned kind)
{
	return kind == INSN_JUMP || kind == INSN_BRANCH || kind == INSN_CALL;
}

unsigned insn_decode(const uint8_t *p, const uint8_t *end, struct insn *insn)
{
	struct reader r = {.p = p, .limit = end - p < 15 ? end - p : 15};
	unsigned immediate_at;
	uint8_t form;

	*insn = (struct insn){0};
	form = read_opcode(&r, insn);
	if (form != BAD && (form & IMM_MASK) == GROUP)
		form = group_form(&r, insn->map);
	if (form == BAD)
		goto bad;
	if (form & MODRM)
		read_modrm(&r, insn);
	immediate_at = r.at;
	skip_immediate(&r, form);
	if (r.at > r.limit)
		goto bad;
	insn->length = r.at;
	insn->kind = form >> 5;
	insn->rex = r.rex;
	if (is_relative(insn->kind)) {
		insn->rel_at = immediate_at;
		insn->rel_size = r.at - immediate_at;
		insn->target = p + r.at + displacement(p + immediate_at, insn->rel_size);
	}
	return insn->length;
bad:
	*insn = (struct insn){0};
	return 0;
}
