/* A greenlet that has used up its stack, told apart from other faults: one line for the user, who may have given it too
 * little. The stack's bounds are asked from the kernel, since not every C library tells them; only faults near the stack
 * pointer come so far. */
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "maps.h"
#include "sched.h"
#include "signal_state.h"
#include "slab.h"

/* What an instruction reaches below the stack pointer: the red zone, what it pushes. */
#define BELOW_SP 256
/* glibc has its thread-local storage on the stack, above what it tells clone: about so much. */
#define ABOVE_TOP ((uintptr_t)64 << 10)

/* Accessible memory without a gap that ends at `top` or goes beyond, and where the one below it ends. */
struct region {
	uintptr_t top, start, end, below;
};

static bool extend(const struct mapping *m, void *arg)
{
	struct region *r = arg;

	if (!m->readable)
		return false;
	if (m->start != r->end) {
		r->below = r->end;
		r->start = m->start;
	}
	r->end = m->end;
	return r->end >= r->top;
}

static bool region_of(uintptr_t top, struct region *r)
{
	*r = (struct region){.top = top};
	if (slab_stack_of(top - 1, &r->start, &r->end))
		return true;
	return maps_each(extend, r) && r->end >= top && r->start < top;
}

/* The stack's size, if the fault is just below its beginning; 0 if it is not. */
static size_t overflowed(const struct thread *t, uintptr_t at, uintptr_t sp, uintptr_t pc)
{
	struct region r;

	if (at + BELOW_SP < sp || at >= t->stack_top || at == pc)
		return 0;
	if (!region_of(t->stack_top, &r))
		return 0;
	if (r.start < t->stack_low) { /* there is no gap below the program's own stack, or it is not shown */
		r.start = t->stack_low;
		r.below = 0;
	}
	if (r.end - t->stack_top > ABOVE_TOP)
		r.end = t->stack_top;
	return at < r.start && at >= r.below ? r.end - r.start : 0;
}

static unsigned number_of(const struct thread *t)
{
	unsigned number = 1;

	LIST_EACH(node, &threads.all) {
		if (LIST_ENTRY(node, struct thread, all) == t)
			break;
		number++;
	}
	return number;
}

static void say(struct thread *t, size_t size)
{
	char line[192];
	int saved = errno, n;

	name_sync(t);
	n = snprintf(line, sizeof(line),
		     "greenshim: greenlet #%u tid %d \"%.15s\" has overflowed its stack of %zu KiB"
		     " (--stack sets the default size)\n",
		     number_of(t), t->tid, t->name, size >> 10);
	sys_call(SYS_write, 2, line, n);
	errno = saved;
}

bool signal_is_overflow(struct thread *t, const siginfo_t *info, const ucontext_t *uc)
{
	const greg_t *r = uc->uc_mcontext.gregs;
	size_t size;

	if (info->si_signo != SIGSEGV || info->si_code == SI_KERNEL || !t->stack_top)
		return false;
	size = overflowed(t, (uintptr_t)info->si_addr, (uintptr_t)r[REG_RSP], (uintptr_t)r[REG_RIP]);
	if (size && !t->overflowed) {
		t->overflowed = true;
		say(t, size);
	}
	return size;
}
