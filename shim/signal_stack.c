/* sigaltstack(2): each greenlet's own. The kernel knows that of the greenlet whose code runs. */
#include <errno.h>
#include <sys/syscall.h>

#include "cpus.h"
#include "signal_frame.h"
#include "signal_state.h"
#include "user.h"

#define SS_AUTODISARM_ (1U << 31)
#define MINIMUM 2048 /* the kernel's MINSIGSTKSZ */

/* Signals are blocked while it is used. */
#define ELSEWHERE 4096

static char elsewhere[ELSEWHERE] __attribute__((aligned(16)));

/* A frame with every register that a CPU may have, a second one for the thread pointer (fsbase.h), and signal_entry. */
#define OURS (64 << 10)

static char ours[OURS] __attribute__((aligned(64)));

static bool is_on(const struct signal_thread *s, uintptr_t sp)
{
	return !(s->stack_flags & (int)SS_AUTODISARM_) && signals_on_stack(s, sp);
}

static const stack_t none = {.ss_flags = SS_DISABLE}, provided = {.ss_sp = ours, .ss_size = OURS};

/* The kernel refuses to change the stack that one is on: so be on another. */
static long provide_from_elsewhere(void)
{
	long ret;

	__asm__ volatile("mov %%rsp, %%rbx\n\t"
			 "mov %[top], %%rsp\n\t"
			 "syscall\n\t"
			 "mov %%rbx, %%rsp"
			 : "=a"(ret)
			 : "a"(SYS_sigaltstack), "D"(&provided), "S"(NULL), [top] "r"(elsewhere + ELSEWHERE)
			 : "rbx", "rcx", "r11", "memory");
	return ret;
}

/* While others run, or the hub, a signal must not find this greenlet's stack: the kernel would begin at its top again, over
 * the frames of the handler that is in the middle of a call. */
void signals_stack_lay_aside(struct thread *t)
{
	bool blocked;

	if (!signals.stack || signals.stack != t->signals.stack)
		return;
	blocked = signals_block_again();
	provide_from_elsewhere();
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
	signals_stack_provide();
}

void signals_stack_withdraw(void)
{
	if (!signals.stack)
		sys_call(SYS_sigaltstack, &none, NULL);
}

void signals_stack_provide(void)
{
	if (!signals.stack)
		sys_call(SYS_sigaltstack, &provided, NULL);
}

static stack_t program_stack(const struct signal_thread *s)
{
	stack_t real = {.ss_sp = s->stack, .ss_flags = s->stack_flags, .ss_size = s->stack_size};

	return s->stack ? real : none;
}

stack_t signals_stack_lend(struct thread *t)
{
	signals_stack_lay_aside(t);
	return program_stack(&t->signals);
}

static void tell_kernel(const struct signal_thread *s)
{
	stack_t real = program_stack(s);

	sys_call(SYS_sigaltstack, s->stack ? &real : &provided, NULL);
	signals.stack = s->stack;
}

void signals_stack_sync(struct thread *t)
{
	if (signals.stack != t->signals.stack)
		tell_kernel(&t->signals);
}

/* Where this OS thread handles signals of greenlets that have no stack for that. */
static stack_t here(void)
{
	stack_t stack = provided;

	if (!cpus_at_home())
		stack.ss_sp = cpus_signal_stack(&stack.ss_size);
	return stack;
}

static bool is_ours(const stack_t *stack)
{
	return stack->ss_sp == here().ss_sp;
}

static bool is_within(const stack_t *stack, uintptr_t sp)
{
	return !(stack->ss_flags & SS_DISABLE) && sp - (uintptr_t)stack->ss_sp - 1 < stack->ss_size;
}

/* The kernel changed stacks for it, and would not have done so for the program's own handler. */
bool signals_stack_is_wrong(int sig, const ucontext_t *uc)
{
	const stack_t *stack = &uc->uc_stack;

	if (!is_within(stack, (uintptr_t)uc) || is_within(stack, (uintptr_t)uc->uc_mcontext.gregs[REG_RSP]))
		return false;
	return is_ours(stack) || (signal_is_handled(sig) && !(signal_actions[sig].flags & SA_ONSTACK));
}

/* As the kernel chooses at home. */
uintptr_t signals_stack_for(const struct thread *t, int sig, const ucontext_t *uc)
{
	const struct signal_thread *s = &t->signals;
	uintptr_t below = signal_frame_below(uc);
	bool alternate = !signal_is_handled(sig) || signal_actions[sig].flags & SA_ONSTACK;

	if (cpus_at_home() || !alternate || !s->stack || signals_on_stack(s, below))
		return below;
	return (uintptr_t)s->stack + s->stack_size;
}

/* Entering a handler disarms such a stack until sigreturn. The program finds no trace of ours. */
void signals_stack_entered(struct thread *t, ucontext_t *uc)
{
	if (is_ours(&uc->uc_stack))
		uc->uc_stack = cpus_at_home() ? none : program_stack(&t->signals);
	if (cpus_at_home() && t->signals.stack_flags & (int)SS_AUTODISARM_)
		t->signals.stack = signals.stack = NULL;
}

/* sigreturn sets the stack that the frame keeps. */
void signals_stack_returned(struct thread *t, ucontext_t *uc)
{
	stack_t *kept = &uc->uc_stack;

	t->signals.stack = kept->ss_flags & SS_DISABLE ? NULL : kept->ss_sp;
	t->signals.stack_size = kept->ss_size;
	t->signals.stack_flags = kept->ss_flags & (int)SS_AUTODISARM_;
	if (cpus_at_home())
		signals.stack = t->signals.stack;
	if (kept->ss_flags & SS_DISABLE || !cpus_at_home())
		*kept = here();
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
	stack_t before = {.ss_sp = s->stack, .ss_size = s->stack ? s->stack_size : 0}, wanted;
	long ret = 0;

	before.ss_flags = (s->stack ? is_on(s, call_sp(c)) ? SS_ONSTACK : 0 : SS_DISABLE) | s->stack_flags;
	if (c->arg[0] && user_get(&wanted, (void *)c->arg[0]))
		return -EFAULT;
	if (c->arg[0])
		ret = set(s, &wanted, call_sp(c));
	return !ret && c->arg[1] && user_put((void *)c->arg[1], &before) ? -EFAULT : ret;
}
