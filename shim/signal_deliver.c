#include "signal_state.h"

#include <errno.h>
#include <sys/syscall.h>

#include "bounded.h"
#include "cpus.h"
#include "offload.h"
#include "preempt.h"
#include "signal_frame.h"
#include "slab.h"
#include "stats.h"
#include "user.h"
#include "userdispatch.h"

typedef void handler_fn(int, siginfo_t *, void *);

/* What the running greenlet answers calls with while it lets others run from within signal_entry. */
static struct call interlude = {.nr = SYS_sched_yield};

/* The signal that a greenlet is sending to itself, so that the kernel makes a frame for the handler. */
static struct {
	struct call *call;
	long result;
	bool again; /* the call is to be made again after the handler */
	bool reached;
} delivery;

/* The next signal for t that has a handler, and what to do; 0 if there is none. SA_RESETHAND is done here. */
static int take(struct thread *t, siginfo_t *info, struct signal_action *act)
{
	struct signal_thread *s = &t->signals;
	int sig;

	while ((sig = signal_queue_take(&s->queue, ~s->mask, info))) {
		*act = signal_actions[sig];
		if (signal_is_handled(sig))
			break;
		if (!signal_is_ignored(sig))
			signal_default(info);
	}
	if (sig && act->flags & (unsigned long)SA_RESETHAND) {
		signal_actions[sig].handler = (uintptr_t)SIG_DFL;
		signal_install(sig);
	}
	s->due = s->queue.set & ~s->mask;
	return sig;
}

void signals_begin(struct thread *t, ucontext_t *uc)
{
	hub_enter(&threads.hub);
	signals_blocked_already();
	signals_stack_entered(t, uc);
}

/* SWITCHES, from within signal_entry: by hub_yield_to(next), or by `away`. */
static void interrupt_for(struct thread *t, void (*away)(void), struct thread *next)
{
	uint8_t vectors = t->fiber.vectors;

	t->call = &interlude;
	t->fiber.vectors = VECTORS_NONE;
	if (cpus_at_home() && signals_on_stack(&t->signals, (uintptr_t)__builtin_frame_address(0)))
		signals_stack_lay_aside(t);
	signals_unblock();
	if (next)
		hub_yield_to(&next->fiber);
	else
		away();
	signals_drain();
	signals_block();
	t->fiber.vectors = vectors;
	t->call = NULL;
	if (cpus_at_home())
		signals_stack_sync(t);
}

/* SWITCHES. */
static void go_home(struct thread *t)
{
	t->fiber.at_home = true;
	if (!cpus_at_home())
		interrupt_for(t, hub_go_home, NULL);
}

/* The program's handler, without the lock, and with every signal really blocked before and after, but not meanwhile. */
static void run_handler(struct thread *t, const struct signal_action *act, siginfo_t *info, ucontext_t *uc)
{
	hub_may_leave_home(&t->fiber);
	hub_leave(&threads.hub);
	signals_unblock();
	((handler_fn *)act->handler)(info->si_signo, info, uc);
	signals_block();
	hub_enter(&threads.hub);
	go_home(t);
	signals_drain();
}

/* Runs the handlers of what is due to t, in the order in which the kernel's frames would: what comes first is taken
 * first, and interrupted by the next unless it masks that; and so again when that has returned. */
static void run_due(struct thread *t, ucontext_t *uc)
{
	struct signal_thread *s = &t->signals;
	uint64_t before = s->temporary ? s->saved : s->mask, during;
	struct signal_action act;
	siginfo_t info;

	if (!s->due || !take(t, &info, &act))
		return;
	s->temporary = false;
	during = s->mask | act.mask | (act.flags & SA_NODEFER ? 0 : SIGNAL_BIT(info.si_signo));
	signals_mask_set(t, during);
	while (s->due)
		run_due(t, uc);
	signal_frame_set_mask(uc, before);
	run_handler(t, &act, &info, uc);
	signals_mask_set(t, signal_frame_mask(uc));
}

/* Another greenlet was chosen: it shall not have to wait until this one makes a call. next: the one to run first, or NULL. */
#define let_others_run(t, next) interrupt_for((t), hub_yield_to_all, (next))

static void run_all_due(struct thread *t, ucontext_t *uc)
{
	if (t->signals.due)
		go_home(t);
	while (t->signals.due)
		run_due(t, uc);
}

/* sigreturn puts back the mask and the alternate stack that are in the frame. */
static void leave(struct thread *t, ucontext_t *uc)
{
	hub_may_leave_home(&t->fiber);
	signals_stack_returned(t, uc);
	signal_frame_set_mask(uc, signals_real_mask());
	signals_left();
	hub_leave(&threads.hub);
}

void signals_run_due(struct thread *t, ucontext_t *uc)
{
	run_all_due(t, uc);
	leave(t, uc);
}

static bool call_is_interrupted(long ret)
{
	return ret == -EINTR || (ret <= -512 && ret >= -516);
}

/* SWITCHES. It has had the CPU for long: as if it had called sched_yield here. */
static void preempted(int sig, siginfo_t *info, void *context)
{
	struct thread *t = thread_self();
	ucontext_t *uc = context;
	struct preemption p;

	if (signals_stack_is_wrong(sig, uc))
		signal_frame_move(info, uc, signals_stack_for(t, sig, uc), preempted);
	signals_begin(t, uc);
	p = preempt_begin();
	stats.preempted++;
	let_others_run(t, sched_next(t));
	preempt_end(p);
	signals_run_due(t, uc);
}

/* Something is due to it: another CPU says so. */
static void interrupted_for_due(int sig, siginfo_t *info, void *context)
{
	struct thread *t = thread_self();
	ucontext_t *uc = context;

	if (signals_stack_is_wrong(sig, uc))
		signal_frame_move(info, uc, signals_stack_for(t, sig, uc), interrupted_for_due);
	signals_begin(t, uc);
	signals_run_due(t, uc);
}

/* Nobody can handle a fault of the program's: at the end of the stack, only who has another. */
bool signal_is_deadly(struct thread *t, const siginfo_t *info, const ucontext_t *uc)
{
	int sig = info->si_signo;

	if (signal_is_overflow(t, info, uc) && signals_stack_is_wrong(sig, uc))
		return true;
	return !signal_is_handled(sig) || set_has(t->signals.mask, sig) || signal_frame_is_moving();
}

/* The greenlet's own code was interrupted: the kernel-made frame is the right one. */
static void interrupted_program(struct thread *t, siginfo_t *info, ucontext_t *uc)
{
	if (signal_is_fault(info) && signal_is_deadly(t, info, uc)) {
		signal_fault_again(info, uc);
		return;
	}
	if (signals_stack_is_wrong(info->si_signo, uc))
		signal_frame_move(info, uc, signals_stack_for(t, info->si_signo, uc), signal_entry);
	signals_begin(t, uc);
	if (signal_is_fault(info)) {
		signal_queue_add(&t->signals.queue, info, true);
		t->signals.due = true;
	} else {
		signals_route(info, t);
		if (!t->signals.due && !signal_frame_in_shim(uc))
			let_others_run(t, NULL);
	}
	signals_run_due(t, uc);
}

/* A frame that a greenlet made by a signal to itself, at the end of a call, with the lock: to the program it was
 * interrupted there. */
static void interrupted_call(struct thread *t, siginfo_t *info, ucontext_t *uc)
{
	struct signal_return back;

	if (signals_stack_is_wrong(info->si_signo, uc))
		signal_frame_move(info, uc, signals_stack_for(t, info->si_signo, uc), signal_entry);
	delivery.reached = true;
	signals_blocked_already();
	signals_stack_entered(t, uc);
	signal_frame_at_site(uc, delivery.call, delivery.again, delivery.result, &back);
	t->call = NULL;
	run_all_due(t, uc);
	signal_frame_resume(uc, &back);
	leave(t, uc);
}

/* A child that shares our memory or has just been forked: the handler runs as if the shim were not there. */
static void interrupted_child(int sig, siginfo_t *info, ucontext_t *uc)
{
	struct signal_action act = signal_actions[sig];
	uint64_t mask = signal_frame_mask(uc) | act.mask | (act.flags & SA_NODEFER ? 0 : SIGNAL_BIT(sig));

	if (!signal_is_handled(sig)) {
		signal_fault_again(info, uc);
		if (!signal_is_ignored(sig))
			sys_call(SYS_kill, sys_call(SYS_getpid), sig);
		return;
	}
	sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, SIGNAL_SETSIZE);
	((handler_fn *)act.handler)(sig, info, uc);
}

/* In the hub or on the hook path. */
static void interrupted_shim(struct thread *t, const siginfo_t *info, ucontext_t *uc)
{
	int *error = t ? NULL : &errno, saved = t ? 0 : *error;

	if (signal_is_fault(info)) {
		if (t)
			signal_is_overflow(t, info, uc); /* says so */
		signal_fault_again(info, uc);
		return;
	}
	if (!signals_note(info)) {
		signals_blocked_already();
		signal_frame_set_mask(uc, SIGNAL_ALL_REALLY);
	}
	threads.hub.home.attention = 1; /* the hub looks before it waits */
	if (t)
		return;
	cpu_poke(&threads.hub.home);
	*error = saved;
}

#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1 /* si_code, sigaction(2) */
#endif

/* A call that the shim made, and a filter of the program's wants to answer (SECCOMP_RET_TRAP): that shall see the calls of
 * the program alone. dispatch passes on what cannot be answered without. */
static bool is_refused(struct thread *t, const siginfo_t *info, ucontext_t *uc)
{
	if (info->si_signo != SIGSYS || info->si_code != SYS_SECCOMP || !signal_frame_in_shim(uc))
		return false;
	uc->uc_mcontext.gregs[REG_RAX] = -ENOSYS;
	if (t)
		t->signals.refused = true;
	return true;
}

/* Not answering a call, nor on its way out of one. */
static bool in_own_code(const struct thread *t)
{
	return t && !t->call && (!cpus_at_home() || signals.stack == t->signals.stack);
}

/* And nothing of the shim's is under way. */
static bool in_program(const struct thread *t, const ucontext_t *uc)
{
	return in_own_code(t) && !(signals.lent && cpus_at_home()) && !signal_frame_in_shim(uc);
}

/* By another CPU. */
static void kicked(struct thread *t, siginfo_t *info, ucontext_t *uc)
{
	if (cpus_at_home())
		signals_mask_renewed(uc);
	if (in_own_code(t) && t->signals.due && !(signals.lent && cpus_at_home()))
		interrupted_for_due(info->si_signo, info, uc);
	else if (in_program(t, uc) && cpu_self->wanted)
		preempted(info->si_signo, info, uc);
}

void signal_entry(int sig, siginfo_t *info, void *context)
{
	struct thread *t = thread_self();
	ucontext_t *uc = context;

	if (userdispatch_trapped(info, uc))
		return;
	if (sig == SIGSEGV && info->si_code == SEGV_MAPERR)
		slab_fault(info);
	if (cpu_self)
		cpu_self->handled = 1;
	if (is_refused(t, info, uc) || user_fault(info, uc) || (!t && offload_interrupted(info, uc)))
		return;
	if (bounded_interrupted(info, uc))
		return;
	if (preempt_is_tick(info)) {
		if (preempt_is_due(info) && in_program(t, uc))
			preempted(sig, info, uc);
		return;
	}
	if (cpus_is_kick(info)) {
		kicked(t, info, uc);
		return;
	}
	if (!threads.active || sys_call(SYS_getpid) != signal_pid())
		interrupted_child(sig, info, uc);
	else if (!cpus_at_home())
		signal_entry_away(t, info, uc);
	else if (in_own_code(t))
		interrupted_program(t, info, uc);
	else if (t && delivery.call == t->call && signal_frame_is_ours(info, uc))
		interrupted_call(t, info, uc);
	else
		interrupted_shim(t, info, uc);
}

/* Does not return if a handler is there to be run. */
static void deliver(struct thread *t, struct call *c, long ret)
{
	siginfo_t info;
	struct signal_action act;
	struct signal_queue *q = &t->signals.queue;
	uint64_t open = q->set & ~t->signals.mask;
	int sig;

	while ((sig = open ? signal_first(open) : 0) && !signal_is_handled(sig)) {
		signal_queue_take(q, SIGNAL_BIT(sig), &info);
		if (!signal_is_ignored(sig))
			signal_default(&info);
		open = q->set & ~t->signals.mask;
	}
	signals_update(t);
	if (!sig)
		return;
	act = signal_actions[sig];
	signals_stack_sync(t);
	delivery.call = c;
	delivery.again =
		ret <= CALL_PASS_VFORK || ret == -ERESTARTNOINTR || (ret == -ERESTARTSYS && act.flags & SA_RESTART);
	delivery.result = call_is_interrupted(ret) ? -EINTR : ret;
	delivery.reached = false;
	while (!delivery.reached)
		signal_frame_send(sig);
}

bool signals_finish(struct thread *t, struct call *c, long *ret)
{
	bool again = false;

	do {
		t->call = c;
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		hub_enter(&threads.hub);
		hub_go_home();
		signals_take_own(t);
		signals_drain();
		if (t->signals.temporary && !call_is_interrupted(*ret))
			signals_mask_put_back(t);
		deliver(t, c, *ret);
		if (t->signals.temporary)
			signals_mask_put_back(t);
		else if (!t->signals.due && call_is_interrupted(*ret) && *ret != -EINTR)
			again = true;
		signals_stack_sync(t);
		hub_may_leave_home(&t->fiber);
		hub_leave(&threads.hub);
		t->call = NULL;
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
	} while (!again && signals_due(t, *ret));
	return again;
}
