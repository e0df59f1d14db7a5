/* CFLAGS: -fopenmp LDLIBS: -fopenmp */
/* OpenMP: loops with every schedule, tasks, locks, barriers, sections, nesting, cancellation. What it says does not depend
 * on the number of threads, but for what is told of it. */
#include <omp.h>

#include "thread_test.h"

#define N 1000

static long squares(void)
{
	long sum[1] = {0}, a = 0, b = 0, c = 0;

#pragma omp parallel for schedule(static) reduction(+ : sum[:1])
	for (int i = 0; i < N; i++)
		sum[0] += (long)i * i;
#pragma omp parallel for schedule(dynamic, 7) reduction(+ : a)
	for (int i = 0; i < N; i++)
		a += (long)i * i;
#pragma omp parallel for schedule(guided) reduction(+ : b)
	for (int i = 0; i < N; i++)
		b += (long)i * i;
#pragma omp parallel for schedule(runtime) ordered
	for (int i = 0; i < 50; i++) {
#pragma omp ordered
		c = c * 3 % 1000003 + i;
	}
	printf("sums %ld %ld %ld\n", sum[0], a, b);
	return c;
}

static void ordered(void)
{
	char text[64] = "";

#pragma omp parallel for ordered schedule(dynamic)
	for (int i = 0; i < 20; i++) {
#pragma omp ordered
		text[strlen(text)] = (char)('a' + i);
	}
	printf("ordered %s\n", text);
}

static long fib(int n)
{
	long a, b;

	if (n < 2)
		return n;
#pragma omp task shared(a)
	a = fib(n - 1);
#pragma omp task shared(b)
	b = fib(n - 2);
#pragma omp taskwait
	return a + b;
}

static void tasks(void)
{
	long result = 0, sum = 0;
	int chain = 0;

#pragma omp parallel
#pragma omp single
	{
		result = fib(15);
#pragma omp taskgroup
		for (int i = 0; i < 100; i++)
#pragma omp task firstprivate(i) shared(sum)
		{
			nap(i % 10 == 0);
#pragma omp atomic
			sum += i;
		}
#pragma omp taskloop
		for (int i = 0; i < 100; i++)
#pragma omp atomic
			sum += i;
		for (int i = 0; i < 10; i++)
#pragma omp task depend(inout : chain)
			chain = chain * 2 + 1;
	}
	printf("fib %ld, sum %ld, chain %d\n", result, sum, chain);
}

static void locks(void)
{
	omp_lock_t lock;
	omp_nest_lock_t nest;
	int count = 0, critical = 0, twice = 0, single = 0, master = 0, tried = 0, n = omp_get_max_threads();

	omp_init_lock(&lock);
	omp_init_nest_lock(&nest);
#pragma omp parallel
	{
		for (int i = 0; i < 50; i++) {
			omp_set_lock(&lock);
			count++;
			if (i % 25 == 0)
				sched_yield();
			omp_unset_lock(&lock);
#pragma omp critical
			critical++;
			omp_set_nest_lock(&nest);
			omp_set_nest_lock(&nest);
			twice++;
			omp_unset_nest_lock(&nest);
			omp_unset_nest_lock(&nest);
		}
		while (!omp_test_lock(&lock))
			sched_yield();
		tried++;
		omp_unset_lock(&lock);
#pragma omp barrier
#pragma omp single
		single++;
#pragma omp master
		master++;
	}
	printf("locked %d %d %d %d, single %d, master %d\n", count == 50 * n, critical == 50 * n, twice == 50 * n,
	       tried == n, single, master);
	omp_destroy_lock(&lock);
	omp_destroy_nest_lock(&nest);
}

static void barriers(void)
{
	int n = omp_get_max_threads(), *at = calloc((size_t)n, sizeof(int)), wrong = 0;

#pragma omp parallel reduction(+ : wrong)
	{
		int me = omp_get_thread_num();

		for (int round = 1; round <= 20; round++) {
			at[me] = round;
#pragma omp barrier
			for (int i = 0; i < omp_get_num_threads(); i++)
				wrong += at[i] != round;
#pragma omp barrier
		}
	}
	printf("threads %d, wrong at barriers %d\n", n, wrong);
	free(at);
}

static void sections(void)
{
	int a = 0, b = 0, c = 0;

#pragma omp parallel sections
	{
#pragma omp section
		a = 1;
#pragma omp section
		b = 2;
#pragma omp section
		c = 3;
	}
	printf("sections %d %d %d\n", a, b, c);
}

static void nested(void)
{
	int inner = 0, levels = 0;

	omp_set_max_active_levels(2);
#pragma omp parallel num_threads(3) reduction(+ : inner) reduction(max : levels)
#pragma omp parallel num_threads(4) reduction(+ : inner) reduction(max : levels)
	{
		nap(1);
		inner++;
		levels = omp_get_level();
	}
	printf("nested: %d in level %d\n", inner, levels);
	omp_set_max_active_levels(1);
}

static void cancellation(void)
{
	int after = 0;

#pragma omp parallel
	{
		if (omp_get_thread_num() == 0) {
#pragma omp cancel parallel
		}
#pragma omp barrier
#pragma omp atomic
		after++;
	}
	printf("cancellation %d, after it %s\n", omp_get_cancellation(),
	       after == (omp_get_cancellation() ? 0 : omp_get_max_threads()) ? "as it should" : "WRONG");
}

static int own;
#pragma omp threadprivate(own)

static void privates(void)
{
	int wrong = 0;

	own = 7;
#pragma omp parallel copyin(own) reduction(+ : wrong)
	{
		wrong += own != 7;
		own = omp_get_thread_num();
	}
#pragma omp parallel reduction(+ : wrong)
	wrong += own != omp_get_thread_num();
	printf("private: wrong %d\n", wrong);
}

static void *from_a_thread(void *arg)
{
	tasks();
	barriers();
	return arg;
}

int main(void)
{
	double before = omp_get_wtime();

	printf("ordered sum %ld\n", squares());
	ordered();
	tasks();
	locks();
	barriers();
	sections();
	nested();
	cancellation();
	privates();
	done(go(from_a_thread, NULL));
	printf("dynamic %d, limit %d, time %d\n", omp_get_dynamic(), omp_get_thread_limit() > 1000,
	       omp_get_wtime() > before);
	return 0;
}
