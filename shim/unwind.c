#include "unwind.h"

#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>

#include "modules.h"
#include "sys.h"
#include "unwind_cfi.h"

#define SAVED_STATES 4
#define OPERANDS 8

enum how { SAME, AT_CFA_OFFSET, IS_CFA_OFFSET, IN_REGISTER, AT_EXPRESSION, UNDEFINED };

struct rule {
	enum how how;
	int64_t offset;	     /* or the register */
	const uint8_t *expr; /* its length first */
};

struct row {
	struct rule reg[UNWIND_REGISTERS];
	unsigned cfa_reg;
	int64_t cfa_offset;
	const uint8_t *cfa_expr;
};

struct cie {
	uint64_t code_align;
	int64_t data_align;
	const uint8_t *code, *end;
	uint8_t encoding;
	bool augmented, signal;
};

bool unwind_read(uintptr_t address, uintptr_t *word)
{
	struct iovec to = {word, sizeof(*word)}, from = {(void *)address, sizeof(*word)};

	return sys_call(SYS_process_vm_readv, sys_call(SYS_getpid), &to, 1, &from, 1, 0) == sizeof(*word);
}

/* The last entry of the sorted table that begins at or before pc. */
static const uint8_t *find_fde(const struct module *m, uintptr_t pc)
{
	const uint8_t *p = m->eh_frame_hdr + 4;
	const struct {
		int32_t start, fde;
	} * table;
	uint64_t low = 0, high;

	if (m->eh_frame_hdr[0] != 1 || m->eh_frame_hdr[3] != 0x3b)
		return NULL;
	read_pointer(&p, m->eh_frame_hdr[1]);
	high = read_pointer(&p, m->eh_frame_hdr[2]);
	table = (const void *)p;
	while (low < high) {
		uint64_t mid = (low + high) / 2;

		if ((uintptr_t)m->eh_frame_hdr + (uintptr_t)(intptr_t)table[mid].start <= pc)
			low = mid + 1;
		else
			high = mid;
	}
	return low ? m->eh_frame_hdr + table[low - 1].fde : NULL;
}

static bool read_cie(const uint8_t *p, struct cie *cie)
{
	uint64_t length = read_bytes(&p, 4), version;
	const char *augmentation;
	const uint8_t *data_end;

	cie->end = p + length;
	p += 4;
	version = *p++;
	augmentation = (const char *)p;
	p += strlen(augmentation) + 1;
	cie->code_align = read_uleb(&p);
	cie->data_align = read_sleb(&p);
	if (version == 1)
		p++;
	else
		read_uleb(&p);
	cie->encoding = 0;
	cie->signal = false;
	cie->augmented = *augmentation == 'z';
	if (!cie->augmented) {
		cie->code = p;
		return !*augmentation;
	}
	length = read_uleb(&p);
	data_end = p + length;
	for (const char *a = augmentation + 1; *a; a++) {
		if (*a == 'R')
			cie->encoding = *p++;
		else if (*a == 'S')
			cie->signal = true;
		else if (*a == 'L')
			p++;
		else if (*a == 'P')
			read_pointer(&p, *p++ & 0x7f);
	}
	cie->code = data_end;
	return true;
}

static bool evaluate(const uint8_t *expr, const struct unwind *u, uintptr_t initial, uintptr_t *result)
{
	uint64_t length = read_uleb(&expr);
	const uint8_t *end = expr + length;
	uintptr_t stack[OPERANDS + 2] = {initial}; /* used from 1 upwards, the initial one may be missing */
	unsigned n = 1;

	while (expr < end && n > 0 && n < OPERANDS) {
		uint8_t op = *expr++;

		if (op >= OP_BREG0 && op < OP_BREG0 + UNWIND_REGISTERS)
			stack[n++] = u->reg[op - OP_BREG0] + (uintptr_t)read_sleb(&expr);
		else if (op >= OP_LIT0 && op < OP_LIT0 + 32)
			stack[n++] = op - OP_LIT0;
		else if (op == OP_CONST1U)
			stack[n++] = *expr++;
		else if (op == OP_CONST2U)
			stack[n++] = read_bytes(&expr, 2);
		else if (op == OP_PLUS_UCONST)
			stack[n - 1] += read_uleb(&expr);
		else if (op == OP_DEREF) {
			if (!unwind_read(stack[n - 1], &stack[n - 1]))
				return false;
		} else if (n < 2)
			return false;
		else if (op == OP_PLUS)
			n--, stack[n - 1] += stack[n];
		else if (op == OP_MINUS)
			n--, stack[n - 1] -= stack[n];
		else if (op == OP_AND)
			n--, stack[n - 1] &= stack[n];
		else if (op == OP_SHL)
			n--, stack[n - 1] <<= stack[n];
		else if (op == OP_GE)
			n--, stack[n - 1] = (intptr_t)stack[n - 1] >= (intptr_t)stack[n];
		else
			return false;
	}
	*result = stack[n - 1];
	return true;
}

struct program {
	const struct cie *cie;
	struct row row, initial, saved[SAVED_STATES];
	unsigned depth;
	uintptr_t at, pc;
};

static void set_rule(struct program *g, uint64_t reg, enum how how, int64_t offset)
{
	if (reg < UNWIND_REGISTERS)
		g->row.reg[reg] = (struct rule){how, offset, NULL};
}

static void skip_block(const uint8_t **p)
{
	uint64_t length = read_uleb(p);

	*p += length;
}

static void set_expression(struct program *g, uint64_t reg, const uint8_t **p)
{
	if (reg < UNWIND_REGISTERS)
		g->row.reg[reg] = (struct rule){AT_EXPRESSION, 0, *p};
	skip_block(p);
}

static void restore(struct program *g, uint64_t reg)
{
	if (reg < UNWIND_REGISTERS)
		g->row.reg[reg] = g->initial.reg[reg];
}

/* Where the table's next row begins. False: beyond pc. */
static bool advance(struct program *g, uint64_t delta)
{
	g->at += delta * g->cie->code_align;
	return g->at <= g->pc;
}

static void set_cfa(struct program *g, unsigned reg, int64_t offset)
{
	g->row.cfa_reg = reg;
	g->row.cfa_offset = offset;
	g->row.cfa_expr = NULL;
}

/* Instructions about the canonical frame address and saved states. False: not one of these. */
static bool step_cfa(struct program *g, uint8_t op, const uint8_t **p)
{
	switch (op) {
	case CFA_DEF_CFA: {
		unsigned reg = (unsigned)read_uleb(p);

		set_cfa(g, reg, (int64_t)read_uleb(p));
		return true;
	}
	case CFA_DEF_CFA_REGISTER:
		set_cfa(g, (unsigned)read_uleb(p), g->row.cfa_offset);
		return true;
	case CFA_DEF_CFA_OFFSET:
		set_cfa(g, g->row.cfa_reg, (int64_t)read_uleb(p));
		return true;
	case CFA_DEF_CFA_EXPRESSION:
		g->row.cfa_expr = *p;
		skip_block(p);
		return true;
	case CFA_REMEMBER_STATE:
		if (g->depth < SAVED_STATES)
			g->saved[g->depth++] = g->row;
		return true;
	case CFA_RESTORE_STATE:
		if (g->depth)
			g->row = g->saved[--g->depth];
		return true;
	case CFA_GNU_ARGS_SIZE:
		read_uleb(p);
		return true;
	default:
		return op == CFA_NOP;
	}
}

/* Instructions about one register. False: unknown. */
static bool step_register(struct program *g, uint8_t op, const uint8_t **p)
{
	uint64_t reg = read_uleb(p);

	switch (op) {
	case CFA_OFFSET_EXTENDED:
		set_rule(g, reg, AT_CFA_OFFSET, (int64_t)read_uleb(p) * g->cie->data_align);
		return true;
	case CFA_OFFSET_EXTENDED_SF:
		set_rule(g, reg, AT_CFA_OFFSET, read_sleb(p) * g->cie->data_align);
		return true;
	case CFA_VAL_OFFSET:
		set_rule(g, reg, IS_CFA_OFFSET, (int64_t)read_uleb(p) * g->cie->data_align);
		return true;
	case CFA_REGISTER:
		set_rule(g, reg, IN_REGISTER, (int64_t)read_uleb(p));
		return true;
	case CFA_UNDEFINED:
		set_rule(g, reg, UNDEFINED, 0);
		return true;
	case CFA_SAME_VALUE:
		set_rule(g, reg, SAME, 0);
		return true;
	case CFA_RESTORE_EXTENDED:
		restore(g, reg);
		return true;
	case CFA_EXPRESSION:
		set_expression(g, reg, p);
		return true;
	default:
		return false;
	}
}

static bool run(struct program *g, const uint8_t *p, const uint8_t *end)
{
	while (p < end) {
		uint8_t op = *p++, low = op & 0x3f;
		bool more = true;

		if ((op & 0xc0) == CFA_ADVANCE_LOC)
			more = advance(g, low);
		else if ((op & 0xc0) == CFA_OFFSET)
			set_rule(g, low, AT_CFA_OFFSET, (int64_t)read_uleb(&p) * g->cie->data_align);
		else if ((op & 0xc0) == CFA_RESTORE)
			restore(g, low);
		else if (op >= CFA_ADVANCE_LOC1 && op <= CFA_ADVANCE_LOC4)
			more = advance(g, read_bytes(&p, 1U << (op - CFA_ADVANCE_LOC1)));
		else if (!step_cfa(g, op, &p) && !step_register(g, op, &p))
			return false;
		if (!more)
			return true;
	}
	return true;
}

static bool apply(const struct row *row, struct unwind *u)
{
	struct unwind old = *u;
	uintptr_t cfa;

	if (row->cfa_expr) {
		if (!evaluate(row->cfa_expr, &old, 0, &cfa))
			return false;
	} else {
		cfa = old.reg[row->cfa_reg % UNWIND_REGISTERS] + (uintptr_t)row->cfa_offset;
	}
	u->reg[UNWIND_SP] = cfa;
	for (unsigned i = 0; i < UNWIND_REGISTERS; i++) {
		const struct rule *r = &row->reg[i];
		uintptr_t at = cfa + (uintptr_t)r->offset;

		if (r->how == AT_EXPRESSION && !evaluate(r->expr, &old, cfa, &at))
			return false;
		if (r->how == AT_CFA_OFFSET || r->how == AT_EXPRESSION) {
			if (!unwind_read(at, &u->reg[i]))
				return false;
		} else if (r->how == IS_CFA_OFFSET) {
			u->reg[i] = at;
		} else if (r->how == IN_REGISTER) {
			u->reg[i] = old.reg[(uint64_t)r->offset % UNWIND_REGISTERS];
		}
	}
	return row->reg[UNWIND_PC].how != UNDEFINED && row->reg[UNWIND_PC].how != SAME;
}

static bool find_row(const uint8_t *fde, uintptr_t pc, struct program *g, struct cie *cie)
{
	const uint8_t *p = fde, *end;
	uint64_t length = read_bytes(&p, 4), range;

	end = p + length;
	if (length == UINT32_MAX || !read_cie(p - *(const int32_t *)p, cie))
		return false;
	p += 4;
	memset(g, 0, sizeof(*g));
	g->cie = cie;
	g->pc = pc;
	g->at = read_pointer(&p, cie->encoding);
	range = read_pointer(&p, cie->encoding & 0x0f);
	if (pc < g->at || pc >= g->at + range)
		return false;
	if (cie->augmented)
		skip_block(&p);
	if (!run(g, cie->code, cie->end))
		return false;
	g->initial = g->row;
	return run(g, p, end);
}

/* What the kernel makes a signal's handler return to: mov $15,%rax; syscall. The stack pointer is at its ucontext. */
static bool is_restorer(const struct module *m, uintptr_t pc)
{
	static const uint8_t code[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};

	return m && memcmp((const void *)pc, code, sizeof(code)) == 0;
}

static bool leave_signal(struct unwind *u)
{
	static const uint8_t from[UNWIND_REGISTERS] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
						       REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
						       REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};
	uintptr_t gregs = u->reg[UNWIND_SP] + offsetof(ucontext_t, uc_mcontext.gregs);

	u->exact = true;
	for (unsigned i = 0; i < UNWIND_REGISTERS; i++)
		if (!unwind_read(gregs + from[i] * sizeof(uintptr_t), &u->reg[i]))
			return false;
	return true;
}

bool unwind_step(struct unwind *u)
{
	static struct program g; /* some kilobytes */
	static struct cie cie;
	uintptr_t pc = u->reg[UNWIND_PC] - !u->exact;
	const struct module *m = module_of(pc);
	const uint8_t *fde = m && m->eh_frame_hdr ? find_fde(m, pc) : NULL;

	if (is_restorer(module_of(u->reg[UNWIND_PC]), u->reg[UNWIND_PC]))
		return leave_signal(u);
	if (!fde || !find_row(fde, pc, &g, &cie))
		return false;
	u->exact = cie.signal;
	return apply(&g.row, u) && u->reg[UNWIND_PC];
}
