/* Signals on another OS thread than home (cpus.h). Nothing is sent there but what it has caused itself, and requests. */
#include <sys/syscall.h>

#include "cpus.h"
#include "signal_frame.h"
#include "signal_state.h"

/* SWITCHES: on to home, where the handler runs. */
static void go_on_at_home(int sig, siginfo_t *info, void *context)
{
	struct thread *t = thread_self();
	ucontext_t *uc = context;

	(void)sig;
	signals_begin(t, uc);
	if (signal_is_fault(info)) {
		signal_queue_add(&t->signals.queue, info, true);
		t->signals.due = true;
	} else {
		signals_send(t, info, true);
	}
	signals_run_due(t, uc);
}

static void interrupted_program(struct thread *t, siginfo_t *info, ucontext_t *uc)
{
	if (signal_is_fault(info) && signal_is_deadly(t, info, uc))
		signal_fault_again(info, uc);
	else
		signal_frame_move(info, uc, signals_stack_for(t, info->si_signo, uc), go_on_at_home);
}

void signal_entry_away(struct thread *t, siginfo_t *info, ucontext_t *uc)
{
	bool own = signal_is_of_call(info);

	if (t && !t->call && (own || signal_is_fault(info))) {
		interrupted_program(t, info, uc);
	} else if (t && own) {
		t->signals.own |= SIGNAL_BIT(info->si_signo);
		t->signals.due = true;
	} else if (signal_is_fault(info)) {
		signal_fault_again(info, uc);
	} else {
		sys_call(SYS_rt_tgsigqueueinfo, signal_pid(), signal_os_tid(), info->si_signo, info);
	}
}

void signals_take_own(struct thread *t)
{
	siginfo_t info;
	int sig;

	while (t->signals.own) {
		sig = signal_first(t->signals.own);
		t->signals.own &= ~SIGNAL_BIT(sig);
		siginfo_describe(&info, sig, SI_USER);
		signals_send(t, &info, true);
	}
	signals_update(t);
}
