/* timer_create with SIGEV_THREAD_ID aims at a thread that the kernel does not know: such a timer sends the carrier
 * signal to the OS thread, and is translated when it arrives. glibc's SIGEV_THREAD is built on it. */
#include <errno.h>
#include <sys/syscall.h>
#include <time.h>

#include "clock.h"
#include "signal_state.h"
#include "user.h"

#define TIMERS 256

struct aimed_timer {
	bool used;
	int id; /* the kernel's */
	int tid, sig;
	int overrun; /* of the signal that was taken last */
	int missed;  /* since the one that is in the kernel's queue */
	union sigval value;
};

static struct aimed_timer timers[TIMERS];

void signal_timers_forked(void)
{
	for (int i = 0; i < TIMERS; i++)
		timers[i].used = false;
}

bool signal_timer_fired(const siginfo_t *carrier, siginfo_t *info, int *tid)
{
	const struct aimed_timer *a = carrier->si_value.sival_ptr;

	if (carrier->si_code != SI_TIMER || a < timers || a >= timers + TIMERS || !a->used)
		return false;
	siginfo_copy(info, carrier);
	info->si_signo = a->sig;
	info->si_value = a->value;
	*tid = a->tid;
	return true;
}

static struct aimed_timer *find(int id)
{
	for (int i = 0; i < TIMERS; i++)
		if (timers[i].used && timers[i].id == id)
			return &timers[i];
	return NULL;
}

void signal_timer_taken(siginfo_t *info)
{
	struct aimed_timer *a = find(info->si_timerid);

	if (!a)
		return;
	info->si_overrun += a->missed;
	a->overrun = info->si_overrun;
	a->missed = 0;
}

void signal_timer_missed(const siginfo_t *info)
{
	struct aimed_timer *a = find(info->si_timerid);

	if (a)
		a->missed += info->si_overrun + 1;
}

static struct aimed_timer *free_timer(void)
{
	for (int i = 0; i < TIMERS; i++)
		if (!timers[i].used)
			return &timers[i];
	return NULL;
}

static bool aims_at_greenlet(const struct sigevent *event)
{
	return event->sigev_notify & SIGEV_THREAD_ID && thread_find(event->_sigev_un._tid);
}

/* Timers on a greenlet's CPU time run on that of the OS thread. */
static clockid_t clock_of_kernel(clockid_t clock)
{
	struct thread *t = clock_thread(clock);

	if (!t)
		return clock;
	t->fiber.at_home = t->fiber.stays_home = true; /* whose time it is to the kernel */
	return CLOCK_THREAD_CPUTIME_ID;
}

long sys_timer_create(struct call *c)
{
	struct sigevent event, real;
	clockid_t clock = clock_of_kernel((clockid_t)c->arg[0]);
	struct aimed_timer *a;
	long ret;
	int id;

	if (user_get(&event, (void *)c->arg[1]) || !aims_at_greenlet(&event))
		return clock == (clockid_t)c->arg[0] ? CALL_PASS
						     : sys_call(SYS_timer_create, clock, c->arg[1], c->arg[2]);
	a = free_timer();
	if (!a)
		return -EAGAIN;
	real = event;
	real.sigev_signo = SIGNAL_CARRIER;
	real.sigev_value.sival_ptr = a;
	real._sigev_un._tid = signal_os_tid();
	if (event.sigev_signo < 1 || event.sigev_signo > SIGNAL_MAX)
		return -EINVAL;
	ret = sys_call(SYS_timer_create, clock, &real, c->arg[2]);
	if (!ret && !user_get(&id, (void *)c->arg[2]))
		*a = (struct aimed_timer){true, id, event._sigev_un._tid, event.sigev_signo, 0, 0, event.sigev_value};
	return ret;
}

long sys_timer_delete(struct call *c)
{
	struct aimed_timer *a = find((int)c->arg[0]);

	if (a)
		a->used = false;
	return CALL_PASS;
}

/* The kernel counts what passed while the carrier was on its way. */
long sys_timer_getoverrun(struct call *c)
{
	const struct aimed_timer *a = find((int)c->arg[0]);

	return a ? a->overrun + a->missed : CALL_PASS;
}
