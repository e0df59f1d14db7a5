#include "context.h"

#include <string.h>
#include <sys/auxv.h>

extern char context_start[] __attribute__((visibility("hidden")));

#if defined(__x86_64__)

#include <cpuid.h>

#define HWCAP2_FSGSBASE 2 /* asm/hwcap2.h: wrfsbase is enabled */

uint8_t context_tp_mode;
uintptr_t context_tp, context_published_tp, context_stale_tp;
unsigned context_xsave_size __attribute__((visibility("hidden"))) = 4096;

void context_init(void)
{
	unsigned a, b, c, d;

	bool offered = getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE;

	context_tp_mode = offered || context_stale_tp ? CONTEXT_WRFSBASE : CONTEXT_ARCH_PRCTL;
	if (__get_cpuid_count(0xd, 0, &a, &b, &c, &d))
		context_xsave_size = b;
}

void context_make(struct context *c, void *top, void (*entry)(void *), void *arg)
{
	struct {
		uint32_t mxcsr;
		uint16_t x87cw, pad;
		uintptr_t r15, r14, r13, r12, rbx, rbp, ret;
	} *frame = (void *)(((uintptr_t)top & ~(uintptr_t)15) - sizeof(*frame));

	__asm__ volatile("stmxcsr %0\n\tfnstcw %1" : "=m"(frame->mxcsr), "=m"(frame->x87cw));
	frame->r15 = frame->r14 = frame->r13 = frame->rbp = 0;
	frame->r12 = (uintptr_t)arg;
	frame->rbx = (uintptr_t)entry;
	frame->ret = (uintptr_t)context_start;
	c->sp = frame;
	c->tp = context_thread_pointer();
}

#else

void context_init(void)
{
}

void context_make(struct context *c, void *top, void (*entry)(void *), void *arg)
{
	struct {
		uint64_t fpcr, pad;
		uint64_t d[8];		 /* d8-d15 */
		uintptr_t x[10], fp, lr; /* x19-x28, x29, x30 */
	} *frame = (void *)(((uintptr_t)top & ~(uintptr_t)15) - sizeof(*frame));

	memset(frame, 0, sizeof(*frame));
	__asm__ volatile("mrs %0, fpcr" : "=r"(frame->fpcr));
	frame->x[0] = (uintptr_t)entry;
	frame->x[1] = (uintptr_t)arg;
	frame->lr = (uintptr_t)context_start;
	c->sp = frame;
	c->tp = context_thread_pointer();
}

#endif
