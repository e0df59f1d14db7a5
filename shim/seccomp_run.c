/* seccomp_run.c - asks filters: the instructions of classic BPF that seccomp(2) allows (kernel/seccomp.c,
 * seccomp_check_filter). The kernel has seen that they are well-formed and end. */
#include "seccomp.h"

struct machine {
	uint32_t a, x, memory[BPF_MEMWORDS];
};

static uint32_t alu(uint16_t op, uint32_t a, uint32_t b)
{
	switch (op) {
	case BPF_ADD:
		return a + b;
	case BPF_SUB:
		return a - b;
	case BPF_MUL:
		return a * b;
	case BPF_DIV:
		return a / b;
	case BPF_AND:
		return a & b;
	case BPF_OR:
		return a | b;
	case BPF_XOR:
		return a ^ b;
	case BPF_LSH:
		return a << (b & 31);
	case BPF_RSH:
		return a >> (b & 31);
	default: /* BPF_NEG */
		return -a;
	}
}

static bool holds(uint16_t op, uint32_t a, uint32_t b)
{
	switch (op) {
	case BPF_JEQ:
		return a == b;
	case BPF_JGT:
		return a > b;
	case BPF_JGE:
		return a >= b;
	default: /* BPF_JSET */
		return a & b;
	}
}

static uint32_t loaded(const struct machine *m, const struct sock_filter *i, const struct seccomp_data *data)
{
	switch (BPF_MODE(i->code)) {
	case BPF_ABS:
		return ((const uint32_t *)data)[i->k / sizeof(uint32_t)];
	case BPF_MEM:
		return m->memory[i->k];
	case BPF_LEN:
		return sizeof(*data);
	default: /* BPF_IMM */
		return i->k;
	}
}

static void move(struct machine *m, const struct sock_filter *i, const struct seccomp_data *data)
{
	switch (BPF_CLASS(i->code)) {
	case BPF_LD:
		m->a = loaded(m, i, data);
		break;
	case BPF_LDX:
		m->x = loaded(m, i, data);
		break;
	case BPF_ST:
		m->memory[i->k] = m->a;
		break;
	case BPF_STX:
		m->memory[i->k] = m->x;
		break;
	default: /* BPF_MISC */
		if (BPF_MISCOP(i->code) == BPF_TAX)
			m->x = m->a;
		else
			m->a = m->x;
	}
}

static uint32_t run(const struct sock_filter *i, const struct seccomp_data *data)
{
	struct machine m;

	m.a = m.x = 0;
	for (;; i++) {
		uint32_t b = BPF_SRC(i->code) == BPF_X ? m.x : i->k;

		switch (BPF_CLASS(i->code)) {
		case BPF_RET:
			return BPF_RVAL(i->code) == BPF_A ? m.a : i->k;
		case BPF_ALU:
			if (BPF_OP(i->code) == BPF_DIV && !b)
				return 0; /* the kernel's end of such a program */
			m.a = alu(BPF_OP(i->code), m.a, b);
			break;
		case BPF_JMP:
			if (BPF_OP(i->code) == BPF_JA)
				i += i->k;
			else
				i += holds(BPF_OP(i->code), m.a, b) ? i->jt : i->jf;
			break;
		default:
			move(&m, i, data);
		}
	}
}

/* As the kernel orders them: the smaller, the stricter. */
static int32_t strictness(uint32_t verdict)
{
	return (int32_t)(verdict & SECCOMP_RET_ACTION_FULL);
}

uint32_t seccomp_verdict(const struct seccomp_filter **last, const struct seccomp_data *data)
{
	uint32_t verdict = SECCOMP_RET_ALLOW;

	for (const struct seccomp_filter *f = *last; f; f = f->before) {
		uint32_t one = run(f->code + SECCOMP_OWN, data);

		if (strictness(one) < strictness(verdict)) {
			verdict = one;
			*last = f;
		}
	}
	return verdict;
}
