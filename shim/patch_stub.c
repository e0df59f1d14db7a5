#include "patch_stub.h"

#include <string.h>

#include "decode.h"

#define SYSCALL_SIZE 2
#define ENTRY_SIZE 28 /* of put_entry: two lea, one far jump */

/* Where code is written: at `to`, to be executed `shift` bytes further on. */
struct writer {
	uint8_t *to;
	ptrdiff_t shift;
	bool fits; /* nothing was too far away so far */
};

static void put(struct writer *w, const void *bytes, size_t size)
{
	memcpy(w->to, bytes, size);
	w->to += size;
}

/* A displacement of four bytes, relative to what follows it by `more` bytes. */
static void put_rel32(struct writer *w, const void *target, unsigned more)
{
	intptr_t distance = (intptr_t)target - (intptr_t)(w->to + w->shift + 4 + more);
	int32_t rel = (int32_t)distance;

	w->fits &= rel == distance;
	put(w, &rel, sizeof(rel));
}

static void put_jump(struct writer *w, const void *target)
{
	put(w, "\xe9", 1);
	put_rel32(w, target, 0);
}

/* jmp *0(%rip), with the address after it: the entry may be anywhere. */
static void put_far_jump(struct writer *w, const void *target)
{
	put(w, "\xff\x25\0\0\0\0", 6);
	put(w, &target, sizeof(target));
}

static void put_branch(struct writer *w, const uint8_t *from, const struct insn *insn)
{
	uint8_t opcode[] = {0x0f, (uint8_t)(0x80 | (from[insn->opcode_at] & 15))}; /* jcc: 70+cc or 0f 80+cc */

	if (insn->kind == INSN_JUMP) {
		put_jump(w, insn->target);
		return;
	}
	put(w, opcode, sizeof(opcode));
	put_rel32(w, insn->target, 0);
}

/* One instruction of the window. */
static void put_moved(struct writer *w, const uint8_t *from, const struct insn *insn)
{
	unsigned rest = insn->length - insn->rip_at;
	int32_t rel;

	if (insn->rel_at) {
		put_branch(w, from, insn);
	} else if (insn->rip_at) {
		memcpy(&rel, from + insn->rip_at, sizeof(rel));
		put(w, from, insn->rip_at);
		put_rel32(w, from + insn->length + rel, rest - 4);
		put(w, from + insn->rip_at + 4, rest - 4);
	} else {
		put(w, from, insn->length);
	}
}

/* False: not what the finder saw. */
static bool put_all_moved(struct writer *w, const uint8_t *from, const uint8_t *to)
{
	struct insn insn;

	for (; from < to; from += insn.length) {
		if (!insn_decode(from, to, &insn))
			return false;
		put_moved(w, from, &insn);
	}
	return true;
}

/* rcx: the syscall instruction that carries on; r11: the address after the site's own. */
static void put_entry(struct writer *w, const struct site *site, const void *pass, const void *entry)
{
	put(w, "\x48\x8d\x0d", 3); /* lea pass(%rip), %rcx */
	put_rel32(w, pass, 0);
	put(w, "\x4c\x8d\x1d", 3); /* lea after(%rip), %r11 */
	put_rel32(w, site->at + SYSCALL_SIZE, 0);
	put_far_jump(w, entry);
}

size_t stub_write(uint8_t *to, uintptr_t place, const struct site *site, const void *entry)
{
	struct writer w = {.to = to, .shift = (ptrdiff_t)(place - (uintptr_t)to), .fits = true};

	if (!put_all_moved(&w, site->start, site->at))
		return 0;
	if (site->kind == SITE_BEFORE) {
		put_entry(&w, site, site->at, entry);
	} else {
		put_entry(&w, site, w.to + w.shift + ENTRY_SIZE, entry);
		put(&w, "\x0f\x05", SYSCALL_SIZE);
		if (!put_all_moved(&w, site->at + SYSCALL_SIZE, site->end))
			return 0;
		put_jump(&w, site->end);
	}
	return w.fits ? (size_t)(w.to - to) : 0;
}

bool stub_jump(uint8_t *window, const struct site *site, uintptr_t stub)
{
	struct writer w = {.to = window, .shift = site->start - window, .fits = true};

	memset(window, 0xcc, (size_t)(site->end - site->start));
	put_jump(&w, (const void *)stub);
	return w.fits;
}
