#include "preempt.h"

#include <sys/syscall.h>
#include <time.h>

#include "../core/account.h"
#include "options.h"
#include "signal_state.h"
#include "stats.h"

#define NS_PER_MS 1000000
#define FINE_NS 200000
#define FINE_QUIET 10	 /* fine ticks without use */
#define THERE_AND_BACK 2 /* switches of a yield to the hub when nobody else is ready */

static int coarse, fine;
static bool started, has_fine, is_fine;
static bool by_coarse;	  /* the tick that is due */
static unsigned quiet;	  /* fine ticks since others were found waiting, and calls were made */
static uint64_t switches; /* the hub's, at the last tick */
static uint64_t calls;	  /* the kernel's, at the end of the last preemption that let others run */

static bool create(clockid_t clock, int *timer)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGNAL_CARRIER};

	event.sigev_value.sival_ptr = timer;
	event._sigev_un._tid = signal_os_tid();
	return !sys_call(SYS_timer_create, clock, &event, timer);
}

static void set(int timer, long ns)
{
	struct itimerspec spec = {.it_interval = {ns / (long)NS_PER_SEC, ns % (long)NS_PER_SEC}};

	spec.it_value = spec.it_interval;
	sys_call(SYS_timer_settime, timer, 0, &spec, NULL);
}

static void set_fine(bool on)
{
	is_fine = on;
	quiet = 0;
	set(fine, on ? FINE_NS : 0);
}

void preempt_start(void)
{
	if (started || !options.preempt_ms)
		return;
	started = true;
	has_fine = is_fine = false;
	if (!create(CLOCK_THREAD_CPUTIME_ID, &coarse))
		return;
	set(coarse, options.preempt_ms * NS_PER_MS);
	has_fine = create(CLOCK_MONOTONIC, &fine);
}

/* The child has none of its parent's timers. */
void preempt_forked(void)
{
	started = false;
}

bool preempt_is_tick(const siginfo_t *info)
{
	return info->si_code == SI_TIMER && (info->si_ptr == &coarse || info->si_ptr == &fine);
}

bool preempt_is_due(const siginfo_t *tick)
{
	bool stuck = threads.hub.switches == switches;

	switches = threads.hub.switches;
	if (is_fine && ++quiet > FINE_QUIET)
		set_fine(false);
	by_coarse = tick->si_ptr == &coarse;
	if (by_coarse)
		account_tick(&threads.hub, fiber_self,
			     (uint64_t)options.preempt_ms * NS_PER_MS * (1 + (uint64_t)tick->si_overrun));
	return stuck && threads.alive > 1;
}

struct preemption preempt_begin(void)
{
	struct preemption p = {.switches = threads.hub.switches, .by_coarse = by_coarse};

	switches = p.switches + THERE_AND_BACK; /* whoever is next has the CPU from then on */
	return p;
}

void preempt_end(struct preemption p)
{
	if (threads.hub.switches - p.switches <= THERE_AND_BACK)
		return;
	if (calls != stats.kernel_calls)
		quiet = 0;
	calls = stats.kernel_calls;
	if (has_fine && !is_fine && p.by_coarse)
		set_fine(true);
}
