/* Many threads wait on one futex. Argument: how many (1000). Prints the ns to wake one of them, have it answer and wait
 * again; and the ns for each of them when all are woken at once. */
#include <limits.h>
#include <linux/futex.h>
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

#define TURNS 20000

static _Atomic int word, arrived, left;
static sem_t answered;

static long wake(int n)
{
	return syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
}

static void *waiter(void *arg)
{
	arrived++;
	while (!word) {
		syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
		if (!word)
			sem_post(&answered);
	}
	if (!--left)
		sem_post(&answered);
	return arg;
}

static void one_by_one(void)
{
	for (int i = 0; i < TURNS; i++) {
		while (!wake(1))
			sched_yield();
		sem_wait(&answered);
	}
}

int main(int argc, char **argv)
{
	long n = times(argc, argv, 1000);
	pthread_t *t = calloc((size_t)n, sizeof(*t));
	int64_t begin;

	sem_init(&answered, 0, 0);
	left = (int)n;
	for (long i = 0; i < n; i++)
		t[i] = go(waiter, NULL);
	while (arrived < n)
		usleep(1000);
	usleep(100000);
	begin = now_ns();
	one_by_one();
	printf("%.1f ", (double)(now_ns() - begin) / TURNS);
	usleep(100000);
	begin = now_ns();
	word = 1;
	wake(INT_MAX);
	sem_wait(&answered);
	report(begin, n);
	for (long i = 0; i < n; i++)
		done(t[i]);
	return 0;
}
