/* seccomp_call.c - the calls of a thread that has filters, and what becomes of those that are refused. */
#include <errno.h>
#include <linux/audit.h>
#include <signal.h>

#include "futex.h"
#include "seccomp.h"
#include "signal_state.h"
#include "stats.h"
#include "sys.h"
#include "thread.h"

#ifndef SYS_SECCOMP
#define SYS_SECCOMP 1 /* si_code, sigaction(2) */
#endif
#define ERRNO_MAX 4095u
#define ARCH AUDIT_ARCH_X86_64

static void describe(siginfo_t *info, const struct call *c, uint32_t verdict)
{
	siginfo_blank(info);
	info->si_signo = SIGSYS;
	info->si_code = SYS_SECCOMP;
	info->si_errno = (int)(verdict & SECCOMP_RET_DATA);
	info->si_call_addr = (void *)c->ret; /* NOLINT: an address */
	info->si_syscall = (int)c->nr;
	info->si_arch = ARCH;
}

/* Nobody can handle it. */
static void end_process(const siginfo_t *info)
{
	signal_actions[info->si_signo].handler = (uintptr_t)SIG_DFL;
	signal_default(info);
}

/* As if the kernel had ended it: nothing of the program's runs any more. */
static long end_thread(struct call *c, int sig)
{
	siginfo_t info;

	if (threads.alive > 1) {
		c->nr = SYS_exit;
		return sys_exit(c);
	}
	describe(&info, c, 0);
	info.si_signo = sig;
	end_process(&info);
	return 0;
}

/* The handler finds the number where the result will be; it may put one there. */
static long trap(const struct call *c, uint32_t verdict)
{
	struct signal_thread *s = &thread_self()->signals;
	siginfo_t info;

	describe(&info, c, verdict);
	if (!signal_is_handled(SIGSYS) || set_has(s->mask, SIGSYS)) {
		end_process(&info);
		return -ENOSYS;
	}
	signal_queue_add(&s->queue, &info, true);
	s->due = true;
	return c->nr;
}

static long refuse(struct call *c, uint32_t verdict, const struct seccomp_filter *by)
{
	uint32_t data = verdict & SECCOMP_RET_DATA;
	siginfo_t info;

	switch (verdict & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ERRNO:
		return -(long)(data < ERRNO_MAX ? data : ERRNO_MAX);
	case SECCOMP_RET_TRAP:
		return trap(c, verdict);
	case SECCOMP_RET_TRACE: /* no tracer knows of it */
		return -ENOSYS;
	case SECCOMP_RET_USER_NOTIF:
		return by->flags & SECCOMP_FILTER_FLAG_NEW_LISTENER ? CALL_PASS : -ENOSYS;
	case SECCOMP_RET_KILL_THREAD:
		return end_thread(c, SIGSYS);
	default:
		describe(&info, c, verdict);
		end_process(&info);
		return -ENOSYS;
	}
}

static bool is_let_pass(uint32_t verdict)
{
	uint32_t action = verdict & SECCOMP_RET_ACTION_FULL;

	return action == SECCOMP_RET_ALLOW || action == SECCOMP_RET_LOG;
}

static bool is_strict_call(long nr)
{
	return nr == SYS_read || nr == SYS_write || nr == SYS_exit || nr == SYS_rt_sigreturn;
}

long seccomp_call(struct call *c)
{
	const struct seccomp_thread *s = &thread_self()->seccomp;
	const struct seccomp_filter *by = s->last;
	struct seccomp_data data = {.nr = (int)c->nr, .arch = ARCH, .instruction_pointer = c->ret};
	call_handler *handler = call_handler_of(c->nr);
	uint32_t verdict;

	if (s->strict && !is_strict_call(c->nr))
		return end_thread(c, SIGKILL);
	for (int i = 0; i < 6; i++)
		data.args[i] = (uint64_t)c->arg[i];
	verdict = seccomp_verdict(&by, &data);
	if (is_let_pass(verdict))
		return handler ? handler(c) : CALL_PASS;
	return refuse(c, verdict, by);
}

bool seccomp_lets_compat(const struct thread *t, greg_t *r)
{
	const struct seccomp_filter *by = t->seccomp.last;
	struct seccomp_data data = {
		.nr = (int)r[REG_RAX],
		.arch = AUDIT_ARCH_I386,
		.instruction_pointer = (uint32_t)r[REG_RIP],
		.args = {(uint32_t)r[REG_RBX], (uint32_t)r[REG_RCX], (uint32_t)r[REG_RDX], (uint32_t)r[REG_RSI],
			 (uint32_t)r[REG_RDI], (uint32_t)r[REG_RBP]},
	};
	struct call c = {.nr = data.nr, .ret = (uintptr_t)r[REG_RIP]};
	uint32_t verdict = seccomp_verdict(&by, &data);
	siginfo_t info;

	if (!t->seccomp.strict && is_let_pass(verdict))
		return true;
	if (!t->seccomp.strict && (verdict & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO) {
		r[REG_RAX] = -(greg_t)(verdict & SECCOMP_RET_DATA);
		return false;
	}
	describe(&info, &c, verdict);
	info.si_arch = AUDIT_ARCH_I386;
	end_process(&info);
	return false;
}
