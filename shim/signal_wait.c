/* Waiting for signals: sigtimedwait, sigsuspend, pause; and asking what is pending. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>

#include "../core/highfd.h"
#include "../core/fdwait.h"
#include "fd.h"
#include "signal_state.h"
#include "timeout.h"
#include "user.h"

/* What every greenlet blocks stays in the kernel's queue; a signalfd tells the hub that something came. One for all
 * waiters; it is made anew only when they want something that it does not cover. */
static int fd = -1;
static uint64_t covered;

void signals_wait_forked(void)
{
	if (fd >= 0)
		highfd_close(fd);
	fd = -1;
	covered = 0;
	list_init(&signals_waiters);
}

static long cover(uint64_t set)
{
	uint64_t wanted = covered | set;
	long ret;

	if (fd >= 0 && wanted == covered)
		return fd;
	hub_poll_at_home(&threads.hub);
	ret = sys_call(SYS_signalfd4, fd, &wanted, SIGNAL_SETSIZE, O_NONBLOCK | O_CLOEXEC);
	if (sys_failed(ret))
		return ret;
	covered = wanted;
	if (fd >= 0)
		return fd;
	fd = (int)highfd_move(ret);
	fd_own(fd);
	return fd;
}

/* The number, or 0. */
static int take_pending(struct thread *t, uint64_t set, siginfo_t *info)
{
	static const struct timespec at_once;
	int sig = signal_queue_take(&t->signals.queue, set, info);
	long ret;

	if (!sig)
		sig = signal_queue_take(&signals_process, set, info);
	signals_update(t);
	if (sig)
		return sig;
	ret = sys_call(SYS_rt_sigtimedwait, &set, info, &at_once, SIGNAL_SETSIZE);
	if (ret > 0 && info->si_code == SI_TIMER)
		signal_timer_taken(info);
	return ret > 0 ? (int)ret : 0;
}

/* SWITCHES. 0: look again. */
static long wait_for(struct thread *t, uint64_t set, uint64_t deadline_ns)
{
	struct fd_waiter w = {.fiber = &t->fiber, .fd = (int)cover(set), .events = POLLIN};
	long ret;

	if (w.fd < 0)
		return w.fd;
	t->signals.waiting = set;
	list_push(&signals_waiters, &t->signals.waiter);
	signals_mask_refresh();
	ret = fdwait_add(&w);
	t->stoppable = true;
	if (!ret)
		ret = thread_park("sigwait", deadline_ns);
	t->stoppable = false;
	fdwait_remove(&w);
	return ret;
}

static void stop_waiting(struct thread *t)
{
	t->signals.waiting = 0;
	list_remove(&t->signals.waiter);
	signals_mask_refresh();
	signals_update(t);
}

static long wait_until(struct thread *t, uint64_t set, uint64_t deadline_ns, siginfo_t *info)
{
	long ret = 0;
	int sig;

	for (;;) {
		sig = take_pending(t, set, info);
		if (sig || ret == -EINTR)
			return sig ? sig : -EINTR;
		if (ret == -ETIMEDOUT)
			return -EAGAIN;
		if (ret < 0)
			return ret;
		ret = wait_for(t, set, deadline_ns);
		/* Taken before the set is closed again: it may be one that would otherwise run a handler. */
		sig = signal_queue_take(&t->signals.queue, set, info);
		stop_waiting(t);
		if (sig)
			return sig;
	}
}

long sys_rt_sigtimedwait(struct call *c)
{
	uint64_t wanted, deadline_ns;
	siginfo_t info;
	long ret;

	if ((size_t)c->arg[3] != SIGNAL_SETSIZE)
		return -EINVAL;
	if (user_get(&wanted, (void *)c->arg[0]))
		return -EFAULT;
	wanted &= ~SIGNAL_NEVER_BLOCKED;
	ret = timeout_from_now((void *)c->arg[2], &deadline_ns);
	if (ret)
		return ret;
	thread_did_not_block();
	if (!deadline_ns)
		ret = take_pending(thread_self(), wanted, &info) ?: -EAGAIN;
	else
		ret = wait_until(thread_self(), wanted, deadline_ns, &info);
	return ret > 0 && c->arg[1] && user_put((void *)c->arg[1], &info) ? -EFAULT : ret;
}

long sys_rt_sigpending(struct call *c)
{
	struct thread *t = thread_self();
	uint64_t kernels = 0;

	if ((size_t)c->arg[1] > SIGNAL_SETSIZE)
		return -EINVAL;
	thread_did_not_block();
	sys_call(SYS_rt_sigpending, &kernels, SIGNAL_SETSIZE);
	kernels = (t->signals.queue.set | signals_process.set | kernels) & t->signals.mask;
	return user_copy((void *)c->arg[0], &kernels, (size_t)c->arg[1]);
}

/* SWITCHES. Nothing else ends it; a signal from outside may, so it is no deadlock. */
static long wait_for_handler(const char *why)
{
	struct thread *t = thread_self();

	if (signals_interrupt(t))
		return -ERESTARTNOHAND;
	hub_hold(t->fiber.hub, 1);
	while (thread_park(why, DEADLINE_NEVER) != -EINTR)
		;
	hub_hold(t->fiber.hub, -1);
	return -ERESTARTNOHAND;
}

long sys_pause(struct call *c)
{
	(void)c;
	return wait_for_handler("pause");
}

long sys_rt_sigsuspend(struct call *c)
{
	uint64_t mask;

	if ((size_t)c->arg[1] != SIGNAL_SETSIZE)
		return -EINVAL;
	if (user_get(&mask, (void *)c->arg[0]))
		return -EFAULT;
	signals_mask_temporary(mask);
	return wait_for_handler("sigsuspend");
}
