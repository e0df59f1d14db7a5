/* clock.c - CPU time of threads, as clocks and getrusage tell it: of the OS thread's time, what was each greenlet's. The
 * vDSO, which knows no such clocks, asks for them by a call like any other. */
#include "clock.h"

#include <errno.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "../core/account.h"
#include "sys.h"
#include "thread.h"
#include "user.h"

/* include/linux/posix-timers.h: the thread's number, 0 for the calling one, inverted, above three bits. glibc lets the
 * number's upper bits go. */
#define CLOCK_KIND 7
#define CLOCK_PER_THREAD 4
#define CLOCK_IS_FILE 3
#define CLOCK_TID_BITS 29
#define US_PER_SEC UINT64_C(1000000)

struct thread *clock_thread(clockid_t clock)
{
	uint32_t tid = (~(uint32_t)clock >> 3) & ((1U << CLOCK_TID_BITS) - 1);
	struct thread *t;

	if (clock == CLOCK_THREAD_CPUTIME_ID)
		return thread_self();
	if ((clock >= 0 && clock <= CLOCK_TAI) || !(clock & CLOCK_PER_THREAD) || (clock & 3) == CLOCK_IS_FILE)
		return NULL;
	if (!tid)
		return thread_self();
	t = thread_find((int)tid);
	return t ? t : thread_find((int)(tid | 1U << CLOCK_TID_BITS));
}

uint64_t clock_of(const struct thread *t)
{
	return account_of(&threads.hub, &thread_self()->fiber, &t->fiber);
}

long sys_clock_gettime(struct call *c)
{
	const struct thread *t = clock_thread((clockid_t)c->arg[0]);
	struct timespec ts;
	uint64_t ns;

	if (!t)
		return CALL_PASS;
	ns = clock_of(t);
	ts = (struct timespec){(time_t)(ns / NS_PER_SEC), (long)(ns % NS_PER_SEC)};
	return user_put((void *)c->arg[1], &ts) ? -EFAULT : 0;
}

long sys_clock_getres(struct call *c)
{
	return clock_thread((clockid_t)c->arg[0]) ? sys_call(c->nr, CLOCK_THREAD_CPUTIME_ID, c->arg[1]) : CALL_PASS;
}

long sys_clock_settime(struct call *c)
{
	struct timespec ts;

	if (!clock_thread((clockid_t)c->arg[0]))
		return CALL_PASS;
	if (user_get(&ts, (void *)c->arg[1]))
		return -EFAULT;
	return ts.tv_sec < 0 || (uint64_t)ts.tv_nsec >= NS_PER_SEC ? -EINVAL : -EPERM;
}

static uint64_t timeval_us(const struct timeval *tv)
{
	return (uint64_t)tv->tv_sec * US_PER_SEC + (uint64_t)tv->tv_usec;
}

static struct timeval timeval_of(uint64_t us)
{
	return (struct timeval){(time_t)(us / US_PER_SEC), (suseconds_t)(us % US_PER_SEC)};
}

/* Of the thread's time as much is the kernel's as of the OS thread's. */
static void divide(struct rusage *u, uint64_t us)
{
	uint64_t kernel = timeval_us(&u->ru_stime), all = kernel + timeval_us(&u->ru_utime);
	uint64_t part = all ? (uint64_t)((unsigned __int128)us * kernel / all) : 0;

	u->ru_stime = timeval_of(part);
	u->ru_utime = timeval_of(us - part);
}

long sys_getrusage(struct call *c)
{
	struct rusage u;
	long ret;

	if ((int)c->arg[0] != RUSAGE_THREAD)
		return CALL_PASS;
	ret = sys_call(SYS_getrusage, RUSAGE_THREAD, &u);
	if (ret)
		return ret;
	divide(&u, clock_of(thread_self()) / 1000);
	return user_put((void *)c->arg[1], &u) ? -EFAULT : 0;
}
