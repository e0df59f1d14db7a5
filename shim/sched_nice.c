/* Niceness and the priority of input and output: each thread's own, as sched.c has it of the rest. */
#include <errno.h>
#include <linux/capability.h>
#include <linux/ioprio.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "offload.h"
#include "sched.h"
#include "sys.h"
#include "thread.h"

int sched_nice_real(void)
{
	return 20 - (int)sys_call(SYS_getpriority, PRIO_PROCESS, 0);
}

int sched_nice_of(const struct thread *t)
{
	return t->sched.has_nice ? t->sched.nice : sched_nice_real();
}

bool sched_may_all(void)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

	return !sys_call(SYS_capget, &header, data) && data[0].effective & (1U << CAP_SYS_NICE);
}

bool sched_may_nice(int nice)
{
	struct rlimit limit = {0};

	sys_call(SYS_prlimit64, 0, RLIMIT_NICE, NULL, &limit);
	return limit.rlim_cur >= (rlim_t)(20 - nice) || sched_may_all();
}

/* Lower than the OS thread's: that one tries it, and it may go back. A capability can be of less than the machine. */
static long probe_nice(int nice)
{
	int real = sched_nice_real();
	long ret = nice < real ? sys_call(SYS_setpriority, PRIO_PROCESS, 0, nice) : 0;

	if (nice < real && !ret)
		sys_call(SYS_setpriority, PRIO_PROCESS, 0, real);
	return ret;
}

/* Higher is always allowed. */
long sched_nice_set(struct thread *t, int nice)
{
	long ret;

	nice = nice < -20 ? -20 : nice > 19 ? 19 : nice;
	if (nice < sched_nice_of(t)) {
		ret = sched_may_nice(nice) ? probe_nice(nice) : -EACCES;
		if (ret)
			return ret;
	}
	t->sched.has_nice = true;
	t->sched.nice = nice;
	sched_shares_differ = true;
	return 0;
}

/* A group of processes, or those of a user: this one too? */
static bool means_us(int which, long who)
{
	if (which == PRIO_PGRP)
		return !(int)who || who == sys_call(SYS_getpgid, 0);
	return which == PRIO_USER && (!(int)who || who == sys_call(SYS_getuid));
}

/* Those of many processes: what is to be done where ours is one of them. */
static long of_many(const struct call *c, long (*ours)(const struct call *c))
{
	return means_us((int)c->arg[0], c->arg[1]) ? ours(c) : CALL_PASS;
}

/* The kernel changes the OS thread's, which those follow that have none of their own. */
static long set_all(const struct call *c)
{
	long ret = call_native(c);
	int nice = sched_nice_real();

	LIST_EACH(l, &threads.all) {
		struct thread *t = LIST_ENTRY(l, struct thread, all);

		if (!ret && t->sched.has_nice)
			t->sched.nice = nice;
	}
	return ret;
}

static long set_one(const struct call *c)
{
	struct thread *t = sched_target(c->arg[1]);

	if (t)
		return sched_nice_set(t, (int)c->arg[2]);
	if (sched_is_main(c->arg[1])) {
		sched_main_changes();
		sched_shares_differ = true;
	}
	return CALL_PASS;
}

long sys_setpriority(struct call *c)
{
	return (int)c->arg[0] == PRIO_PROCESS ? set_one(c) : of_many(c, set_all);
}

/* The best of all. */
static long best(const struct call *c)
{
	long ret = call_native(c);

	LIST_EACH(l, &threads.all) {
		const struct thread *t = LIST_ENTRY(l, struct thread, all);

		if (ret > 0 && t != &threads.main && 20 - sched_nice_of(t) > ret)
			ret = 20 - sched_nice_of(t);
	}
	return ret;
}

static long one(const struct call *c)
{
	const struct thread *t = sched_target(c->arg[1]);

	return t ? 20 - sched_nice_of(t) : CALL_PASS;
}

long sys_getpriority(struct call *c)
{
	return (int)c->arg[0] == PRIO_PROCESS ? one(c) : of_many(c, best);
}

static int ioprio_of(const struct thread *t)
{
	return t->sched.has_ioprio ? t->sched.ioprio : (int)sys_call(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);
}

/* Helpers have that of the OS thread. */
static long ioprio_of_main(long who)
{
	offload_retire();
	if (!sched_is_main(who))
		return CALL_PASS;
	LIST_EACH(l, &threads.all) {
		struct thread *t = LIST_ENTRY(l, struct thread, all);

		t->sched.ioprio = ioprio_of(t);
		t->sched.has_ioprio = t != &threads.main;
	}
	return CALL_PASS;
}

/* May it? The OS thread tries it and goes back. */
long sys_ioprio_set(struct call *c)
{
	struct thread *t = (int)c->arg[0] == IOPRIO_WHO_PROCESS ? sched_target(c->arg[1]) : NULL;
	long before, ret;

	if (!t)
		return ioprio_of_main((int)c->arg[0] == IOPRIO_WHO_PROCESS ? c->arg[1] : -1);
	before = sys_call(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);
	ret = sys_call(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, c->arg[2]);
	if (ret)
		return ret;
	t->sched.ioprio = (int)sys_call(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);
	t->sched.has_ioprio = true;
	sys_call(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, before);
	return 0;
}

long sys_ioprio_get(struct call *c)
{
	struct thread *t = (int)c->arg[0] == IOPRIO_WHO_PROCESS ? sched_target(c->arg[1]) : NULL;

	return t ? ioprio_of(t) : CALL_PASS;
}
