/* The CPUs of each thread: its own, as sched.c has it of the rest. */
#include <errno.h>
#include <sys/syscall.h>

#include "scratch.h"
#include "sched.h"
#include "sys.h"
#include "thread.h"
#include "user.h"

void sched_thread_exit(struct thread *t)
{
	scratch_put(t->sched.cpus, SCHED_CPUS_BYTES);
}

long sched_cpus_now(unsigned long *cpus)
{
	for (unsigned i = 0; i < SCHED_CPUS_BYTES / sizeof(*cpus); i++)
		((volatile unsigned long *)cpus)[i] = 0;
	return sys_call(SYS_sched_getaffinity, 0, SCHED_CPUS_BYTES, cpus);
}

/* Which CPUs a set allows, only the kernel knows (cpusets): the OS thread tries it. */
static long probe_cpus(size_t size, const void *wanted, unsigned long *allowed)
{
	unsigned long *before = scratch_get(SCHED_CPUS_BYTES);
	long n, ret;

	if (!before)
		return -ENOMEM;
	n = sched_cpus_now(before);
	ret = n < 0 ? n : sys_call(SYS_sched_setaffinity, 0, size, wanted);
	if (!ret) {
		sched_cpus_now(allowed);
		sys_call(SYS_sched_setaffinity, 0, n, before);
	}
	scratch_put(before, SCHED_CPUS_BYTES);
	return ret;
}

/* Nobody's CPUs change with the main thread's. */
static void keep_cpus(void)
{
	LIST_EACH(l, &threads.all) {
		struct thread *t = LIST_ENTRY(l, struct thread, all);

		if (t == &threads.main || t->sched.cpus)
			continue;
		t->sched.cpus = scratch_get(SCHED_CPUS_BYTES);
		if (t->sched.cpus)
			sched_cpus_now(t->sched.cpus);
	}
}

long sys_sched_setaffinity(struct call *c)
{
	struct thread *t = sched_target(c->arg[0]);
	unsigned long *cpus;
	long ret;

	if (!t) {
		if (sched_is_main(c->arg[0]))
			keep_cpus();
		return CALL_PASS;
	}
	cpus = scratch_get(SCHED_CPUS_BYTES);
	if (!cpus)
		return -ENOMEM;
	ret = probe_cpus((size_t)c->arg[1], (void *)c->arg[2], cpus);
	if (ret) {
		scratch_put(cpus, SCHED_CPUS_BYTES);
		return ret;
	}
	scratch_put(t->sched.cpus, SCHED_CPUS_BYTES);
	t->sched.cpus = cpus;
	return 0;
}

long sys_sched_getaffinity(struct call *c)
{
	struct thread *t = sched_target(c->arg[0]);
	long n;

	if (!t)
		return CALL_PASS;
	n = sys_call(SYS_sched_getaffinity, 0, c->arg[1], c->arg[2]);
	if (n > 0 && t->sched.cpus &&
	    user_copy((void *)c->arg[2], t->sched.cpus, (size_t)(n < SCHED_CPUS_BYTES ? n : SCHED_CPUS_BYTES)))
		return -EFAULT;
	return n;
}
