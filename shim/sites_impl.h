/* sites_impl.h - between sites.c (which sites), sites_flow.c (where branches lead) and sites_window.c (which bytes). */
#ifndef SHIM_SITES_IMPL_H
#define SHIM_SITES_IMPL_H

#include "decode.h"
#include "sites.h"

#define SYSCALL_SIZE 2
#define FUNCTION_INSNS 65536
#define FUNCTION_BYTES (FUNCTION_INSNS * 4)
#define FAR_TARGETS 16384
/* How far from a syscall instruction branches' targets are known: before it, for the window and the number; behind it. */
#define REACH_BACK 96
#define REACH_ON WINDOW_MAX

struct placed {
	const uint8_t *at;
	struct insn insn;
};

/* The function being looked at: where its instructions begin, and where branches lead. */
struct function {
	struct range range;
	unsigned count;
	uint8_t is_target[FUNCTION_BYTES / 8]; /* a bit for each byte */
	uint32_t at[FUNCTION_INSNS];	       /* from the range's start */
};

/* Where long branches of the whole object lead, as far as it is near a syscall instruction; in order. Found without
 * decoding: some are none, which costs at most a window. */
struct far_targets {
	const uint8_t *at[FAR_TARGETS];
	size_t count;
	bool overflow;
};

/* Instruction i, decoded again: few are looked at twice. */
static inline struct placed placed_at(const struct function *f, unsigned i)
{
	struct placed p = {.at = f->range.start + f->at[i]};

	insn_decode(p.at, f->range.end, &p.insn);
	return p;
}

static inline bool is_target(const struct function *f, const uint8_t *at)
{
	size_t i = (size_t)(at - f->range.start);

	return f->is_target[i / 8] >> i % 8 & 1;
}

/* sites_flow.c. near: a bit for each 16 bytes of code: worth noting. */
void flow_far_targets(const struct range *code, const uint8_t *near, struct far_targets *far);
/* Marks in f where an instruction of its leads, and the far targets. */
void flow_mark(const struct object *o, struct function *f, const struct placed *p);
void flow_mark_far(struct function *f, const struct far_targets *far);
/* The number in eax at instruction i, a syscall: -1 if it is not the same constant on every way there, or set too far
 * away. */
int flow_number(const struct function *f, unsigned i);

/* sites_window.c: completes the site of instruction i. free: bytes before this are another window's. */
void window_choose(const struct function *f, unsigned i, const uint8_t *free, struct site *site);

#endif
