/* unwind_cfi.h - reading the encodings of .eh_frame. */
#ifndef SHIM_UNWIND_CFI_H
#define SHIM_UNWIND_CFI_H

#include <stdint.h>
#include <string.h>

enum { /* DWARF 5, 7.24 */
       CFA_ADVANCE_LOC = 0x40,
       CFA_OFFSET = 0x80,
       CFA_RESTORE = 0xc0,
       CFA_NOP = 0,
       CFA_SET_LOC,
       CFA_ADVANCE_LOC1,
       CFA_ADVANCE_LOC2,
       CFA_ADVANCE_LOC4,
       CFA_OFFSET_EXTENDED,
       CFA_RESTORE_EXTENDED,
       CFA_UNDEFINED,
       CFA_SAME_VALUE,
       CFA_REGISTER,
       CFA_REMEMBER_STATE,
       CFA_RESTORE_STATE,
       CFA_DEF_CFA,
       CFA_DEF_CFA_REGISTER,
       CFA_DEF_CFA_OFFSET,
       CFA_DEF_CFA_EXPRESSION,
       CFA_EXPRESSION,
       CFA_OFFSET_EXTENDED_SF,
       CFA_DEF_CFA_SF,
       CFA_DEF_CFA_OFFSET_SF,
       CFA_VAL_OFFSET,
       CFA_VAL_OFFSET_SF,
       CFA_VAL_EXPRESSION,
       CFA_GNU_ARGS_SIZE = 0x2e,
};

enum { /* 7.7.1 */
       OP_DEREF = 0x06,
       OP_CONST1U = 0x08,
       OP_CONST1S = 0x09,
       OP_CONST2U = 0x0a,
       OP_AND = 0x1a,
       OP_MINUS = 0x1c,
       OP_PLUS = 0x22,
       OP_PLUS_UCONST = 0x23,
       OP_SHL = 0x24,
       OP_GE = 0x2a,
       OP_LIT0 = 0x30,
       OP_BREG0 = 0x70,
};

static inline uint64_t read_uleb(const uint8_t **p)
{
	uint64_t value = 0;
	unsigned shift = 0;

	do {
		value |= (uint64_t)(**p & 0x7f) << shift;
		shift += 7;
	} while (*(*p)++ & 0x80 && shift < 64);
	return value;
}

static inline int64_t read_sleb(const uint8_t **p)
{
	uint64_t value = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = *(*p)++;
		value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while (byte & 0x80 && shift < 64);
	if (byte & 0x40 && shift < 64)
		value |= UINT64_MAX << shift;
	return (int64_t)value;
}

static inline uint64_t read_bytes(const uint8_t **p, unsigned size)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < size; i++)
		value |= (uint64_t)(*p)[i] << (8 * i);
	*p += size;
	return value;
}

/* A pointer in one of the encodings that x86-64 objects use: absolute, or signed 4 bytes relative to itself. */
static inline uintptr_t read_pointer(const uint8_t **p, uint8_t encoding)
{
	const uint8_t *at = *p;
	uint64_t value;

	switch (encoding & 0x0f) {
	case 0x0b:
		value = (uint64_t)(int32_t)read_bytes(p, 4);
		break;
	case 0x03:
		value = read_bytes(p, 4);
		break;
	default:
		value = read_bytes(p, 8);
	}
	return (encoding & 0x70) == 0x10 ? value + (uintptr_t)at : value;
}

#endif
