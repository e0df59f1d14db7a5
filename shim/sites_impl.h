/* sites_impl.h - between sites.c (which sites), sites_flow.c (where branches lead) and sites_window.c (which bytes). */
#ifndef SHIM_SITES_IMPL_H
#define SHIM_SITES_IMPL_H

#include "decode.h"
#include "sites.h"

#define SYSCALL_SIZE 2
#define FUNCTION_INSNS 65536
#define FUNCTION_BYTES (FUNCTION_INSNS * 4)
#define FAR_TARGETS 4096

struct placed {
	const uint8_t *at;
	struct insn insn;
};

/* The function being looked at, decoded. */
struct function {
	struct range range;
	unsigned count;
	bool has_calls; /* of the system: worth a look */
	uint8_t is_target[FUNCTION_BYTES / 8]; /* a bit for each byte: a branch leads here */
	struct placed insns[FUNCTION_INSNS + 1];
};

/* Where long branches of the whole object lead, as far as it is near a syscall instruction. Found without decoding: some
 * are none, which costs at most a window. */
struct far_targets {
	const uint8_t *at[FAR_TARGETS];
	size_t count;
	bool overflow;
};

static inline bool is_target(const struct function *f, const uint8_t *at)
{
	size_t i = (size_t)(at - f->range.start);

	return f->is_target[i / 8] >> i % 8 & 1;
}

/* sites_flow.c. near: a bit for each 16 bytes of code from start on: worth noting. */
void flow_far_targets(const struct range *code, const uint8_t *near, const uint8_t *start, struct far_targets *far);
/* Marks the targets of the decoded function. */
void flow_mark(const struct object *o, struct function *f, const struct far_targets *far);
/* The number in eax at instruction i, a syscall: -1 if it is not the same constant on every way there. */
int flow_number(const struct function *f, unsigned i);

/* sites_window.c: completes the site of instruction i. free: bytes before this are another window's. */
void window_choose(const struct function *f, unsigned i, const uint8_t *free, struct site *site);

#endif
