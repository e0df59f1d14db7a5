#include "signal_state.h"

#include <errno.h>
#include <sys/syscall.h>

#include "cpus.h"
#include "owner.h"

/* One writer (signal_entry, which nothing interrupts), one reader (which it may interrupt). */
#define INBOX 64

struct signals signals;
struct signal_queue signals_process;
struct list signals_waiters = {&signals_waiters, &signals_waiters};

static siginfo_t inbox[INBOX];

bool signals_note(const siginfo_t *info)
{
	siginfo_copy(&inbox[signals.noted % INBOX], info);
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	signals.noted++;
	return signals.noted - signals.seen < INBOX;
}

void signals_drain(void)
{
	siginfo_t info;
	bool was_full;

	while (cpus_at_home() && signals.noted != signals.seen) {
		was_full = signals.noted - signals.seen >= INBOX;
		siginfo_copy(&info, &inbox[signals.seen % INBOX]);
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		signals.seen++;
		if (was_full)
			signals_unblock();
		signals_route(&info, thread_self());
	}
}

void signals_attention(struct hub *hub)
{
	(void)hub;
	if (!cpus_at_home())
		return;
	signals_drain();
	dump_if_requested();
}

void signals_continued(struct hub *hub)
{
	(void)hub;
	LIST_EACH(node, &threads.all) {
		struct thread *t = LIST_ENTRY(node, struct thread, all);

		if (t->stoppable && !signals.uring)
			hub_wake(&t->fiber, -EINTR);
	}
}

static bool takes(const struct thread *t, int sig)
{
	return t->signals.class && (!set_has(t->signals.mask, sig) || set_has(t->signals.waiting, sig));
}

bool signals_offer(struct thread *t, const siginfo_t *info)
{
	if (!takes(t, info->si_signo))
		return false;
	signals_send(t, info, false);
	return true;
}

/* As the kernel chooses (kernel/signal.c, complete_signal): the main thread if it will, else any that will. Expiries of
 * a process's timers go to whom they interrupt. */
static struct thread *choose(const siginfo_t *info, struct thread *running)
{
	int sig = info->si_signo;
	bool timer = info->si_code == SI_TIMER || sig == SIGPROF || sig == SIGVTALRM;

	if (timer && running && takes(running, sig))
		return running;
	if (takes(&threads.main, sig))
		return &threads.main;
	LIST_EACH(node, &signals_waiters) {
		struct signal_thread *s = LIST_ENTRY(node, struct signal_thread, waiter);

		if (set_has(s->waiting, sig))
			return LIST_ENTRY(s, struct thread, signals);
	}
	if (running && takes(running, sig))
		return running;
	LIST_EACH(node, &threads.all) {
		struct thread *t = LIST_ENTRY(node, struct thread, all);

		if (takes(t, sig))
			return t;
	}
	return NULL;
}

bool signal_is_of_call(const siginfo_t *info)
{
	return (info->si_signo == SIGPIPE || info->si_signo == SIGXFSZ) && info->si_code == SI_USER &&
	       info->si_pid == signal_pid();
}

static void route_to_process(const siginfo_t *info, struct thread *running)
{
	struct thread *t = choose(info, running);

	if (t)
		signals_send(t, info, false);
	else if (!signal_is_ignored(info->si_signo) || set_has(signals_real_mask(), info->si_signo))
		signal_queue_add(&signals_process, info, false);
}

/* A timer that aims at t has fired. */
static void route_timer(struct thread *t, const siginfo_t *info)
{
	uint64_t pending;

	if (!signals_read_by_signalfd(info->si_signo)) {
		signals_send(t, info, true);
		return;
	}
	sys_call(SYS_rt_sigpending, &pending, SIGNAL_SETSIZE);
	if (set_has(pending, info->si_signo))
		signal_timer_missed(info);
	else
		signals_send_kernel(info);
}

void signals_route(const siginfo_t *info, struct thread *running)
{
	struct thread *t = thread_self(); /* NULL on the hub */
	siginfo_t translated;
	int tid;

	if (info->si_signo == SIGNAL_CARRIER && dump_requested(info))
		return;
	if (info->si_signo == SIGNAL_CARRIER && signal_timer_fired(info, &translated, &tid)) {
		t = thread_find(tid);
		if (t)
			route_timer(t, &translated);
	} else if (t && signal_is_of_call(info)) {
		signals_send(t, info, true);
	} else if (owner_of(info)) {
		signals_send(owner_of(info), info, true);
	} else if (info->si_code == SI_TKILL && threads.main.signals.class) {
		signals_send(&threads.main, info, true); /* from outside: it knows no other thread */
	} else {
		route_to_process(info, running);
	}
}

void signals_update(struct thread *t)
{
	struct signal_thread *s = &t->signals;
	uint64_t open = ~s->mask | s->waiting;

	signal_queue_move(&signals_process, &s->queue, open, false);
	s->due = s->queue.set & ~s->mask & ~s->waiting;
}

static bool runs_elsewhere(const struct thread *t)
{
	return t->fiber.state == FIBER_RUNNING && t->fiber.cpu != cpu_self;
}

void signals_send(struct thread *t, const siginfo_t *info, bool directed)
{
	struct signal_thread *s = &t->signals;
	int sig = info->si_signo;
	bool wanted = set_has(s->waiting, sig), blocked = set_has(s->mask, sig);

	if (!wanted && !blocked && signal_is_ignored(sig))
		return;
	if (!wanted && !blocked && !signal_is_handled(sig)) {
		signal_default(info);
		return;
	}
	signal_queue_add(&s->queue, info, directed);
	signals_update(t);
	if (wanted)
		hub_wake(&t->fiber, 0);
	else if (s->due && t != thread_self() && !hub_wake(&t->fiber, -EINTR) && runs_elsewhere(t))
		cpus_kick(t->fiber.cpu);
}

bool signals_interrupt_(struct thread *t)
{
	signals_drain();
	return t->signals.due;
}
