#include "patch_stub.h"

#include <string.h>

#include "decode.h"

#define SYSCALL_SIZE 2

static bool put_rel32(uint8_t *field, const uint8_t *next, const void *target)
{
	intptr_t distance = (const uint8_t *)target - next;
	int32_t rel = (int32_t)distance;

	memcpy(field, &rel, sizeof(rel));
	return rel == distance;
}

static uint8_t *put(uint8_t *to, const void *bytes, size_t size)
{
	memcpy(to, bytes, size);
	return to + size;
}

/* NULL anywhere below: too far. */
static uint8_t *put_jump(uint8_t *to, const void *target)
{
	*to = 0xe9;
	return put_rel32(to + 1, to + 5, target) ? to + 5 : NULL;
}

/* lea target(%rip), %rcx or %r11 */
static uint8_t *put_lea(uint8_t *to, bool r11, const void *target)
{
	to = put(to, r11 ? "\x4c\x8d\x1d" : "\x48\x8d\x0d", 3);
	return put_rel32(to, to + 4, target) ? to + 4 : NULL;
}

/* jmp *0(%rip), with the address after it: the entry may be anywhere. */
static uint8_t *put_far_jump(uint8_t *to, const void *target)
{
	to = put(to, "\xff\x25\0\0\0\0", 6);
	return put(to, &target, sizeof(target));
}

static uint8_t *put_branch(uint8_t *to, const uint8_t *from, const struct insn *insn)
{
	if (insn->kind == INSN_JUMP)
		return put_jump(to, insn->target);
	to[0] = 0x0f;
	to[1] = (uint8_t)(0x80 | (from[insn->opcode_at] & 15)); /* jcc: 70+cc or 0f 80+cc */
	return put_rel32(to + 2, to + 6, insn->target) ? to + 6 : NULL;
}

/* One instruction of the window, to be executed at `to`. */
static uint8_t *put_moved(uint8_t *to, const uint8_t *from, const struct insn *insn)
{
	int32_t rel;

	if (insn->rel_at)
		return put_branch(to, from, insn);
	memcpy(to, from, insn->length);
	if (!insn->rip_at)
		return to + insn->length;
	memcpy(&rel, from + insn->rip_at, sizeof(rel));
	if (!put_rel32(to + insn->rip_at, to + insn->length, from + insn->length + rel))
		return NULL;
	return to + insn->length;
}

/* rcx: the syscall instruction that carries on; r11: the address after the site's own. */
static uint8_t *put_entry(uint8_t *to, const struct site *site, const uint8_t *pass, const void *entry)
{
	to = put_lea(to, false, pass);
	to = to ? put_lea(to, true, site->at + SYSCALL_SIZE) : NULL;
	return to ? put_far_jump(to, entry) : NULL;
}

size_t stub_write(uint8_t *stub, const struct site *site, const void *entry)
{
	uint8_t *to = stub;
	const uint8_t *from = site->start;
	struct insn insn = {0};

	for (; to && from < site->at; from += insn.length) {
		if (!insn_decode(from, site->end, &insn))
			return 0;
		to = put_moved(to, from, &insn);
	}
	if (!to)
		return 0;
	if (site->kind == SITE_BEFORE) {
		to = put_entry(to, site, site->at, entry);
		return to ? (size_t)(to - stub) : 0;
	}
	to = put_entry(to, site, to + 14 + 14, entry); /* two lea, one far jump: then our own instruction */
	if (!to)
		return 0;
	to = put(to, "\x0f\x05", SYSCALL_SIZE);
	for (from = site->at + SYSCALL_SIZE; to && from < site->end; from += insn.length) {
		if (!insn_decode(from, site->end, &insn))
			return 0;
		to = put_moved(to, from, &insn);
	}
	to = to ? put_jump(to, site->end) : NULL;
	return to ? (size_t)(to - stub) : 0;
}

bool stub_jump(uint8_t *window, const struct site *site, const uint8_t *stub)
{
	memset(window, 0xcc, (size_t)(site->end - site->start));
	window[0] = 0xe9;
	return put_rel32(window + 1, site->start + JUMP_SIZE, stub);
}
