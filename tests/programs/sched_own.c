/* What is each thread's own: name, CPUs, policy, niceness; set by itself, by another, inherited. */
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "wait_test.h"

static pthread_t main_thread;

static void show_name(const char *what, pthread_t t)
{
	char name[16] = "", own[17] = "";

	pthread_getname_np(t, name, sizeof(name));
	prctl(PR_GET_NAME, own);
	printf("%s: %s, mine %s\n", what, name, own);
}

static pthread_barrier_t barrier;

static void *named(void *arg)
{
	char own[17] = "";

	show_name("inherited", pthread_self());
	pthread_setname_np(pthread_self(), "by itself");
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	prctl(PR_GET_NAME, own);
	printf("it sees: %s\n", own);
	prctl(PR_SET_NAME, "longer than fifteen bytes");
	show_name("cut", pthread_self());
	pthread_setname_np(main_thread, "the main one");
	show_name("main, from another", main_thread);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return arg;
}

static void names(void)
{
	pthread_t t;

	main_thread = pthread_self();
	pthread_setname_np(main_thread, "first");
	pthread_barrier_init(&barrier, NULL, 2);
	t = go(named, NULL);
	pthread_barrier_wait(&barrier);
	show_name("another", t);
	printf("too long: %s\n", strerrorname_np(pthread_setname_np(t, "0123456789abcdef")));
	pthread_setname_np(t, "by another");
	show_name("renamed", t);
	pthread_setname_np(t, "by me");
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	show_name("in the end", t);
	pthread_barrier_wait(&barrier);
	done(t);
}

static int count_cpus(pthread_t t)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	if (pthread_getaffinity_np(t, sizeof(set), &set))
		return -1;
	return CPU_COUNT(&set);
}

static void *pinned(void *arg)
{
	cpu_set_t none, one, all;
	int first = 0;

	sched_getaffinity(0, sizeof(all), &all);
	while (!CPU_ISSET(first, &all))
		first++;
	CPU_ZERO(&none);
	CPU_ZERO(&one);
	CPU_SET(first, &one);
	printf("no CPU: %s\n", strerrorname_np(pthread_setaffinity_np(pthread_self(), sizeof(none), &none)));
	pthread_setaffinity_np(pthread_self(), sizeof(one), &one);
	printf("pinned: %d, others: %d\n", count_cpus(pthread_self()), count_cpus(main_thread) == (int)(long)arg);
	return NULL;
}

static void *idle(void *arg)
{
	pthread_barrier_wait(&barrier);
	return arg;
}

static void *policies(void *arg)
{
	struct sched_param p = {0};
	int policy = -1;

	(void)arg;
	pthread_getschedparam(pthread_self(), &policy, &p);
	printf("policy: %d %d\n", policy, p.sched_priority);
	printf("batch: %d\n", pthread_setschedparam(pthread_self(), SCHED_BATCH, &p));
	printf("now: %d\n", sched_getscheduler((int)syscall(SYS_gettid)));
	p.sched_priority = 5;
	printf("batch with a priority: %s\n", strerrorname_np(pthread_setschedparam(pthread_self(), SCHED_BATCH, &p)));
	printf("no such policy: %s\n", outcome(sched_setscheduler(0, 77, &p)));
	pthread_getschedparam(main_thread, &policy, &p);
	printf("main: %d\n", policy);
	return NULL;
}

static void *niceness(void *arg)
{
	int tid = (int)syscall(SYS_gettid);

	printf("nice: %d", nice(5));
	printf(" %d\n", getpriority(PRIO_PROCESS, (id_t)tid));
	printf("more: %s\n", outcome(setpriority(PRIO_PROCESS, (id_t)tid, 9)));
	printf("it: %d, the first: %d\n", getpriority(PRIO_PROCESS, 0), getpriority(PRIO_PROCESS, (id_t)getpid()));
	return arg;
}

static pthread_mutex_t asked = PTHREAD_MUTEX_INITIALIZER;

static void *clock_of_main(void *arg)
{
	struct timespec ts = {-1, -1};
	clockid_t clock;
	int ret = pthread_getcpuclockid(*(pthread_t *)arg, &clock);

	printf("another's CPU clock: %d", ret);
	printf(" %d", clock_gettime(clock, &ts));
	printf(" %d\n", ts.tv_sec >= 0 && ts.tv_nsec >= 0);
	pthread_mutex_lock(&asked); /* until main has asked for ours */
	pthread_mutex_unlock(&asked);
	return NULL;
}

static void cpu_clocks(void)
{
	pthread_t self = pthread_self(), t;
	struct timespec ts;
	clockid_t clock;

	pthread_mutex_lock(&asked);
	pthread_create(&t, NULL, clock_of_main, &self);
	usleep(20000);
	printf("a thread's CPU clock: %d", pthread_getcpuclockid(t, &clock));
	printf(" %d\n", clock_gettime(clock, &ts));
	pthread_mutex_unlock(&asked);
	pthread_join(t, NULL);
}

int main(void)
{
	cpu_clocks();
	pthread_t t;

	names();
	done(go(pinned, (void *)(long)count_cpus(main_thread)));
	t = go(idle, NULL);
	printf("of another: %d\n", count_cpus(t) == count_cpus(main_thread));
	pthread_barrier_wait(&barrier);
	done(t);
	done(go(policies, NULL));
	done(go(niceness, NULL));
	return 0;
}
