/* decode.h - lengths of x86-64 instructions in 64-bit mode, and what moving one elsewhere needs to know.
 * Intel SDM vol. 2, ch. 2 and appendix A; AMD APM vol. 3 for 3DNow!, SSE4a and XOP. Where the two differ (a jump's 66 prefix, ud0) it is
 * Intel's way. Not known: APX, and xbegin rel16. Not all that is undefined is refused: in the maps whose form is regular (VEX, EVEX, XOP,
 * 0f38, 0f3a) an undefined opcode gets the length that it would have, and so does an operand or prefix that its opcode does not take.
 * Reads only [p, end), allocates nothing, calls nothing. */
#ifndef SHIM_DECODE_H
#define SHIM_DECODE_H

#include <stdint.h>

enum insn_kind {
	INSN_PLAIN,    /* goes on to the next instruction, position independent but for rip_at; int n too */
	INSN_JUMP,     /* jmp rel8, rel32 */
	INSN_BRANCH,   /* jcc rel8, rel32, loop*, jrcxz, xbegin: to the target or on */
	INSN_CALL,     /* call rel32 */
	INSN_INDIRECT, /* jmp through a register or memory, far too */
	INSN_ICALL,    /* call through a register or memory, far too */
	INSN_STOP,     /* ret, retf, iret, hlt, int3, ud0, ud1, ud2, sysret, sysexit, sysenter, rsm: does not go on */
	INSN_SYSCALL,  /* 0f 05 */
};

struct insn {
	uint8_t length;	       /* 1..15; 0: not an instruction that we know, or it runs past `end` */
	uint8_t kind;	       /* enum insn_kind */
	uint8_t rip_at;	       /* offset of a rip-relative disp32; 0: none */
	uint8_t rel_at;	       /* offset of the relative displacement of JUMP, BRANCH, CALL; 0: none */
	uint8_t rel_size;      /* 1 or 4; 0: none */
	uint8_t opcode_at;     /* offset of the last byte of the opcode (of 3DNow!'s: its second 0f) */
	uint8_t map;	       /* 0: one-byte, 1: 0f, 2: 0f38, 3: 0f3a, 4: VEX, EVEX, XOP */
	uint8_t modrm_at;      /* offset of ModRM; 0: none */
	uint8_t rex;	       /* the REX prefix that counts, or 0 */
	const uint8_t *target; /* where a relative branch goes; NULL: it is none */
};

/* Decodes the instruction at p, which ends at `end` or before. p is where it is executed: the target is relative to it.
 * Returns its length; 0 leaves *insn all zero. */
unsigned insn_decode(const uint8_t *p, const uint8_t *end, struct insn *insn);

#endif
