#include "sched.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "offload.h"
#include "scratch.h"
#include "sys.h"
#include "thread.h"
#include "user.h"

#define RESET_ON_FORK 0x40000000

struct thread *sched_target(long pid)
{
	struct thread *t = (int)pid ? thread_find((int)pid) : thread_self();

	return t == &threads.main ? NULL : t;
}

bool sched_is_main(long pid)
{
	return ((int)pid ? thread_find((int)pid) : thread_self()) == &threads.main;
}

/* May it? The OS thread tries it and goes back. SCHED_IDLE is always allowed, and there might be no way back. */
static long probe_policy(int policy, const struct sched_param *param)
{
	struct sched_param before;
	int old;
	long ret;

	if (policy == SCHED_IDLE)
		return param->sched_priority ? -EINVAL : 0;
	old = (int)sys_call(SYS_sched_getscheduler, 0);
	sys_call(SYS_sched_getparam, 0, &before);
	ret = sys_call(SYS_sched_setscheduler, 0, policy, param);
	if (!ret)
		sys_call(SYS_sched_setscheduler, 0, old, &before);
	return ret;
}

static int policy_of(const struct thread *t)
{
	return t->sched.has_policy ? t->sched.policy : (int)sys_call(SYS_sched_getscheduler, 0);
}

/* kernel/sched/syscalls.c, user_check_sched_setscheduler: SCHED_IDLE is as nice as one can be. */
static bool may_leave(const struct thread *t, int policy)
{
	int now = policy_of(t);

	if (now & RESET_ON_FORK & ~policy && !sched_may_all())
		return false;
	return (now & ~RESET_ON_FORK) != SCHED_IDLE || (policy & ~RESET_ON_FORK) == SCHED_IDLE ||
	       sched_may_nice(sched_nice_of(t));
}

static long policy_check(const struct thread *t, int policy, const struct sched_param *param)
{
	long ret = probe_policy(policy & ~RESET_ON_FORK, param);

	return !ret && !may_leave(t, policy) ? -EPERM : ret;
}

/* Somebody has asked for one, so that priorities may differ. */
static bool has_real_time;

static void policy_remember(struct thread *t, int policy, const struct sched_param *param)
{
	has_real_time |= param->sched_priority > 0;
	t->sched.has_policy = true;
	t->sched.policy = policy;
	t->sched.priority = param->sched_priority;
}

static long policy_set(struct thread *t, int policy, const struct sched_param *param)
{
	long ret = policy_check(t, policy, param);

	if (!ret)
		policy_remember(t, policy, param);
	return ret;
}

static int priority_of(const struct thread *t)
{
	struct sched_param param = {0};

	if (t->sched.has_policy)
		return t->sched.priority;
	sys_call(SYS_sched_getparam, 0, &param);
	return param.sched_priority;
}

void sched_enlist(struct list *queue, struct list *node, struct thread *t,
		  struct thread *(*who)(const struct list *node))
{
	struct list *before = queue;

	t->sched.queued_as = 0;
	if (has_real_time) {
		t->sched.queued_as = priority_of(t);
		while (before->prev != queue && who(before->prev)->sched.queued_as < t->sched.queued_as)
			before = before->prev;
	}
	list_insert(before, node);
}

static void keep(struct thread *t)
{
	if (t->sched.has_policy && t->sched.has_nice)
		return;
	t->sched.priority = priority_of(t);
	t->sched.policy = policy_of(t);
	t->sched.nice = sched_nice_of(t);
	t->sched.has_policy = t->sched.has_nice = true;
}

void sched_main_changes(void)
{
	threads.never_resets = false;
	has_real_time = true; /* perhaps */
	LIST_EACH(l, &threads.all) {
		struct thread *t = LIST_ENTRY(l, struct thread, all);

		if (t != &threads.main)
			keep(t);
	}
}

static long pass_to_main(long pid)
{
	if (sched_is_main(pid))
		sched_main_changes();
	return CALL_PASS;
}

static bool is_fair(int policy)
{
	policy &= ~RESET_ON_FORK;
	return policy == SCHED_OTHER || policy == SCHED_BATCH || policy == SCHED_IDLE;
}

/* kernel/sched/core.c, sched_fork: what is reset are rights that few have. */
static void reset(struct thread *t)
{
	keep(t);
	t->sched.policy &= ~RESET_ON_FORK;
	if (!is_fair(t->sched.policy))
		t->sched.policy = t->sched.priority = t->sched.nice = 0;
	if (t->sched.nice < 0)
		t->sched.nice = 0;
}

void sched_reset_child(struct thread *t)
{
	if (policy_of(t) & RESET_ON_FORK)
		reset(t);
}

bool sched_may_fork(const struct thread *t)
{
	return !t->sched.has_policy || t->sched.policy != SCHED_DEADLINE;
}

long sched_thread_new(const struct thread *parent, struct thread *child)
{
	child->sched = parent->sched;
	child->sched.cpus = parent->sched.cpus ? scratch_get(SCHED_CPUS_BYTES) : NULL;
	if (child->sched.cpus)
		bytes_copy(child->sched.cpus, parent->sched.cpus, SCHED_CPUS_BYTES);
	if (!parent->sched.has_policy && threads.never_resets)
		return 0;
	if (policy_of(parent) & RESET_ON_FORK)
		reset(child);
	else if (policy_of(parent) == SCHED_DEADLINE)
		return -EAGAIN;
	else if (!parent->sched.has_policy)
		threads.never_resets = true;
	return 0;
}

static long policy_set_from(struct thread *t, int policy, const struct sched_param *from)
{
	struct sched_param param;

	if (!from || policy < 0)
		return -EINVAL;
	return user_get(&param, from) ? -EFAULT : policy_set(t, policy, &param);
}

long sys_sched_setscheduler(struct call *c)
{
	struct thread *t = sched_target(c->arg[0]);

	return t ? policy_set_from(t, (int)c->arg[1], (const struct sched_param *)c->arg[2]) : pass_to_main(c->arg[0]);
}

long sys_sched_setparam(struct call *c)
{
	struct thread *t = sched_target(c->arg[0]);

	return t ? policy_set_from(t, policy_of(t), (const struct sched_param *)c->arg[1]) : pass_to_main(c->arg[0]);
}

long sys_sched_getscheduler(struct call *c)
{
	struct thread *t = sched_target(c->arg[0]);

	return t ? policy_of(t) : CALL_PASS;
}

long sys_sched_getparam(struct call *c)
{
	struct thread *t = sched_target(c->arg[0]);
	long ret;

	if (!t)
		return CALL_PASS;
	ret = sys_call(SYS_sched_getparam, 0, c->arg[1]);
	if (!ret && t->sched.has_policy)
		ret = user_put((void *)c->arg[1], &t->sched.priority);
	return ret;
}

long sys_sched_rr_get_interval(struct call *c)
{
	return sched_target(c->arg[0]) ? sys_call(c->nr, 0, c->arg[1]) : CALL_PASS;
}

/* sched_setattr(2): struct sched_attr as it was first. */
struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t times[3]; /* of SCHED_DEADLINE */
};

/* A size that is too small is told what it should be. */
static long attr_read(struct attr *attr, const struct call *c)
{
	const uint32_t known = 56;

	if (!c->arg[1] || (unsigned)c->arg[2])
		return -EINVAL;
	if (user_get(&attr->size, (void *)c->arg[1]))
		return -EFAULT;
	if (attr->size && attr->size < sizeof(*attr)) {
		user_put((void *)c->arg[1], &known);
		return -E2BIG;
	}
	if (user_get(attr, (void *)c->arg[1]))
		return -EFAULT;
	return (int)attr->policy < 0 ? -EINVAL : 0;
}

/* Whether there is time enough for it, the kernel says. */
static long deadline_set(struct thread *t, struct attr *attr, const void *given)
{
	struct attr before;
	long ret = sys_call(SYS_sched_getattr, 0, &before, sizeof(before), 0);

	if (!ret)
		ret = sys_call(SYS_sched_setattr, 0, given, 0);
	if (ret)
		return ret;
	sys_call(SYS_sched_setattr, 0, &before, 0);
	t->sched.has_policy = true;
	t->sched.policy = SCHED_DEADLINE | (attr->flags & 1 ? RESET_ON_FORK : 0);
	t->sched.priority = 0;
	t->sched.deadline_flags = attr->flags & ~UINT64_C(1);
	bytes_copy(t->sched.deadline, attr->times, sizeof(attr->times));
	if (!t->sched.deadline[2]) /* the period */
		t->sched.deadline[2] = t->sched.deadline[1];
	return 0;
}

/* All of it, or nothing. */
static long attr_set(struct thread *t, const struct attr *attr)
{
	struct sched_param param = {(int)attr->priority};
	int policy = (int)attr->policy | (attr->flags & 1 ? RESET_ON_FORK : 0);
	long ret = policy_check(t, policy, &param);

	if (!ret && attr->policy != SCHED_IDLE && is_fair(policy)) /* no niceness makes that one nicer */
		ret = sched_nice_set(t, attr->nice);
	if (!ret)
		policy_remember(t, policy, &param);
	return ret == -EACCES ? -EPERM : ret;
}

long sys_sched_setattr(struct call *c)
{
	struct thread *t = sched_target(c->arg[0]);
	struct attr attr;
	long ret;

	if (!t)
		return pass_to_main(c->arg[0]);
	ret = attr_read(&attr, c);
	if (ret)
		return ret;
	return attr.policy == SCHED_DEADLINE ? deadline_set(t, &attr, (void *)c->arg[1]) : attr_set(t, &attr);
}

long sys_sched_getattr(struct call *c)
{
	struct thread *t = sched_target(c->arg[0]);
	struct attr attr;
	long ret;

	if (!t)
		return CALL_PASS;
	ret = sys_call(SYS_sched_getattr, 0, c->arg[1], c->arg[2], c->arg[3]);
	if (ret || user_get(&attr, (void *)c->arg[1]))
		return ret;
	if (t->sched.has_policy) {
		attr.policy = (uint32_t)(t->sched.policy & ~RESET_ON_FORK);
		attr.flags = t->sched.policy & RESET_ON_FORK ? 1 : 0;
		attr.priority = (uint32_t)t->sched.priority;
	}
	if (attr.policy == SCHED_DEADLINE) {
		attr.flags |= t->sched.deadline_flags;
		bytes_copy(attr.times, t->sched.deadline, sizeof(attr.times));
	}
	attr.nice = is_fair((int)attr.policy) ? sched_nice_of(t) : 0;
	return user_put((void *)c->arg[1], &attr);
}

/* The global barrier, and registering for others, wait until every CPU of the machine has switched, some milliseconds; the
 * others interrupt those CPUs that run this process. Whoever makes it, it holds for all threads. */
#define LONG_BARRIERS                                                       \
	(MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | \
	 MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED | MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE | 1 << 8)

long sys_membarrier(struct call *c)
{
	return c->arg[0] & LONG_BARRIERS ? offload_to_the_end("membarrier", c->nr, c->arg) : CALL_PASS;
}
