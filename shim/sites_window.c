#include "sites_impl.h"

/* Can run elsewhere: position independent, or with a displacement that can be set anew. */
static bool is_movable(const struct placed *p)
{
	return p->insn.kind == INSN_PLAIN;
}

/* The same for the window's last instruction, where a branch may stand (but loop and jrcxz have no long form). */
static bool is_movable_last(const struct placed *p)
{
	uint8_t op = p->at[p->insn.opcode_at];

	if (p->insn.kind == INSN_JUMP)
		return p->insn.opcode_at == 0 && p->insn.map == 0;
	if (p->insn.kind == INSN_BRANCH)
		return p->insn.opcode_at == p->insn.map && (p->insn.map == 1 || (op & 0xf0) == 0x70);
	return p->insn.kind == INSN_STOP;
}

/* The instruction before i, which begins at `at`, if control can only come from there. */
static bool has_before(const struct function *f, unsigned i, const uint8_t *at, struct placed *before)
{
	if (i == 0 || is_target(f, at))
		return false;
	*before = placed_at(f, i - 1);
	return before->at + before->insn.length == at && is_movable(before);
}

/* The window ends at the syscall instruction i. */
static bool choose_before(const struct function *f, unsigned i, const uint8_t *free, struct site *site)
{
	const uint8_t *end = f->range.start + f->at[i], *start = end;
	struct placed before;

	for (; end - start < JUMP_SIZE; start = before.at)
		if (!has_before(f, i--, start, &before) || before.at < free)
			return false;
	*site = (struct site){.at = end, .start = start, .end = end, .nr = site->nr, .kind = SITE_BEFORE};
	return true;
}

/* The end of a window that begins at `start` and holds instruction i, a syscall; NULL if there is none. */
static const uint8_t *end_across(const struct function *f, unsigned i, const uint8_t *start)
{
	const uint8_t *end = f->range.start + f->at[i] + SYSCALL_SIZE;

	while (end - start < JUMP_SIZE) {
		struct placed p;

		if (++i >= f->count || f->range.start + f->at[i] != end || is_target(f, end))
			return NULL;
		p = placed_at(f, i);
		end += p.insn.length;
		if (is_movable_last(&p))
			break;
		if (!is_movable(&p))
			return NULL;
	}
	return end - start < JUMP_SIZE ? NULL : end;
}

/* As few instructions before the syscall as will do. */
static bool choose_across(const struct function *f, unsigned i, const uint8_t *free, struct site *site)
{
	const uint8_t *at = f->range.start + f->at[i], *start = at;
	struct placed before;

	for (unsigned first = i; start >= free; start = before.at, first--) {
		const uint8_t *end = end_across(f, i, start);

		if (end) {
			*site = (struct site){
				.at = at, .start = start, .end = end, .nr = site->nr, .kind = SITE_ACROSS};
			return true;
		}
		if (at + SYSCALL_SIZE - start >= JUMP_SIZE || !has_before(f, first, start, &before))
			return false;
	}
	return false;
}

void window_choose(const struct function *f, unsigned i, const uint8_t *free, struct site *site)
{
	if (choose_before(f, i, free, site) || choose_across(f, i, free, site))
		return;
	site->kind = SITE_LEFT;
	site->why = "a branch leads between the instructions around it, or they cannot be moved";
}
