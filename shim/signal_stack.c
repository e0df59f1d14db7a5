/* sigaltstack(2): each greenlet's own. The kernel knows that of the greenlet whose code runs. */
#include <errno.h>
#include <sys/syscall.h>

#include "signal_state.h"

#define SS_AUTODISARM_ (1U << 31)
#define MINIMUM 2048 /* the kernel's MINSIGSTKSZ */

/* Signals are blocked while it is used. */
#define ELSEWHERE 4096

static char elsewhere[ELSEWHERE] __attribute__((aligned(16)));

static bool is_on(const struct signal_thread *s, uintptr_t sp)
{
	return !(s->stack_flags & (int)SS_AUTODISARM_) && signals_on_stack(s, sp);
}

/* The kernel refuses to change the stack that one is on: so be on another. */
static long disable_from_elsewhere(void)
{
	static const stack_t none = {.ss_flags = SS_DISABLE};
	long ret;

	__asm__ volatile("mov %%rsp, %%rbx\n\t"
			 "mov %[top], %%rsp\n\t"
			 "syscall\n\t"
			 "mov %%rbx, %%rsp"
			 : "=a"(ret)
			 : "a"(SYS_sigaltstack), "D"(&none), "S"(NULL), [top] "r"(elsewhere + ELSEWHERE)
			 : "rbx", "rcx", "r11", "memory");
	return ret;
}

/* While others run, or the hub, a signal must not find this greenlet's stack: the kernel would begin at its top again, over
 * the frames of the handler that is in the middle of a call. */
void signals_stack_lay_aside(struct thread *t)
{
	bool blocked;

	if (signals.stack != t->signals.stack)
		return;
	blocked = signals_block_again();
	disable_from_elsewhere();
	signals.stack = NULL;
	if (!blocked)
		signals_unblock();
}

void signals_stack_open(struct thread *t)
{
	stack_t now;

	sys_call(SYS_sigaltstack, NULL, &now);
	t->signals.stack = signals.stack = now.ss_flags & SS_DISABLE ? NULL : now.ss_sp;
	t->signals.stack_size = now.ss_size;
	t->signals.stack_flags = now.ss_flags & (int)SS_AUTODISARM_;
}

static void tell_kernel(const struct signal_thread *s)
{
	stack_t real = {
		.ss_sp = s->stack, .ss_flags = s->stack ? s->stack_flags : SS_DISABLE, .ss_size = s->stack_size};

	sys_call(SYS_sigaltstack, &real, NULL);
	signals.stack = s->stack;
}

void signals_stack_sync(struct thread *t)
{
	if (signals.stack != t->signals.stack)
		tell_kernel(&t->signals);
}

/* Entering a handler disarms such a stack until sigreturn. */
void signals_stack_entered(struct thread *t)
{
	if (t->signals.stack_flags & (int)SS_AUTODISARM_)
		t->signals.stack = signals.stack = NULL;
}

/* sigreturn sets the stack that the frame keeps. */
void signals_stack_returned(struct thread *t, const ucontext_t *uc)
{
	const stack_t *kept = &uc->uc_stack;

	t->signals.stack = signals.stack = kept->ss_flags & SS_DISABLE ? NULL : kept->ss_sp;
	t->signals.stack_size = kept->ss_size;
	t->signals.stack_flags = kept->ss_flags & (int)SS_AUTODISARM_;
}

static long set(struct signal_thread *s, const stack_t *wanted, uintptr_t sp)
{
	int mode = wanted->ss_flags & ~(int)SS_AUTODISARM_;

	if (is_on(s, sp))
		return -EPERM;
	if (mode && mode != SS_DISABLE && mode != SS_ONSTACK)
		return -EINVAL;
	if (mode != SS_DISABLE && wanted->ss_size < MINIMUM)
		return -ENOMEM;
	s->stack = mode == SS_DISABLE ? NULL : wanted->ss_sp;
	s->stack_size = mode == SS_DISABLE ? 0 : wanted->ss_size;
	s->stack_flags = wanted->ss_flags & (int)SS_AUTODISARM_;
	tell_kernel(s);
	return 0;
}

long sys_sigaltstack(struct call *c)
{
	struct signal_thread *s = &thread_self()->signals;
	const stack_t *wanted = (const stack_t *)c->arg[0];
	stack_t *old = (stack_t *)c->arg[1];
	stack_t before = {.ss_sp = s->stack, .ss_size = s->stack ? s->stack_size : 0};
	long ret = 0;

	before.ss_flags = (s->stack ? is_on(s, call_sp(c)) ? SS_ONSTACK : 0 : SS_DISABLE) | s->stack_flags;
	if (wanted)
		ret = set(s, wanted, call_sp(c));
	if (!ret && old)
		*old = before;
	return ret;
}
