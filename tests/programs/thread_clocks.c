/* CPU time: what clocks and getrusage say of a thread is its own work and nobody else's. */
#include <sys/resource.h>

#include "thread_test.h"

#define WORK_MS 150

static int64_t own_cpu(void)
{
	return clock_now(CLOCK_THREAD_CPUTIME_ID);
}

static int64_t own_rusage(void)
{
	struct rusage u;

	getrusage(RUSAGE_THREAD, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000L +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000L;
}

/* By the process's clock, which is sure to count. */
static void work(long ms)
{
	int64_t until = clock_now(CLOCK_PROCESS_CPUTIME_ID) + ms * MS;
	volatile unsigned n = 0;

	while (clock_now(CLOCK_PROCESS_CPUTIME_ID) < until)
		for (int i = 0; i < 10000; i++)
			n++;
}

static const char *judge(int64_t ns)
{
	if (ns >= WORK_MS * 8 / 10 * MS)
		return "worked";
	return ns < WORK_MS / 2 * MS ? "idle" : "BETWEEN";
}

static pthread_barrier_t barrier, after_idle;

static void *idle(void *arg)
{
	int64_t first = own_cpu(), usage = own_rusage();

	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	printf("%s: clock %s, rusage %s", (const char *)arg, judge(own_cpu() - first), judge(own_rusage() - usage));
	printf(", in all %s %s\n", judge(own_cpu()), judge(own_rusage()));
	return NULL;
}

static void *worker(void *arg)
{
	pthread_barrier_wait(&barrier);
	work(WORK_MS);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&after_idle);
	printf("%s: clock %s, rusage %s\n", (const char *)arg, judge(own_cpu()), judge(own_rusage()));
	return NULL;
}

static void of_others(const char *who, pthread_t t)
{
	struct timespec ts, res;
	clockid_t clock;

	printf("%s by its clock: ", who);
	printf("%s ", error_name(pthread_getcpuclockid(t, &clock)));
	printf("%s ", clock_gettime(clock, &ts) ? error_name(errno) : judge(ts.tv_sec * 1000000000L + ts.tv_nsec));
	printf("resolution %s ", clock_getres(clock, &res) ? error_name(errno) : "0");
	printf("%ld; ", res.tv_nsec);
	printf("set: %s\n", clock_settime(clock, &ts) ? error_name(errno) : "0");
}

/* Nobody asks before all have worked; then by others' clocks alone. */
static void *works_unasked(void *arg)
{
	pthread_barrier_wait(&barrier);
	if (arg)
		work((long)arg);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return NULL;
}

static int64_t of_thread(pthread_t t)
{
	clockid_t clock;

	return pthread_getcpuclockid(t, &clock) ? -1 : clock_now(clock);
}

static void between(void)
{
	pthread_t t[10];
	int wrong = 0;

	pthread_barrier_init(&barrier, NULL, 11);
	for (long i = 0; i < 10; i++)
		t[i] = go(works_unasked, (void *)(i == 7 ? 2L * WORK_MS : 0));
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < 10; i++)
		wrong += strcmp(judge(of_thread(t[i])), i == 7 ? "worked" : "idle") != 0;
	printf("one of ten worked: wrong %d\n", wrong);
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < 10; i++)
		done(t[i]);
}

/* A little work at each turn, of one more than of the others; what all have used is what the process has. */
static void *works_by_turns(void *arg)
{
	int64_t last = 0;
	volatile unsigned n = 0;

	for (int i = 0; i < 2000; i++) {
		int64_t now = own_cpu();

		if (now < last)
			puts("backwards");
		last = now;
		for (int k = 0; k < (arg ? 40000 : 400); k++)
			n++;
		sched_yield();
	}
	return (void *)own_cpu();
}

static void by_turns(void)
{
	int64_t mine = own_cpu(), all = clock_now(CLOCK_PROCESS_CPUTIME_ID), sum = 0, most = 0;
	pthread_t t[4];

	for (long i = 0; i < 4; i++)
		t[i] = go(works_by_turns, (void *)(long)(i == 2));
	for (int i = 0; i < 4; i++) {
		int64_t used = done(t[i]);

		sum += used;
		most = i == 2 ? used : most;
	}
	sum += own_cpu() - mine;
	all = clock_now(CLOCK_PROCESS_CPUTIME_ID) - all;
	printf("by turns: the most has its share %d, not more than all %d\n", most > sum / 3, sum <= all + all / 10);
}

static void *works_until(void *arg)
{
	while (*(volatile bool *)arg) {
		work(1);
		sched_yield();
	}
	return NULL;
}

/* On the CPU time of others, and of nobody. */
static void sleeping(void)
{
	struct timespec ts = {0, 30 * MS}, bad = {0, -1}, past = {0, 1};
	bool working = true;
	clockid_t clock, own;
	pthread_t t = go(works_until, &working);
	int64_t before;

	pthread_getcpuclockid(t, &clock);
	pthread_getcpuclockid(pthread_self(), &own);
	before = clock_now(clock);
	SHOW(clock_nanosleep(clock, 0, &ts, NULL));
	printf("it has worked: %d\n", clock_now(clock) - before >= 30 * MS);
	SHOW(clock_nanosleep(clock, TIMER_ABSTIME, &past, NULL));
	SHOW(clock_nanosleep(clock, 0, &bad, NULL));
	SHOW(clock_nanosleep(own, 0, &ts, NULL));
	SHOW(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &ts, NULL));
	working = false;
	done(t);
	for (int i = 0; i < 1000 && !clock_gettime(clock, &ts); i++) /* who is joined may not be gone yet */
		usleep(1000);
	SHOW_ERRNO(clock_gettime(clock, &ts));
	SHOW_ERRNO(clock_gettime((clockid_t)(~1U << 3 | 6), &ts)); /* another process's */
	SHOW_ERRNO(clock_gettime((clockid_t)(~0U << 3 | 6), &ts));
	SHOW_ERRNO(getrusage(7, &(struct rusage){0}));
}

int main(int argc, char **argv)
{
	pthread_t a, b;
	int64_t mine;

	if (argc > 1 && !strcmp(argv[1], "unasked"))
		between();
	pthread_barrier_init(&barrier, NULL, 3);
	pthread_barrier_init(&after_idle, NULL, 2);
	a = go(idle, "the idle one");
	b = go(worker, "the worker");
	mine = own_cpu();
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	printf("main: %s\n", judge(own_cpu() - mine));
	of_others("idle", a);
	of_others("worker", b);
	of_others("main", pthread_self());
	fflush(stdout);
	pthread_barrier_wait(&barrier);
	done(a);
	pthread_barrier_wait(&after_idle);
	done(b);
	between();
	by_turns();
	sleeping();
	mine = own_cpu();
	work(WORK_MS);
	printf("main, later: %s\n", judge(own_cpu() - mine));
	return 0;
}
