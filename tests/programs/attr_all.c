/* Every attribute of threads, mutexes, condition variables, read-write locks and barriers: what is there at first, every
 * value set and read back, those that are none, and again in a child. */
#include <limits.h>
#include <sys/wait.h>

#include "thread_test.h"

#define LENGTH(array) (int)(sizeof(array) / sizeof(*(array)))
#define GET(get, attr)                                               \
	do {                                                         \
		int value_ = -99;                                    \
		const char *error_ = error_name(get(attr, &value_)); \
		printf("  %s: %s %d\n", #get, error_, value_);       \
	} while (0)
#define SET(set, get, attr, ...)                                                                        \
	do {                                                                                            \
		const int values_[] = {__VA_ARGS__};                                                    \
		for (int i_ = 0; i_ < LENGTH(values_); i_++) {                                          \
			printf("  %s %d: %s\n", #set, values_[i_], error_name(set(attr, values_[i_]))); \
			GET(get, attr);                                                                 \
		}                                                                                       \
	} while (0)

static void of_mutexes(void)
{
	pthread_mutexattr_t a;
	pthread_mutex_t m;

	SHOW(pthread_mutexattr_init(&a));
	GET(pthread_mutexattr_gettype, &a);
	GET(pthread_mutexattr_getpshared, &a);
	GET(pthread_mutexattr_getprotocol, &a);
	GET(pthread_mutexattr_getprioceiling, &a);
	GET(pthread_mutexattr_getrobust, &a);
	SET(pthread_mutexattr_settype, pthread_mutexattr_gettype, &a, 0, 1, 2, 3, 4, -1);
	SET(pthread_mutexattr_setpshared, pthread_mutexattr_getpshared, &a, 0, 1, 2, -1);
	SET(pthread_mutexattr_setprotocol, pthread_mutexattr_getprotocol, &a, 0, 1, 2, 3, -1);
	SET(pthread_mutexattr_setprioceiling, pthread_mutexattr_getprioceiling, &a, 0, 1, 99, 100, -1);
	SET(pthread_mutexattr_setrobust, pthread_mutexattr_getrobust, &a, 0, 1, 2, -1);
	SHOW(pthread_mutex_init(&m, &a)); /* robust, with a ceiling */
	SHOW(pthread_mutexattr_destroy(&a));
}

static void of_conditions(void)
{
	pthread_condattr_t a;
	clockid_t clock = -1;

	SHOW(pthread_condattr_init(&a));
	GET(pthread_condattr_getpshared, &a);
	SET(pthread_condattr_setpshared, pthread_condattr_getpshared, &a, 0, 1, 2, -1);
	SET(pthread_condattr_setclock, pthread_condattr_getclock, &a, CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME,
	    CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW, 77, -1);
	SHOW(pthread_condattr_getclock(&a, &clock));
	SHOW(pthread_condattr_destroy(&a));
}

static void of_rwlocks(void)
{
	pthread_rwlockattr_t a;

	SHOW(pthread_rwlockattr_init(&a));
	GET(pthread_rwlockattr_getkind_np, &a);
	GET(pthread_rwlockattr_getpshared, &a);
	SET(pthread_rwlockattr_setkind_np, pthread_rwlockattr_getkind_np, &a, 0, 1, 2, 3, -1);
	SET(pthread_rwlockattr_setpshared, pthread_rwlockattr_getpshared, &a, 0, 1, 2, -1);
	SHOW(pthread_rwlockattr_destroy(&a));
}

static void of_barriers(void)
{
	pthread_barrierattr_t a;
	pthread_barrier_t b;

	SHOW(pthread_barrierattr_init(&a));
	GET(pthread_barrierattr_getpshared, &a);
	SET(pthread_barrierattr_setpshared, pthread_barrierattr_getpshared, &a, 0, 1, 2, -1);
	SHOW(pthread_barrier_init(&b, &a, 0));
	SHOW(pthread_barrier_init(&b, NULL, INT_MAX));
	SHOW(pthread_barrier_init(&b, NULL, (unsigned)INT_MAX + 1));
	SHOW(pthread_barrierattr_destroy(&a));
}

static char space[64 << 10] __attribute__((aligned(4096)));

static void *nothing(void *arg)
{
	return arg;
}

static int create_with(const pthread_attr_t *a)
{
	pthread_t t;
	int ret = pthread_create(&t, a, nothing, NULL);

	if (!ret)
		done(t);
	return ret;
}

static void priorities(pthread_attr_t *a)
{
	static const int all[] = {0, 1, 50, 99, 100, -1};
	static const int policies[] = {SCHED_OTHER, SCHED_FIFO, SCHED_RR, SCHED_BATCH, SCHED_IDLE, 77, -1};
	struct sched_param param;

	for (int i = 0; i < LENGTH(policies); i++) {
		printf("policy %d: %s\n", policies[i], error_name(pthread_attr_setschedpolicy(a, policies[i])));
		GET(pthread_attr_getschedpolicy, a);
		for (int j = 0; j < LENGTH(all); j++) {
			param.sched_priority = all[j];
			printf("  priority %d: %s", all[j], error_name(pthread_attr_setschedparam(a, &param)));
			param.sched_priority = -99;
			pthread_attr_getschedparam(a, &param);
			printf(" %d\n", param.sched_priority);
		}
	}
	param.sched_priority = 0;
	pthread_attr_setschedpolicy(a, SCHED_OTHER);
	pthread_attr_setschedparam(a, &param);
}

static void sizes(pthread_attr_t *a)
{
	static const size_t all[] = {0, 1, 4096, 16383, 16384, 16385, 1 << 20, SIZE_MAX};
	size_t size;
	void *low;

	for (int i = 0; i < LENGTH(all); i++) {
		printf("stack size %zu: %s", all[i], error_name(pthread_attr_setstacksize(a, all[i])));
		pthread_attr_getstacksize(a, &size);
		printf(" %zu\n", size);
		printf("guard size %zu: %s", all[i], error_name(pthread_attr_setguardsize(a, all[i])));
		pthread_attr_getguardsize(a, &size);
		printf(" %zu\n", size);
		SHOW(pthread_attr_setstack(a, space, all[i]));
	}
	pthread_attr_getstack(a, &low, &size);
	printf("stack: %d %zu\n", low == space, size);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
	SHOW(pthread_attr_setstackaddr(a, space + sizeof(space)));
	SHOW(pthread_attr_getstackaddr(a, &low));
#pragma GCC diagnostic pop
	printf("stack address: %d\n", low == space + sizeof(space));
}

static void sets(pthread_attr_t *a)
{
	cpu_set_t cpus, *more = CPU_ALLOC(4096);
	sigset_t set;

	CPU_ZERO(&cpus);
	SHOW(pthread_attr_getaffinity_np(a, sizeof(cpus), &cpus));
	printf("every CPU: %d\n", CPU_COUNT(&cpus) == CPU_SETSIZE);
	CPU_ZERO(&cpus);
	CPU_SET(1000, &cpus);
	SHOW(pthread_attr_setaffinity_np(a, sizeof(cpus), &cpus));
	SHOW(create_with(a));
	CPU_ZERO(&cpus);
	SHOW(pthread_attr_getaffinity_np(a, sizeof(cpus), &cpus));
	printf("that one: %d %d\n", CPU_COUNT(&cpus), CPU_ISSET(1000, &cpus));
	SHOW(pthread_attr_getaffinity_np(a, 8, &cpus));
	SHOW(pthread_attr_getaffinity_np(a, CPU_ALLOC_SIZE(4096), more));
	printf("of more: %d\n", CPU_COUNT_S(CPU_ALLOC_SIZE(4096), more));
	CPU_ZERO(&cpus);
	SHOW(pthread_attr_setaffinity_np(a, sizeof(cpus), &cpus));
	SHOW(create_with(a));
	SHOW(pthread_attr_setaffinity_np(a, 0, &cpus));
	SHOW(create_with(a));
	CPU_FREE(more);
	printf("no mask: %d\n", pthread_attr_getsigmask_np(a, &set) == PTHREAD_ATTR_NO_SIGMASK_NP);
	sigfillset(&set);
	SHOW(pthread_attr_setsigmask_np(a, &set));
	sigemptyset(&set);
	SHOW(pthread_attr_getsigmask_np(a, &set));
	printf("USR1 %d KILL %d\n", sigismember(&set, SIGUSR1), sigismember(&set, SIGKILL));
	SHOW(pthread_attr_setsigmask_np(a, NULL));
	printf("no mask: %d\n", pthread_attr_getsigmask_np(a, &set) == PTHREAD_ATTR_NO_SIGMASK_NP);
}

static void of_threads(void)
{
	pthread_attr_t a;

	SHOW(pthread_attr_init(&a));
	GET(pthread_attr_getdetachstate, &a);
	GET(pthread_attr_getinheritsched, &a);
	GET(pthread_attr_getscope, &a);
	GET(pthread_attr_getschedpolicy, &a);
	SET(pthread_attr_setdetachstate, pthread_attr_getdetachstate, &a, 0, 1, 2, -1, 0);
	SET(pthread_attr_setinheritsched, pthread_attr_getinheritsched, &a, 0, 1, 2, -1, 0);
	SET(pthread_attr_setscope, pthread_attr_getscope, &a, 0, 1, 2, -1);
	SHOW(pthread_attr_setinheritsched(&a, PTHREAD_EXPLICIT_SCHED));
	priorities(&a);
	SHOW(create_with(&a));
	sets(&a);
	sizes(&a);
	SHOW(pthread_attr_destroy(&a));
}

static void *show_own(void *arg)
{
	pthread_attr_t a;
	size_t size, guard;
	int inherit, policy;

	pthread_getattr_np(pthread_self(), &a);
	pthread_attr_getstacksize(&a, &size);
	pthread_attr_getguardsize(&a, &guard);
	pthread_attr_getinheritsched(&a, &inherit);
	pthread_attr_getschedpolicy(&a, &policy);
	printf("made by default: %zu %zu %d %d\n", size, guard, inherit, policy);
	pthread_attr_destroy(&a);
	return arg;
}

static void of_the_default(void)
{
	pthread_attr_t before, a;
	struct sched_param param = {.sched_priority = 5};
	size_t size;

	SHOW(pthread_getattr_default_np(&before));
	SHOW(pthread_attr_init(&a));
	SHOW(pthread_attr_setstacksize(&a, 300 << 10));
	SHOW(pthread_attr_setguardsize(&a, 12 << 10));
	SHOW(pthread_setattr_default_np(&a));
	done(go(show_own, NULL));
	SHOW(pthread_getattr_default_np(&a));
	pthread_attr_getstacksize(&a, &size);
	printf("default: %zu\n", size);
	SHOW(pthread_attr_setdetachstate(&a, PTHREAD_CREATE_DETACHED));
	SHOW(pthread_setattr_default_np(&a));
	SHOW(pthread_attr_setdetachstate(&a, PTHREAD_CREATE_JOINABLE));
	SHOW(pthread_attr_setschedpolicy(&a, SCHED_FIFO));
	SHOW(pthread_attr_setschedparam(&a, &param));
	SHOW(pthread_setattr_default_np(&a));
	pthread_attr_init(&a);
	SHOW(pthread_attr_setstack(&a, space, sizeof(space)));
	SHOW(pthread_setattr_default_np(&a));
	SHOW(pthread_setattr_default_np(&before));
	SHOW(create_with(NULL));
}

static void all(void)
{
	of_mutexes();
	of_conditions();
	of_rwlocks();
	of_barriers();
	of_threads();
	of_the_default();
}

int main(void)
{
	int status;
	pid_t pid;

	done(go(nothing, NULL));
	all();
	fflush(stdout);
	pid = fork();
	if (!pid) {
		all();
		fflush(stdout);
		_exit(3);
	}
	waitpid(pid, &status, 0);
	printf("child %d\n", WEXITSTATUS(status));
	return 0;
}
