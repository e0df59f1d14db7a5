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

static bool adjoins(const struct function *f, unsigned i)
{
	return i > 0 && f->insns[i - 1].at + f->insns[i - 1].insn.length == f->insns[i].at;
}

/* The window ends at the syscall instruction i. */
static bool choose_before(const struct function *f, unsigned i, const uint8_t *free, struct site *site)
{
	const uint8_t *end = f->insns[i].at;

	while (adjoins(f, i) && !is_target(f, f->insns[i].at) && is_movable(&f->insns[i - 1])) {
		i--;
		if (f->insns[i].at < free)
			return false;
		if (end - f->insns[i].at >= JUMP_SIZE) {
			*site = (struct site){.at = end, .start = f->insns[i].at, .end = end, .nr = site->nr,
					      .kind = SITE_BEFORE};
			return true;
		}
	}
	return false;
}

/* The end of a window that begins at `start` and holds instruction i, a syscall; NULL if there is none. */
static const uint8_t *end_across(const struct function *f, unsigned i, const uint8_t *start)
{
	const uint8_t *end = f->insns[i].at + SYSCALL_SIZE;

	while (end - start < JUMP_SIZE) {
		const struct placed *p = &f->insns[++i];

		if (i >= f->count || p->at != end || is_target(f, end))
			return NULL;
		end += p->insn.length;
		if (is_movable_last(p))
			break;
		if (!is_movable(p))
			return NULL;
	}
	return end - start < JUMP_SIZE ? NULL : end;
}

/* As few instructions before the syscall as will do. */
static bool choose_across(const struct function *f, unsigned i, const uint8_t *free, struct site *site)
{
	const uint8_t *at = f->insns[i].at;

	for (unsigned first = i; f->insns[first].at >= free; first--) {
		const uint8_t *start = f->insns[first].at, *end = end_across(f, i, start);

		if (end) {
			*site = (struct site){.at = at, .start = start, .end = end, .nr = site->nr, .kind = SITE_ACROSS};
			return true;
		}
		if (at + SYSCALL_SIZE - start >= JUMP_SIZE || !adjoins(f, first) || is_target(f, start) ||
		    !is_movable(&f->insns[first - 1]))
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
