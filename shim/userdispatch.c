#include "userdispatch.h"

#include <errno.h>
#include <linux/audit.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "cpus.h"
#include "maps.h"
#include "patch.h"
#include "patch_text.h"
#include "scratch.h"
#include "sys.h"
#include "thread.h"

/* <sys/prctl.h> and <asm-generic/siginfo.h> of Linux 5.11 */
#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_OFF 0
#define PR_SYS_DISPATCH_ON 1
#endif
#define DISPATCHED 2 /* SYS_USER_DISPATCH */

#define PAGE 4096
#define RANGE_MAX ((uintptr_t)256 << 20)

/* Where a call is made natively after all: for each site its own, since no register is left to say where to go on. */
struct pass {
	uint8_t call[2];  /* syscall, or int $0x80 */
	uint8_t jump[6];  /* jmp *0(%rip) */
	uintptr_t target; /* the address after the site; 0: unused */
};

_Static_assert(sizeof(struct pass) == 16, "its own jump finds the target");

#define PASSES 4096
#define PASSES_FULL (PASSES / 4 * 3)

/* Read-only pages of code take its place, one by one. */
static struct pass passes[PASSES] __attribute__((aligned(PAGE)));
static unsigned passes_used;

/* The linker's: this object. */
extern char __ehdr_start[] __attribute__((visibility("hidden")));
extern char _end[] __attribute__((visibility("hidden")));

struct span {
	uintptr_t low, high;
};

static struct span exempt;

bool userdispatch_judging;
static uintptr_t passing; /* the address after the site of a call that was let pass */

struct hull {
	struct span span;
	uintptr_t at; /* what lies below is known */
	bool fine;
};

static struct span own_span(void)
{
	return (struct span){(uintptr_t)__ehdr_start & ~(uintptr_t)(PAGE - 1),
			     ((uintptr_t)_end + PAGE - 1) & ~(uintptr_t)(PAGE - 1)};
}

/* Code that is not covered would go unseen there. */
static bool look(const struct mapping *m, void *arg)
{
	struct hull *h = arg;

	if (!m->executable || m->end <= h->span.low || m->start >= h->span.high)
		return false;
	if (m->start - (uintptr_t)__ehdr_start >= (uintptr_t)(_end - __ehdr_start) && !patch_covers(m->start) &&
	    strcmp(m->path, "[vdso]") != 0)
		h->fine = false;
	return !h->fine;
}

/* Nor can any come later: the holes are taken. */
static bool fill(const struct mapping *m, void *arg)
{
	struct hull *h = arg;
	uintptr_t to = m->start < h->span.high ? m->start : h->span.high;

	if (to > h->at)
		sys_call(SYS_mmap, h->at, to - h->at, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
	if (m->end > h->at)
		h->at = m->end;
	return h->at >= h->span.high;
}

void userdispatch_prepare(void)
{
	struct hull h = {.fine = true};

	exempt = own_span();
	h.span = exempt;
	patch_libc_span(&h.span.low, &h.span.high);
	if (h.span.high - h.span.low > RANGE_MAX || !maps_each(look, &h) || !h.fine)
		return;
	h.at = h.span.low;
	maps_each(fill, &h);
	exempt = h.span;
}

long userdispatch_open(void)
{
	return sys_call(SYS_prctl, PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, exempt.low,
			exempt.high - exempt.low, 0);
}

void userdispatch_judge(void)
{
	struct span own = own_span();

	cpus_give_up(); /* it is one OS thread's */
	if (!userdispatch_judging)
		userdispatch_judging = !sys_call(SYS_prctl, PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, own.low,
						 own.high - own.low, 0);
}

void userdispatch_forked(void)
{
	userdispatch_judging = false;
}

static struct pass *find(uintptr_t target)
{
	size_t i = (target * UINT64_C(0x9e3779b97f4a7c15)) >> 52;

	while (passes[i].target && passes[i].target != target)
		i = (i + 1) % PASSES;
	return &passes[i];
}

void userdispatch_let_pass(struct call *c)
{
	struct pass *pass = find(c->pass + 2);

	if (c->pass - (uintptr_t)passes < sizeof(passes))
		return;
	if (pass->target)
		c->pass = (uintptr_t)pass;
	else
		passing = c->pass + 2;
}

static bool add(struct pass *pass, uintptr_t target, bool compat)
{
	static uint8_t page[PAGE];
	uintptr_t at = (uintptr_t)pass & ~(uintptr_t)(PAGE - 1);
	struct pass new = {.jump = {0xff, 0x25}, .target = target};
	struct text text = {0};
	long err;

	if (passes_used == PASSES_FULL)
		return false;
	bytes_copy(new.call, compat ? "\xcd\x80" : "\x0f\x05", sizeof(new.call));
	bytes_copy(page, (const void *)at, PAGE);
	bytes_copy(page + ((uintptr_t)pass - at), &new, sizeof(new));
	err = text_replace(&text, at, page, PAGE);
	text_close(&text);
	passes_used += !err;
	return !err;
}

/* No room for another site: here and now, whoever waits. */
static void call_now(greg_t *r)
{
	r[REG_RAX] = sys_call(r[REG_RAX], r[REG_RDI], r[REG_RSI], r[REG_RDX], r[REG_R10], r[REG_R8], r[REG_R9]);
}

bool userdispatch_trapped(const siginfo_t *info, ucontext_t *uc)
{
	greg_t *r = uc->uc_mcontext.gregs;
	uintptr_t target = (uintptr_t)r[REG_RIP];
	bool compat = info->si_arch != AUDIT_ARCH_X86_64;
	struct pass *pass;

	if (info->si_signo != SIGSYS || info->si_code != DISPATCHED)
		return false;
	if (compat && fiber_self && seccomp_judges(&thread_self()->seccomp) && !seccomp_lets_compat(thread_self(), r))
		return true;
	pass = find(target);
	if (!pass->target && !add(pass, target, compat)) {
		call_now(r);
		return true;
	}
	if (compat || target == passing || (!userdispatch_judging && patch_covers(target))) {
		passing = 0;
		r[REG_RIP] = (greg_t)pass;
		return true;
	}
	r[REG_RCX] = (greg_t)pass;
	r[REG_R11] = (greg_t)target;
	r[REG_RIP] = (greg_t)shim_entry_full;
	return true;
}
