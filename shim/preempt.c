#include "preempt.h"

#include <sys/syscall.h>
#include <time.h>

#include "options.h"
#include "signal_state.h"

#define NS_PER_MS 1000000

static int timer;
static bool started;
static uint64_t switches; /* the hub's, at the last tick */

void preempt_start(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGNAL_CARRIER};
	struct itimerspec spec;
	long ns = options.preempt_ms * NS_PER_MS;

	if (started || !ns)
		return;
	started = true;
	event.sigev_value.sival_ptr = &timer;
	event._sigev_un._tid = signal_os_tid();
	if (sys_call(SYS_timer_create, CLOCK_THREAD_CPUTIME_ID, &event, &timer))
		return;
	spec.it_interval.tv_sec = ns / (long)NS_PER_SEC;
	spec.it_interval.tv_nsec = ns % (long)NS_PER_SEC;
	spec.it_value = spec.it_interval;
	sys_call(SYS_timer_settime, timer, 0, &spec, NULL);
}

/* The child has none of its parent's timers. */
void preempt_forked(void)
{
	started = false;
}

bool preempt_is_tick(const siginfo_t *info)
{
	return info->si_code == SI_TIMER && info->si_ptr == &timer;
}

bool preempt_is_due(void)
{
	bool stuck = threads.hub.switches == switches;

	switches = threads.hub.switches;
	return stuck && threads.alive > 1;
}
