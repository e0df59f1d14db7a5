/* Timers beside others. Argument: how many threads wait with a deadline (1000). Prints the ns of two waits with a deadline
 * that a post ends, there and back by two semaphores; and the CPU time, in ns, for one sleep that ends, where each of the
 * threads then sleeps to a time of its own within one second. */
#include <semaphore.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench.h"

#define TURNS 20000

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static sem_t turn[2];
static struct timespec *wake;
static long many, waiting;
static bool over;

static struct timespec at(clockid_t clock, int64_t in_ns)
{
	struct timespec ts;
	int64_t ns;

	clock_gettime(clock, &ts);
	ns = ts.tv_sec * 1000000000L + ts.tv_nsec + in_ns;
	return (struct timespec){ns / 1000000000, ns % 1000000000};
}

static void *sleeper(void *arg)
{
	long i = (long)arg;
	struct timespec far = at(CLOCK_REALTIME, 1000000000000L + i * 1000003);

	pthread_mutex_lock(&mutex);
	waiting++;
	while (!over)
		pthread_cond_timedwait(&cond, &mutex, &far);
	pthread_mutex_unlock(&mutex);
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &wake[i], NULL);
	return NULL;
}

static void *play(void *arg)
{
	int mine = arg != NULL;

	for (int i = 0; i < TURNS; i++) {
		struct timespec far = at(CLOCK_REALTIME, 100000000000L);

		if (sem_timedwait(&turn[mine], &far))
			abort();
		sem_post(&turn[!mine]);
	}
	return NULL;
}

static int64_t cpu_ns(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000L + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000;
}

/* Half a second and 5 us each are enough for all to be asleep before the first one's time. */
static void spread(void)
{
	struct timespec first = at(CLOCK_MONOTONIC, 500000000 + many * 5000);

	for (long i = 0; i < many; i++) {
		int64_t ns = first.tv_nsec + i * 7919 % many * 1000000000 / many;

		wake[i] = (struct timespec){first.tv_sec + ns / 1000000000, ns % 1000000000};
	}
	pthread_mutex_lock(&mutex);
	over = true;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&mutex);
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &first, NULL);
}

static void await_all(void)
{
	for (bool all = false; !all; usleep(10000)) {
		pthread_mutex_lock(&mutex);
		all = waiting == many;
		pthread_mutex_unlock(&mutex);
	}
}

int main(int argc, char **argv)
{
	pthread_t *t, a, b;
	int64_t begin;

	many = times(argc, argv, 1000);
	t = calloc((size_t)many, sizeof(*t));
	wake = calloc((size_t)many, sizeof(*wake));
	sem_init(&turn[0], 0, 1);
	sem_init(&turn[1], 0, 0);
	for (long i = 0; i < many; i++)
		t[i] = go(sleeper, (void *)i);
	await_all();
	begin = now_ns();
	a = go(play, NULL);
	b = go(play, turn);
	done(a);
	done(b);
	printf("%.1f ", (double)(now_ns() - begin) / TURNS);
	spread();
	begin = cpu_ns();
	for (long i = 0; i < many; i++)
		done(t[i]);
	printf("%.1f\n", (double)(cpu_ns() - begin) / (double)many);
	return 0;
}
