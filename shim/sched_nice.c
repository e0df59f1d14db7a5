/* Niceness and the priority of input and output: each thread's own, as sched.c has it of the rest. */
#include <errno.h>
#include <linux/ioprio.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "offload.h"
#include "sched.h"
#include "sys.h"
#include "thread.h"

int sched_nice_of(const struct thread *t)
{
	return t->sched.has_nice ? t->sched.nice : 20 - (int)sys_call(SYS_getpriority, PRIO_PROCESS, 0);
}

/* Higher is always allowed; lower, where the OS thread may do it, and it may go back. */
long sched_nice_set(struct thread *t, int nice)
{
	int real = 20 - (int)sys_call(SYS_getpriority, PRIO_PROCESS, 0);
	long ret = 0;

	nice = nice < -20 ? -20 : nice > 19 ? 19 : nice;
	if (nice < sched_nice_of(t) && nice < real) {
		ret = sys_call(SYS_setpriority, PRIO_PROCESS, 0, nice);
		if (!ret)
			sys_call(SYS_setpriority, PRIO_PROCESS, 0, real);
	} else if (nice < sched_nice_of(t)) {
		ret = sys_call(SYS_setpriority, PRIO_PROCESS, 0, real);
	}
	if (ret)
		return ret;
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

/* The kernel changes the OS thread's, which those follow that have none of their own. */
static long set_all(const struct call *c)
{
	long ret = call_native(c);
	int nice = 20 - (int)sys_call(SYS_getpriority, PRIO_PROCESS, 0);

	LIST_EACH(l, &threads.all) {
		struct thread *t = LIST_ENTRY(l, struct thread, all);

		if (!ret && t->sched.has_nice)
			t->sched.nice = nice;
	}
	return ret;
}

long sys_setpriority(struct call *c)
{
	struct thread *t;

	if ((int)c->arg[0] != PRIO_PROCESS)
		return means_us((int)c->arg[0], c->arg[1]) ? set_all(c) : CALL_PASS;
	t = sched_target(c->arg[1]);
	if (t)
		return sched_nice_set(t, (int)c->arg[2]);
	if (sched_is_main(c->arg[1])) {
		sched_main_changes();
		sched_shares_differ = true;
	}
	return CALL_PASS;
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

long sys_getpriority(struct call *c)
{
	struct thread *t;

	if ((int)c->arg[0] != PRIO_PROCESS)
		return means_us((int)c->arg[0], c->arg[1]) ? best(c) : CALL_PASS;
	t = sched_target(c->arg[1]);
	return t ? 20 - sched_nice_of(t) : CALL_PASS;
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
