/* A child is scheduled as the thread that makes it, and so is the program that a thread executes: what the shim has only
 * remembered of it becomes the OS thread's then, for good or until the child is there. */
#include <linux/ioprio.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "sched.h"
#include "scratch.h"
#include "sys.h"
#include "thread.h"

/* The OS thread's own meanwhile. */
static struct sched_thread own;
static bool lent;

static bool has_own(const struct sched_thread *s)
{
	return s->has_policy || s->has_nice || s->has_ioprio || s->cpus;
}

static void apply(const struct sched_thread *s)
{
	struct sched_param param = {s->priority};

	if (s->cpus)
		sys_call(SYS_sched_setaffinity, 0, SCHED_CPUS_BYTES, s->cpus);
	if (s->has_policy && s->policy != sys_call(SYS_sched_getscheduler, 0))
		sys_call(SYS_sched_setscheduler, 0, s->policy, &param);
	if (s->has_nice && s->nice != sched_nice_real())
		sys_call(SYS_setpriority, PRIO_PROCESS, 0, s->nice);
	if (s->has_ioprio)
		sys_call(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, s->ioprio);
}

void sched_forked(struct thread *t)
{
	if (t == &threads.main)
		return;
	name_sync(t);
	sys_call(SYS_prctl, PR_SET_NAME, t->name);
	if (!has_own(&t->sched))
		return;
	sched_reset_child(t);
	apply(&t->sched);
}

static void note_own(void)
{
	struct sched_param param = {0};

	own = (struct sched_thread){.has_policy = true, .has_nice = true, .has_ioprio = true};
	own.policy = (int)sys_call(SYS_sched_getscheduler, 0);
	sys_call(SYS_sched_getparam, 0, &param);
	own.priority = param.sched_priority;
	own.nice = sched_nice_real();
	own.ioprio = (int)sys_call(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);
	own.cpus = scratch_get(SCHED_CPUS_BYTES);
	if (own.cpus)
		sched_cpus_now(own.cpus);
}

/* What it could not come back from, it does not get. */
static struct sched_thread loan_to(const struct thread *t)
{
	struct sched_thread loan = t->sched;

	loan.has_policy &= own.policy != SCHED_DEADLINE && loan.policy != SCHED_DEADLINE;
	if (sched_may_nice(own.nice))
		return loan;
	loan.has_policy &= loan.policy == SCHED_OTHER || loan.policy == SCHED_BATCH;
	loan.has_nice = false;
	return loan;
}

void sched_lend(const struct thread *t)
{
	struct sched_thread loan;

	if (t == &threads.main || !has_own(&t->sched))
		return;
	note_own();
	loan = loan_to(t);
	apply(&loan);
	lent = true;
}

void sched_back(void)
{
	if (!lent)
		return;
	lent = false;
	apply(&own);
	scratch_put(own.cpus, SCHED_CPUS_BYTES);
}
