/* Scheduling of threads, by every function: of oneself, of others by their numbers, of those that are gone; what the kernel
 * refuses. Numbers of threads are never printed. */
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "sched_test.h"
#include "thread_test.h"

#define LENGTH(array) (int)(sizeof(array) / sizeof(*(array)))

static const int policies[] = {SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE, SCHED_DEADLINE, 4, 77, -1};
static const int priorities[] = {0, 1, 99, 100, -1};

static void limits(void)
{
	for (int i = 0; i < LENGTH(policies); i++) {
		printf("policy %d: max %s", policies[i], outcome(sched_get_priority_max(policies[i])));
		printf(", min %s\n", outcome(sched_get_priority_min(policies[i])));
	}
}

static void show(const char *who, int tid)
{
	struct sched_param param = {-99};
	struct timespec ts = {-1, -1};

	printf("%s: scheduler %s", who, outcome(sched_getscheduler(tid)));
	printf(", param %s", outcome(sched_getparam(tid, &param)));
	printf(" %d", param.sched_priority);
	printf(", interval %s", outcome(sched_rr_get_interval(tid, &ts)));
	printf(" %d\n", ts.tv_sec >= 0 && ts.tv_nsec >= 0);
}

static void set(const char *who, int tid)
{
	struct sched_param param;

	for (int i = 0; i < LENGTH(policies); i++)
		for (int j = 0; j < LENGTH(priorities); j++) {
			param.sched_priority = priorities[j];
			printf("%s %d %d: ", who, policies[i], priorities[j]);
			printf("%s", outcome(sched_setscheduler(tid, policies[i], &param)));
			printf(" %s\n", outcome(sched_setparam(tid, &param)));
			show(who, tid);
		}
	param.sched_priority = 0;
	sched_setscheduler(tid, SCHED_OTHER, &param);
}

static void bad_pointers(int tid)
{
	printf("NULL: %s", outcome(sched_setscheduler(tid, 0, NULL)));
	printf(" %s", outcome(sched_setparam(tid, NULL)));
	printf(" %s", outcome(sched_getparam(tid, NULL)));
	printf(" %s", outcome(sched_getparam(tid, (void *)8)));
	printf(" %s", outcome(sched_setparam(tid, (void *)8)));
	printf(" %s\n", outcome(sched_rr_get_interval(tid, (void *)8)));
}

static void cpus(const char *who, int tid, pthread_t t)
{
	cpu_set_t all, one, none;
	size_t big = CPU_ALLOC_SIZE(20000);
	cpu_set_t *many = CPU_ALLOC(20000);
	int first = 0;

	CPU_ZERO(&none);
	CPU_ZERO(&one);
	printf("%s: get %s", who, outcome(sched_getaffinity(tid, sizeof(all), &all)));
	printf(" small %s", outcome(sched_getaffinity(tid, 1, &all)));
	printf(" odd %s", outcome(sched_getaffinity(tid, 9, &all)));
	printf(" 0 %s", outcome(sched_getaffinity(tid, 0, &all)));
	printf(" bad %s", outcome(sched_getaffinity(tid, sizeof(all), (void *)8)));
	memset(many, 0xff, big);
	printf(" many %s", outcome(sched_getaffinity(tid, big, many)));
	sched_getaffinity(tid, sizeof(all), &all);
	printf(" %d\n", CPU_COUNT_S(big, many) == CPU_COUNT(&all));
	while (!CPU_ISSET(first, &all))
		first++;
	CPU_SET(first, &one);
	printf("%s: set none %s", who, outcome(sched_setaffinity(tid, sizeof(none), &none)));
	printf(" bad %s", outcome(sched_setaffinity(tid, sizeof(none), (void *)8)));
	printf(" 0 %s", outcome(sched_setaffinity(tid, 0, &one)));
	printf(" 1 %s", outcome(sched_setaffinity(tid, 1, &one)));
	printf(" one %s", outcome(sched_setaffinity(tid, sizeof(one), &one)));
	printf(" many %s", outcome(sched_setaffinity(tid, big, many)));
	printf(" np %s", error_name(pthread_setaffinity_np(t, sizeof(one), &one)));
	CPU_ZERO(&none);
	printf(" get %s", error_name(pthread_getaffinity_np(t, sizeof(none), &none)));
	printf(" %d", !!CPU_EQUAL(&none, &one));
	printf(" small %s", error_name(pthread_getaffinity_np(t, 1, &none)));
	printf(" back %s\n", outcome(sched_setaffinity(tid, sizeof(all), &all)));
	CPU_FREE(many);
}

static void by_pthreads(const char *who, pthread_t t)
{
	struct sched_param param;
	int policy;

	for (int i = 0; i < LENGTH(policies); i++)
		for (int j = 0; j < LENGTH(priorities); j++) {
			param.sched_priority = priorities[j];
			printf("%s %d %d: ", who, policies[i], priorities[j]);
			printf("%s", error_name(pthread_setschedparam(t, policies[i], &param)));
			printf(" prio %s", error_name(pthread_setschedprio(t, priorities[j])));
			policy = param.sched_priority = -99;
			printf(" get %s", error_name(pthread_getschedparam(t, &policy, &param)));
			printf(" %d %d\n", policy, param.sched_priority);
		}
	param.sched_priority = 0;
	printf("%s back: %s\n", who, error_name(pthread_setschedparam(t, SCHED_OTHER, &param)));
}

static int other_tid;
static pthread_barrier_t barrier;

/* Main's changes are not those of threads that are there; what they change is not main's. */
static void apart(pthread_t t)
{
	struct sched_param param = {0};
	cpu_set_t all, one, got;
	int first = 0;

	printf("mine: %s\n", outcome(sched_setscheduler(0, SCHED_IDLE, &param)));
	printf("mine: %s\n", outcome(setpriority(PRIO_PROCESS, 0, 7)));
	show("the other", other_tid);
	printf("nice: %d %d\n", getpriority(PRIO_PROCESS, 0), getpriority(PRIO_PROCESS, (id_t)other_tid));
	sched_setscheduler(0, SCHED_OTHER, &param);
	sched_getaffinity(0, sizeof(all), &all);
	while (!CPU_ISSET(first, &all))
		first++;
	CPU_ZERO(&one);
	CPU_SET(first, &one);
	printf("my CPUs: %s", outcome(sched_setaffinity(0, sizeof(one), &one)));
	sched_getaffinity(other_tid, sizeof(got), &got);
	printf(", the other's as before %d", !!CPU_EQUAL(&got, &all));
	sched_setaffinity(0, sizeof(all), &all);
	sched_setaffinity(other_tid, sizeof(one), &one);
	pthread_getaffinity_np(t, sizeof(got), &got);
	printf(" now one %d", CPU_COUNT(&got) == 1);
	sched_getaffinity(0, sizeof(got), &got);
	printf(", mine %d\n", !!CPU_EQUAL(&got, &all));
	sched_setaffinity(other_tid, sizeof(all), &all);
}

static void *other(void *arg)
{
	other_tid = gettid();
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	show("the other, of itself", 0);
	return arg;
}

static void *inherits(void *arg)
{
	show("inherited", 0);
	printf("nice %d\n", getpriority(PRIO_PROCESS, 0));
	return arg;
}

static void inheritance(void)
{
	struct sched_param param = {0};

	printf("reset on fork: %s\n", outcome(sched_setscheduler(0, SCHED_BATCH | SCHED_RESET_ON_FORK, &param)));
	show("the parent", 0);
	done(go(inherits, NULL));
	printf("batch: %s\n", outcome(sched_setscheduler(0, SCHED_BATCH, &param)));
	show("the parent", 0);
	done(go(inherits, NULL));
	sched_setscheduler(0, SCHED_OTHER, &param);
}

static void misc(void)
{
	unsigned cpu = 99999, node = 99999;
	int before;

	printf("getcpu: %s", outcome(getcpu(&cpu, &node)));
	printf(" %d %d %d", cpu < 9999, node < 9999, sched_getcpu() >= 0);
	printf(" NULL %s\n", outcome(getcpu(NULL, NULL)));
	before = pthread_getconcurrency();
	printf("concurrency: %d", before);
	printf(" %s", error_name(pthread_setconcurrency(7)));
	printf(" %d", pthread_getconcurrency());
	printf(" %s", error_name(pthread_setconcurrency(-1)));
	printf(" %d\n", pthread_getconcurrency());
	pthread_setconcurrency(before);
	printf("yield: %s", outcome(sched_yield()));
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
	printf(" %d\n", pthread_yield());
#pragma GCC diagnostic pop
}

static void *all(void *arg)
{
	pthread_t t;

	limits();
	misc();
	show("I", 0);
	set("I", 0);
	bad_pointers(0);
	by_pthreads("I", pthread_self());
	cpus("I", 0, pthread_self());
	inheritance();
	pthread_barrier_init(&barrier, NULL, 2);
	t = go(other, NULL);
	pthread_barrier_wait(&barrier);
	show("the other", other_tid);
	apart(t);
	set("the other", other_tid);
	bad_pointers(other_tid);
	by_pthreads("the other", t);
	cpus("the other", other_tid, t);
	pthread_barrier_wait(&barrier);
	done(t);
	show("gone", other_tid);
	show("nobody", -1);
	show("nobody either", 0x3fffffff);
	set("nobody", -1);
	return arg;
}

static void be_nice(int nice)
{
	printf("nice %d: %s", nice, outcome(setpriority(PRIO_PROCESS, 0, nice)));
	printf(" now %d\n", getpriority(PRIO_PROCESS, 0));
}

static void be(unsigned policy, unsigned flags, int nice)
{
	struct attr a = {.size = sizeof(a), .policy = policy, .flags = flags, .nice = nice};

	printf("policy %u, flags %u, nice %d: %s", policy, flags, nice, outcome(syscall(SYS_sched_setattr, 0, &a, 0)));
	printf(" now %d %d\n", sched_getscheduler(0), getpriority(PRIO_PROCESS, 0));
}

/* Down is everybody's way, back again that of those who may. */
static void *down_and_back(void *arg)
{
	be_nice(5);
	be_nice(3);
	be_nice(-1);
	be(SCHED_OTHER, 0, 6);
	be(SCHED_BATCH, 0, 4);
	be(SCHED_BATCH, 1, 7);
	be(SCHED_OTHER, 0, 7);
	be(SCHED_OTHER, 1, 7);
	be(SCHED_IDLE, 1, 8);
	be(SCHED_IDLE, 1, 7);
	be(SCHED_OTHER, 1, 8);
	return arg;
}

static void *in_a_child(void *arg)
{
	child_again(all);
	return arg;
}

/* Without the right to real-time policies the same everywhere. */
int main(int argc, char **argv)
{
	bool may = argc > 1 && !strcmp(argv[1], "may");

	if (!may && (setgid(65534) || setuid(65534)))
		puts("(no other user)");
	done(go(inherits, NULL));
	done(go(down_and_back, NULL));
	all(NULL);
	done(go(all, NULL));
	done(go(in_a_child, NULL));
	return 0;
}
