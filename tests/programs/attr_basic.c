/* Thread attributes: defaults, what a running thread tells of itself, scheduling, affinity, signal mask. */
#include <limits.h>

#include "thread_test.h"

static void describe(const char *who, pthread_t t, const void *here)
{
	size_t stack_size, guard;
	int detach, policy, inherit, scope;
	void *low;
	pthread_attr_t attr;

	printf("%s: getattr_np %s\n", who, error_name(pthread_getattr_np(t, &attr)));
	pthread_attr_getstack(&attr, &low, &stack_size);
	pthread_attr_getguardsize(&attr, &guard);
	pthread_attr_getdetachstate(&attr, &detach);
	pthread_attr_getschedpolicy(&attr, &policy);
	pthread_attr_getinheritsched(&attr, &inherit);
	pthread_attr_getscope(&attr, &scope);
	printf("guard %zu, detached %d, policy %d, inherit %d, scope %d\n", guard, detach, policy, inherit, scope);
	if (here)
		printf("inside the stack %d\n",
		       (const char *)here >= (char *)low && (const char *)here < (char *)low + stack_size);
	if (who[0] != 'm')
		printf("stack size %zu\n", stack_size);
	pthread_attr_destroy(&attr);
}

static void *tell(void *arg)
{
	char here;

	nap(1);
	describe(arg, pthread_self(), &here);
	nap(1);
	return NULL;
}

static void *wait_a_while(void *arg)
{
	nap(20);
	return arg;
}

static void with(size_t stack, size_t guard, const char *name)
{
	pthread_attr_t attr;
	pthread_t t;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, stack);
	pthread_attr_setguardsize(&attr, guard);
	pthread_create(&t, &attr, tell, (void *)name);
	done(t);
}

static void *affine(void *arg)
{
	cpu_set_t set;

	pthread_getaffinity_np(pthread_self(), sizeof(set), &set);
	printf("affinity from attr: %d cpu, the first %d\n", CPU_COUNT(&set), !!CPU_ISSET(*(int *)arg, &set));
	CPU_ZERO(&set);
	SHOW(pthread_setaffinity_np(pthread_self(), sizeof(set), &set));
	return NULL;
}

static void affinity(void)
{
	cpu_set_t set, all;
	pthread_attr_t attr;
	pthread_t t;
	int first = 0, ret;

	pthread_getaffinity_np(pthread_self(), sizeof(all), &all);
	while (!CPU_ISSET(first, &all))
		first++;
	CPU_ZERO(&set);
	CPU_SET(first, &set);
	pthread_attr_init(&attr);
	SHOW(pthread_attr_setaffinity_np(&attr, sizeof(set), &set));
	ret = pthread_create(&t, &attr, affine, &first);
	done(t);
	printf("pthread_create with affinity: %s\n", error_name(ret));
	pthread_getaffinity_np(pthread_self(), sizeof(set), &set);
	printf("main's affinity is as it was: %d\n", !!CPU_EQUAL(&set, &all));
}

static void *masked(void *arg)
{
	sigset_t set;

	pthread_sigmask(SIG_BLOCK, NULL, &set);
	printf("mask from attr: USR1 %d USR2 %d\n", sigismember(&set, SIGUSR1), sigismember(&set, SIGUSR2));
	return arg;
}

static void masks(void)
{
	pthread_attr_t attr;
	sigset_t set;
	pthread_t t;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_attr_init(&attr);
	SHOW(pthread_attr_setsigmask_np(&attr, &set));
	pthread_create(&t, &attr, masked, NULL);
	done(t);
	pthread_sigmask(SIG_BLOCK, NULL, &set);
	printf("main's mask: USR2 %d\n", sigismember(&set, SIGUSR2));
}

static void scheduling(void)
{
	struct sched_param param = {.sched_priority = 0};
	pthread_t t = go(wait_a_while, NULL);
	int policy;

	SHOW(pthread_getschedparam(t, &policy, &param));
	printf("policy %d priority %d\n", policy, param.sched_priority);
	SHOW(pthread_setschedparam(t, SCHED_BATCH, &param));
	SHOW(pthread_getschedparam(t, &policy, &param));
	printf("policy %d priority %d\n", policy, param.sched_priority);
	SHOW(pthread_setschedparam(t, 77, &param));
	SHOW(pthread_getschedparam(pthread_self(), &policy, &param));
	printf("main's policy %d\n", policy);
	done(t);
}

int main(void)
{
	pthread_attr_t attr;
	clockid_t clock;
	pthread_t t;
	char here;

	describe("main", pthread_self(), &here);
	with(PTHREAD_STACK_MIN, 4096, "small");
	with(256 << 10, 0, "no guard");
	with(1 << 20, 8192, "two pages of guard");
	t = go(wait_a_while, NULL);
	describe("another", t, NULL);
	SHOW(pthread_getcpuclockid(t, &clock));
	done(t);
	affinity();
	masks();
	scheduling();
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 512 << 10);
	SHOW(pthread_setattr_default_np(&attr));
	done(go(tell, "by default"));
	return 0;
}
