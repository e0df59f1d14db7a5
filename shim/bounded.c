#include "bounded.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>

#include "../core/deadline.h"
#include "offload.h"
#include "signal_state.h"
#include "stats.h"

/* Again and again until it is stopped: the first may come before the call has begun. */
#define PERIOD_NS 200000

static struct offload_raw *running; /* under way now */
static int timer;
static bool has_timer;

static bool timer_made(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGNAL_CARRIER};

	if (has_timer)
		return true;
	event.sigev_value.sival_ptr = &running;
	event._sigev_un._tid = signal_os_tid();
	has_timer = !sys_call(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer);
	return has_timer;
}

static void set_timer(long ns)
{
	struct itimerspec spec = {{0, ns}, {0, ns}};

	sys_call(SYS_timer_settime, timer, 0, &spec, NULL);
}

long bounded_try(long nr, const long arg[6])
{
	struct offload_raw raw = {.nr = nr};
	long ret;

	hub_go_home(); /* the timer's */
	if (!timer_made())
		return -ENOSYS;
	for (int i = 0; i < 6; i++)
		raw.arg[i] = arg[i];
	stats.kernel_calls += 3;
	running = &raw;
	set_timer(PERIOD_NS);
	ret = offload_run(&raw);
	set_timer(0);
	running = NULL;
	/* Whatever interrupted it is found at the next park. */
	return ret == -ERESTARTSYS || ret == -ERESTARTNOINTR ? -EINTR : ret;
}

long bounded_call(long nr, const long arg[6])
{
	long ret;

	if (!timer_made())
		return offload_restartable(offload(call_name(nr), nr, arg));
	ret = bounded_try(nr, arg);
	return ret == -EINTR ? -EAGAIN : ret;
}

#define AGAIN_NS 5000000

/* Begun again and again they would never time out. */
static bool is_relative(const struct offload_raw *raw)
{
	return raw->nr == SYS_semtimedop || raw->nr == SYS_io_getevents || raw->nr == SYS_io_pgetevents ||
	       raw->nr == SYS_clock_nanosleep;
}

long bounded_in_turns(const char *why, struct offload_raw *raw)
{
	long ret;

	while (!is_relative(raw) && (ret = bounded_try(raw->nr, raw->arg)) != -ENOSYS) {
		if (ret != -EINTR || thread_park(why, deadline_in(AGAIN_NS)) == -EINTR)
			return ret;
		if (raw->nr == SYS_futex && (raw->arg[1] & FUTEX_CMD_MASK) == FUTEX_WAIT)
			return 0; /* a spurious wake-up */
	}
	return offload_run(raw);
}

bool bounded_interrupted(const siginfo_t *info, void *ucontext)
{
	if (info->si_code != SI_TIMER || info->si_ptr != &running)
		return false;
	if (running) {
		running->cancel = 1;
		offload_cut(ucontext);
	}
	return true;
}

/* The child has none of its parent's timers. */
void bounded_forked(void)
{
	has_timer = false;
}
