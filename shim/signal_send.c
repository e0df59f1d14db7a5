/* Signals that greenlets send to each other by thread number never reach the kernel. */
#include <errno.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "signal_state.h"
#include "user.h"

/* What signalfds read is in the kernel's queue. */
static uint64_t read_by_signalfd;

/* A real-time signal is queued, or refused. */
static bool is_allowed(int sig)
{
	struct rlimit64 limit;

	if (sig < 32 || sys_call(SYS_prlimit64, 0, RLIMIT_SIGPENDING, NULL, &limit))
		return true;
	return signal_queue_total() < limit.rlim_cur;
}

bool signals_read_by_signalfd(int sig)
{
	return set_has(read_by_signalfd & signals_real_mask(), sig);
}

long signals_send_kernel(const siginfo_t *info)
{
	siginfo_t copy;

	siginfo_copy(&copy, info);
	return sys_call(SYS_rt_tgsigqueueinfo, signal_pid(), signal_os_tid(), info->si_signo, &copy);
}

static long send_to(struct thread *t, const siginfo_t *info)
{
	int sig = info->si_signo;

	if (sig == SIGKILL || sig == SIGSTOP)
		return sys_call(SYS_kill, signal_pid(), sig);
	if (signals_read_by_signalfd(sig))
		return signals_send_kernel(info);
	if (!is_allowed(sig))
		return -EAGAIN;
	signals_send(t, info, true);
	thread_did_not_block();
	return 0;
}

static bool is_signal(int sig)
{
	return sig >= 0 && sig <= SIGNAL_MAX;
}

void siginfo_describe(siginfo_t *info, int sig, int code)
{
	siginfo_blank(info);
	info->si_signo = sig;
	info->si_code = code;
	info->si_pid = signal_pid();
	info->si_uid = (uid_t)sys_call(SYS_getuid);
}

static long kill_thread(int tid, int sig)
{
	struct thread *t = thread_find(tid);
	siginfo_t info;

	if (!t)
		return CALL_PASS;
	if (!is_signal(sig))
		return -EINVAL;
	if (!sig)
		return 0;
	siginfo_describe(&info, sig, SI_TKILL);
	return send_to(t, &info);
}

/* Any thread's number stands for its process, which the kernel knows by the main one's; but it is asked first. */
long sys_kill(struct call *c)
{
	struct thread *t = thread_find_other((int)c->arg[0]);
	int sig = (int)c->arg[1];
	siginfo_t info;

	if (!t)
		return CALL_PASS;
	if (sig <= 0 || sig > SIGNAL_MAX || set_has(SIGNAL_NEVER_BLOCKED, sig))
		return sys_call(SYS_kill, signal_pid(), sig);
	siginfo_describe(&info, sig, SI_USER);
	return signals_offer(t, &info) ? 0 : sys_call(SYS_kill, signal_pid(), sig);
}

long sys_rt_sigqueueinfo(struct call *c)
{
	struct thread *t = thread_find_other((int)c->arg[0]);
	int sig = (int)c->arg[1];
	siginfo_t info;

	if (!t)
		return CALL_PASS;
	if (user_get(&info, (void *)c->arg[2]))
		return -EFAULT;
	info.si_signo = sig;
	if (sig > 0 && sig <= SIGNAL_MAX && !set_has(SIGNAL_NEVER_BLOCKED, sig) && signals_offer(t, &info))
		return 0;
	return sys_call(SYS_rt_sigqueueinfo, signal_pid(), sig, &info);
}

long sys_tgkill(struct call *c)
{
	return (int)c->arg[0] == signal_pid() ? kill_thread((int)c->arg[1], (int)c->arg[2]) : CALL_PASS;
}

long sys_tkill(struct call *c)
{
	return kill_thread((int)c->arg[0], (int)c->arg[1]);
}

long sys_rt_tgsigqueueinfo(struct call *c)
{
	struct thread *t = (int)c->arg[0] == signal_pid() ? thread_find((int)c->arg[1]) : NULL;
	siginfo_t info;

	if (!t)
		return CALL_PASS;
	if (user_get(&info, (void *)c->arg[3]))
		return -EFAULT;
	if (!is_signal((int)c->arg[2]))
		return -EINVAL;
	if (!(int)c->arg[2])
		return 0;
	info.si_signo = (int)c->arg[2];
	return send_to(t, &info);
}

long sys_signalfd4(struct call *c)
{
	uint64_t mask;

	if ((size_t)c->arg[2] == SIGNAL_SETSIZE && !user_get(&mask, (void *)c->arg[1]))
		read_by_signalfd |= mask;
	hub_poll_at_home(&threads.hub);
	return CALL_PASS;
}
