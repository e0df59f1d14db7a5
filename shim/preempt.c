#include "preempt.h"

#include <sys/syscall.h>
#include <time.h>

#include "../core/account.h"
#include "cpus.h"
#include "fd.h"
#include "options.h"
#include "signal_state.h"
#include "stats.h"

#define NS_PER_MS 1000000
#define LOOK_MS 10
#define FINE_NS 200000
#define FINE_QUIET 10	 /* fine ticks without use */
#define THERE_AND_BACK 2 /* switches of a yield to the hub when nobody else is ready */

static bool create(clockid_t clock, int *timer)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGNAL_CARRIER};

	event.sigev_value.sival_ptr = timer;
	event._sigev_un._tid = cpus_os_tid();
	return !sys_call(SYS_timer_create, clock, &event, timer);
}

static void set(int timer, long ns)
{
	struct itimerspec spec = {.it_interval = {ns / (long)NS_PER_SEC, ns % (long)NS_PER_SEC}};

	spec.it_value = spec.it_interval;
	sys_call(SYS_timer_settime, timer, 0, &spec, NULL);
}

static void set_fine(struct preempt *p, bool on)
{
	p->is_fine = on;
	p->quiet = 0;
	set(p->fine, on ? FINE_NS : 0);
}

void preempt_start(void)
{
	struct preempt *p = cpus_preempt();

	if (p->started || (!options.preempt_ms && threads.hub.cpus_most == 1))
		return;
	p->started = true;
	p->has_fine = p->is_fine = false;
	if (!create(CLOCK_THREAD_CPUTIME_ID, &p->coarse))
		return;
	set(p->coarse, (options.preempt_ms ? options.preempt_ms : LOOK_MS) * NS_PER_MS);
	p->has_fine = options.preempt_ms && create(CLOCK_MONOTONIC, &p->fine);
}

void preempt_stop(void)
{
	struct preempt *p = cpus_preempt();

	if (p->started)
		sys_call(SYS_timer_delete, p->coarse);
	if (p->has_fine)
		sys_call(SYS_timer_delete, p->fine);
	*p = (struct preempt){0};
}

bool preempt_is_tick(const siginfo_t *info)
{
	const struct preempt *p = cpu_self ? cpus_preempt() : NULL;

	return p && info->si_code == SI_TIMER && (info->si_ptr == &p->coarse || info->si_ptr == &p->fine);
}

/* Somebody who has nothing to do may not have been told: core/hub.c, WORK_NS. Nor may home, by one that computes itself. */
static void have_another_look(struct hub *hub)
{
	hub_urge_home(hub);
	if (hub->busy < hub->cpus_most && threads.alive > 1 && (hub->ready || !hub->poller))
		cpu_call_another(hub);
}

bool preempt_is_due(const siginfo_t *tick)
{
	struct preempt *p = cpus_preempt();
	bool stuck = cpu_self->switches == p->switches;

	p->switches = cpu_self->switches;
	if (p->is_fine && ++p->quiet > FINE_QUIET)
		set_fine(p, false);
	p->by_coarse = tick->si_ptr == &p->coarse;
	if (p->by_coarse)
		account_tick(cpu_self, fiber_self,
			     (uint64_t)options.preempt_ms * NS_PER_MS * (1 + (uint64_t)tick->si_overrun));
	if (stuck)
		have_another_look(&threads.hub);
	return stuck && threads.alive > 1 && options.preempt_ms;
}

struct preemption preempt_begin(void)
{
	struct preempt *p = cpus_preempt();
	struct preemption begun = {.switches = cpu_self->switches, .cpu = cpu_self, .by_coarse = p->by_coarse};

	p->switches = begun.switches + THERE_AND_BACK; /* whoever is next has the CPU from then on */
	return begun;
}

void preempt_end(struct preemption begun)
{
	struct preempt *p = cpus_preempt();

	if (begun.cpu == cpu_self && cpu_self->switches - begun.switches <= THERE_AND_BACK)
		return;
	if (p->calls != stats.kernel_calls)
		p->quiet = 0;
	p->calls = stats.kernel_calls;
	if (p->has_fine && !p->is_fine && begun.by_coarse)
		set_fine(p, true);
}

long preempt_keep_out(const struct call *c, int fd)
{
	uint64_t carrier = SIGNAL_BIT(SIGNAL_CARRIER), before;
	struct fd *f = fd >= 0 ? fd_begin_call(fd) : NULL;
	long ret = CALL_PASS;

	if (cpus_preempt()->started) {
		stats.kernel_calls++;
		hub_leave(&threads.hub);
		sys_call(SYS_rt_sigprocmask, SIG_BLOCK, &carrier, &before, SIGNAL_SETSIZE);
		ret = sys_call(c->nr, c->arg[0], c->arg[1], c->arg[2], c->arg[3], c->arg[4], c->arg[5]);
		sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, SIGNAL_SETSIZE);
		hub_enter(&threads.hub);
	}
	fd_end_call(f);
	return ret;
}
