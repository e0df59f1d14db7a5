/* The switch and the thread pointer that the kernel knows, where it is told a stale one: a signal's handler may tell it the
 * right one between any two instructions. Each is tried: the switch is made step by step. */
#include "core_test.h"

#if defined(__x86_64__)

#include <asm/prctl.h>
#include <sys/ucontext.h>

#include "context.h"
#include "kernel.h"

#define STEPS_MAX 100
#define TRAP_FLAG 0x100UL
#define STALE ((uintptr_t)0x10000) /* nobody uses it here: between two switches nothing has thread-local storage */

static struct context here, there;
static _Alignas(16) char stack[16384];
static volatile bool stepping;
static volatile int step, publish_at, bad_at;

static uintptr_t fs_base(void)
{
	uintptr_t base;

	__asm__ volatile("rdfsbase %0" : "=r"(base));
	return base;
}

/* What fsbase_segv does (shim/fsbase-x86_64.S). */
static void publish(void)
{
	context_published_tp = context_tp;
	kernel_call(SYS_arch_prctl, ARCH_SET_FS, context_tp);
}

/* Another OS thread, or none, has the CPU: what the kernel puts back is what it knows. */
static uintptr_t known_by_kernel(void)
{
	struct timespec moment = {0, 1000000};

	kernel_call(SYS_nanosleep, &moment, NULL);
	return fs_base();
}

static bool in_switch(const ucontext_t *uc)
{
	uintptr_t pc = (uintptr_t)uc->uc_mcontext.gregs[REG_RIP], start = (uintptr_t)context_switch;

	return pc - start < (uintptr_t)context_switch_sse - start;
}

/* At each instruction. Ends with the first one after the switch. */
static void on_step(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	uintptr_t known;

	(void)sig, (void)info;
	if (in_switch(uc)) {
		if (step++ == publish_at)
			publish();
		return;
	}
	if (!step)
		return; /* on the way to it */
	uc->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
	known = known_by_kernel();
	if (context_tp != there.tp || (known != STALE && known != context_tp))
		bad_at = publish_at;
	context_restore_tp();
}

static void in_there(void *arg)
{
	(void)arg;
	for (;;)
		context_switch(&there, &here);
}

static void steps(void)
{
	struct sigaction act = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO};
	static uintptr_t tls[64];
	int most = 0;

	sigaction(SIGTRAP, &act, NULL);
	context_init();
	here.tp = context_tp = context_thread_pointer();
	context_stale_tp = STALE;
	context_tp_mode = CONTEXT_WRFSBASE;
	kernel_call(SYS_arch_prctl, ARCH_SET_FS, STALE);
	context_restore_tp();
	context_make(&there, stack + sizeof(stack), in_there, NULL);
	there.tp = tls[0] = (uintptr_t)tls;
	bad_at = -1;
	for (publish_at = 0; publish_at < STEPS_MAX && bad_at < 0; publish_at++) {
		step = 0;
		__asm__ volatile("pushfq\n\torq %0, (%%rsp)\n\tpopfq" : : "i"(TRAP_FLAG) : "memory", "cc");
		context_switch(&here, &there);
		most = step > most ? step : most;
	}
	kernel_call(SYS_arch_prctl, ARCH_SET_FS, here.tp);
	EQ(bad_at, -1);
	EQ(most > 20, true);
}

static void told_between_any_two_instructions(void)
{
	struct outcome o = in_child(steps);

	if (WIFSIGNALED(o.status) && WTERMSIG(o.status) == SIGILL)
		return; /* there is no such instruction */
	STR_EQ(o.text, "");
	EQ(o.status, 0);
}

#else

static void told_between_any_two_instructions(void)
{
	/* The kernel is asked for nothing: tpidr_el0 is the program's. */
}

#endif

TESTS({0, "told_between_any_two_instructions", told_between_any_two_instructions})
