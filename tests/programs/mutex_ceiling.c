/* Mutexes with priority ceilings: what their owner's priority is, raised and back; who may lock; ceilings that change. Where
 * real-time policies are not allowed, what is said about that. */
#include "thread_test.h"

#define LENGTH(array) (int)(sizeof(array) / sizeof(*(array)))

static pthread_mutex_t low, high;

static void make(pthread_mutex_t *m, int ceiling, int type)
{
	pthread_mutexattr_t a;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_settype(&a, type);
	printf("protocol %s", error_name(pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_PROTECT)));
	printf(", ceiling %s", error_name(pthread_mutexattr_setprioceiling(&a, ceiling)));
	printf(", init %s\n", error_name(pthread_mutex_init(m, &a)));
	pthread_mutexattr_destroy(&a);
}

static void show(const char *when)
{
	struct sched_param kernels = {-1}, own = {-1};
	int policy = -1;

	sched_getparam(0, &kernels);
	pthread_getschedparam(pthread_self(), &policy, &own);
	printf("%s: scheduler %s", when, outcome(sched_getscheduler(0)));
	printf(", %d, pthreads %d %d\n", kernels.sched_priority, policy, own.sched_priority);
}

static void *tries(void *arg)
{
	struct timespec until = in_ms(CLOCK_REALTIME, 5);

	printf("another: try %s", error_name(pthread_mutex_trylock(arg)));
	printf(", timed %s\n", error_name(pthread_mutex_timedlock(arg, &until)));
	return arg;
}

static void *inside(void *arg)
{
	show("a thread");
	SHOW(pthread_mutex_lock(&low));
	show("low held");
	SHOW(pthread_mutex_lock(&high));
	show("both held");
	done(go(tries, &low));
	SHOW(pthread_mutex_unlock(&low));
	show("high held");
	SHOW(pthread_mutex_unlock(&high));
	show("none held");
	return arg;
}

static void with(int policy, int priority)
{
	struct sched_param param = {priority};
	pthread_attr_t attr;
	pthread_t t;
	int ret;

	pthread_attr_init(&attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, policy);
	pthread_attr_setschedparam(&attr, &param);
	fflush(stdout);
	ret = pthread_create(&t, &attr, inside, NULL);
	if (!ret)
		done(t);
	printf("policy %d, priority %d: %s\n", policy, priority, error_name(ret));
}

static void *waits(void *arg)
{
	long ret = pthread_mutex_lock(arg);

	if (!ret)
		pthread_mutex_unlock(arg);
	return (void *)ret;
}

static void ceilings(void)
{
	static const int all[] = {1, 99, 0, 100, -1};
	pthread_mutex_t plain = PTHREAD_MUTEX_INITIALIZER;
	int old = -1;

	printf("plain: %s", error_name(pthread_mutex_getprioceiling(&plain, &old)));
	printf(" %s\n", error_name(pthread_mutex_setprioceiling(&plain, 5, &old)));
	for (int i = 0; i < LENGTH(all); i++) {
		old = -1;
		printf("set %d: %s", all[i], error_name(pthread_mutex_setprioceiling(&low, all[i], &old)));
		printf(" old %d", old);
		printf(", get %s", error_name(pthread_mutex_getprioceiling(&low, &old)));
		printf(" %d\n", old);
	}
	printf("back: %s\n", error_name(pthread_mutex_setprioceiling(&low, 5, &old)));
}

static void contended(void)
{
	pthread_t t[5];
	long sum = 0;

	SHOW(pthread_mutex_lock(&low));
	for (int i = 0; i < LENGTH(t); i++)
		t[i] = go(waits, &low);
	settle();
	SHOW(pthread_mutex_unlock(&low));
	for (int i = 0; i < LENGTH(t); i++)
		sum += done(t[i]);
	printf("errors: %ld\n", sum);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "unprivileged") && (setgid(65534) || setuid(65534)))
		puts("(no other user)");
	make(&low, 5, PTHREAD_MUTEX_NORMAL);
	make(&high, 20, PTHREAD_MUTEX_ERRORCHECK);
	with(SCHED_OTHER, 0);
	with(SCHED_FIFO, 3);
	with(SCHED_RR, 10);
	with(SCHED_FIFO, 30);
	show("main");
	SHOW(pthread_mutex_lock(&low));
	show("low held");
	SHOW(pthread_mutex_unlock(&low));
	ceilings();
	contended();
	SHOW(pthread_mutex_lock(&high));
	SHOW(pthread_mutex_lock(&high));
	SHOW(pthread_mutex_unlock(&high));
	SHOW(pthread_mutex_unlock(&high));
	SHOW(pthread_mutex_destroy(&low));
	return 0;
}
