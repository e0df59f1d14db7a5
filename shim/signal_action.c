#include "signal_state.h"

#include <errno.h>
#include <sys/syscall.h>

#include "fsbase.h"
#include "options.h"
#include "signal_frame.h"
#include "stats.h"
#include "user.h"

/* Ignored by default: signal(7). */
#define STOPS_BY_DEFAULT (SIGNAL_BIT(SIGSTOP) | SIGNAL_BIT(SIGTSTP) | SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU))
#define IGNORED_BY_DEFAULT (SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGCONT) | SIGNAL_BIT(SIGURG) | SIGNAL_BIT(SIGWINCH))

struct signal_action signal_actions[SIGNAL_MAX + 1];

static int os_tid, pid;

int signal_os_tid(void)
{
	return os_tid;
}

int signal_pid(void)
{
	return pid;
}

static long kernel_action(int sig, const struct signal_action *act, struct signal_action *old)
{
	return sys_call(SYS_rt_sigaction, sig, act, old, SIGNAL_SETSIZE);
}

bool signal_is_handled(int sig)
{
	return signal_actions[sig].handler > (uintptr_t)SIG_IGN;
}

bool signal_is_ignored(int sig)
{
	uintptr_t handler = signal_actions[sig].handler;

	return handler == (uintptr_t)SIG_IGN || (handler == (uintptr_t)SIG_DFL && set_has(IGNORED_BY_DEFAULT, sig));
}

#if defined(__x86_64__)
/* The kernel wants a restorer; unwinders know a signal's frame by these very bytes. */
__asm__(".text\n"
	".p2align 4\n"
	".globl signal_restorer\n"
	".hidden signal_restorer\n"
	".type signal_restorer, @function\n"
	"signal_restorer:\n"
	"	mov $15, %rax\n"
	"	syscall\n"
	".size signal_restorer, . - signal_restorer\n");
#endif

/* Most servers are stopped by a signal: their statistics are written before its default action. */
static bool ends_with_stats(int sig)
{
	return options.stats &&
	       set_has(SIGNAL_BIT(SIGHUP) | SIGNAL_BIT(SIGINT) | SIGNAL_BIT(SIGQUIT) | SIGNAL_BIT(SIGTERM), sig);
}

static bool has_our_handler(int sig)
{
	return signal_is_handled(sig) || set_has(SIGNAL_OURS, sig) ||
	       (signal_actions[sig].handler == (uintptr_t)SIG_DFL && ends_with_stats(sig));
}

/* All is blocked while signal_entry runs; what the program asked for (SA_NODEFER, SA_RESETHAND, sa_mask) is done by it. */
long signal_install(int sig)
{
	struct signal_action act = signal_actions[sig];

	if (has_our_handler(sig)) {
		if (!signal_is_handled(sig))
			act.flags =
				SA_RESTART | SA_ONSTACK; /* the program's stack may be none: Erlang's is in its heap */
		act.handler = sig == SIGSEGV && fsbase_is_trapped() ? (uintptr_t)fsbase_segv : (uintptr_t)signal_entry;
		act.flags = (act.flags & ~(unsigned long)(SA_NODEFER | SA_RESETHAND)) | SA_SIGINFO;
		if (sig == SIGSEGV && fsbase_is_trapped()) /* the entry itself may find a stale thread pointer */
			act.flags |= SA_NODEFER;
		if (sig == SIGSEGV || sig == SIGSYS) /* the end of a stack is one too; Go's are small */
			act.flags |= SA_ONSTACK;
		act.mask = SIGNAL_ALL_REALLY;
		act.flags |= SIGNAL_RESTORER_FLAG;
		act.restorer = SIGNAL_RESTORER;
	}
	return kernel_action(sig, &act, NULL);
}

void signals_ignored_really(bool really)
{
	for (uint64_t left = SIGNAL_OURS; left; left &= left - 1) {
		int sig = __builtin_ctzl(left) + 1;

		if (signal_actions[sig].handler != (uintptr_t)SIG_IGN)
			continue;
		if (really)
			kernel_action(sig, &signal_actions[sig], NULL);
		else
			signal_install(sig);
	}
}

void signal_default(const siginfo_t *info)
{
	struct signal_action dfl = {(uintptr_t)SIG_DFL, 0, 0, 0};
	uint64_t bit = SIGNAL_BIT(info->si_signo);
	siginfo_t copy;

	if (has_our_handler(info->si_signo))
		kernel_action(info->si_signo, &dfl, NULL);
	if (ends_with_stats(info->si_signo))
		stats_write();
	if (!(bit & (IGNORED_BY_DEFAULT | STOPS_BY_DEFAULT)))
		threads_bequeath();
	siginfo_copy(&copy, info);
	sys_call(SYS_rt_tgsigqueueinfo, pid, os_tid, info->si_signo, &copy);
	if (bit & (signals_real_mask() | SIGNAL_OURS)) {
		sys_call(SYS_rt_sigprocmask, SIG_UNBLOCK, &bit, NULL, SIGNAL_SETSIZE);
		signals_unblock();
	}
}

/* SI_KERNEL too: the kernel has no other code for a breakpoint or a general protection fault. */
bool signal_is_fault(const siginfo_t *info)
{
	int sig = info->si_signo;

	return info->si_code > 0 &&
	       (sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE || sig == SIGILL || sig == SIGTRAP || sig == SIGSYS);
}

/* Nobody can handle it: it happens again, and the default action is taken. A trap does not, it is behind its instruction. */
void signal_fault_again(const siginfo_t *info, ucontext_t *uc)
{
	struct signal_action dfl = {(uintptr_t)SIG_DFL, 0, 0, 0};
	int sig = info->si_signo;

	sys_call(SYS_rt_sigaction, sig, &dfl, NULL, SIGNAL_SETSIZE);
	if (signal_is_fault(info) && (sig == SIGTRAP || sig == SIGSYS))
		sys_call(SYS_rt_tgsigqueueinfo, sys_call(SYS_getpid), sys_call(SYS_gettid), sig, info);
	signal_frame_set_mask(uc, signal_frame_mask(uc) & ~SIGNAL_BIT(sig));
}

long signals_refused(void)
{
	struct signal_action *act = &signal_actions[SIGNAL_CARRIER];
	long err = kernel_action(SIGNAL_CARRIER, NULL, act);

	if (!err)
		err = signal_install(SIGNAL_CARRIER);
	if (!err)
		kernel_action(SIGNAL_CARRIER, act, NULL);
	return err;
}

void signals_open(void)
{
	struct thread *t = thread_self();
	uint64_t mask;

	pid = (int)sys_call(SYS_getpid);
	os_tid = (int)sys_call(SYS_gettid);
	signal_queue_init(&t->signals.queue);
	signal_queue_init(&signals_process);
	list_init(&signals_waiters);
	sys_call(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, SIGNAL_SETSIZE);
	signals_adopt(t);
	for (int sig = 1; sig <= SIGNAL_MAX; sig++) {
		kernel_action(sig, NULL, &signal_actions[sig]);
		if (has_our_handler(sig))
			signal_install(sig);
	}
	signals_mask_open(t, mask); /* the shim's own come through from here on */
	signals_stack_open(t);
	fsbase_hide(); /* from here on the handler is there */
}

void signals_forked(void)
{
	for (int sig = 1; sig <= SIGNAL_MAX; sig++)
		if (has_our_handler(sig))
			kernel_action(sig, &signal_actions[sig], NULL);
	signal_queue_forked();
	signal_timers_forked();
	signals_wait_forked();
	signals.seen = signals.noted;
	signals_stack_sync(thread_self());
	signals_mask_forked();
}

bool signals_children_vanish(void)
{
	return signal_actions[SIGCHLD].handler == (uintptr_t)SIG_IGN || signal_actions[SIGCHLD].flags & SA_NOCLDWAIT;
}

/* POSIX, sigaction(): a pending signal that becomes ignored is discarded, blocked or not. */
static void forget_pending(int sig)
{
	signal_queue_drop(&signals_process, SIGNAL_BIT(sig));
	LIST_EACH(node, &threads.all)
		signal_queue_drop(&LIST_ENTRY(node, struct thread, all)->signals.queue, SIGNAL_BIT(sig));
}

long sys_rt_sigaction(struct call *c)
{
	int sig = (int)c->arg[0];
	struct signal_action act, before;

	if ((size_t)c->arg[3] != SIGNAL_SETSIZE)
		return -EINVAL;
	if (c->arg[1] && user_get(&act, (void *)c->arg[1]))
		return -EFAULT;
	if (sig < 1 || sig > SIGNAL_MAX || (c->arg[1] && set_has(SIGNAL_NEVER_BLOCKED, sig)))
		return -EINVAL;
	before = signal_actions[sig];
	if (c->arg[1]) {
		act.mask &= ~SIGNAL_NEVER_BLOCKED;
		signal_actions[sig] = act;
		signal_install(sig);
		if (signal_is_ignored(sig))
			forget_pending(sig);
	}
	if (c->arg[2] && user_put((void *)c->arg[2], &before))
		return -EFAULT;
	thread_did_not_block();
	return 0;
}
