/* Threads that make no call: natively others run meanwhile, and every register is as it was. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

static atomic_int flag, turns;
static atomic_long handled;

static void *waits_for_flag(void *arg)
{
	while (!atomic_load(&flag))
		;
	return arg;
}

static void *sets_flag(void *arg)
{
	usleep(1000);
	atomic_store(&flag, 1);
	return arg;
}

/* Two that hand a turn to each other by a variable alone. */
static void *takes_turns(void *arg)
{
	int mine = (int)(intptr_t)arg;

	for (int i = 0; i < 5; i++) {
		while (atomic_load(&turns) % 2 != mine)
			;
		atomic_fetch_add(&turns, 1);
	}
	return NULL;
}

/* Vector and x87 state, across many preemptions. */
static void *computes(void *arg)
{
	double seed = (double)(intptr_t)arg, a = seed, b = seed + 1, c = seed + 2, d = seed + 3;
	long double e = seed;

	for (long i = 0; i < 30000000; i++) {
		a = a * 0.5 + b * 0.25;
		b = b * 0.5 + c * 0.25;
		c = c * 0.5 + d * 0.25;
		d = d * 0.5 + seed;
		e = e * 0.5L + 1.0L;
	}
	*(double *)((char *)&seed) = a + b + c + d + (double)e;
	return (void *)(intptr_t)(seed * 1000000);
}

static void on_signal(int sig)
{
	(void)sig;
	atomic_fetch_add(&handled, 1);
}

static void *spins_until_handled(void *arg)
{
	while (!atomic_load(&handled))
		;
	return arg;
}

static void run(void *(*a)(void *), intptr_t x, void *(*b)(void *), intptr_t y, void *result[2])
{
	pthread_t first, second;

	pthread_create(&first, NULL, a, (void *)x);
	pthread_create(&second, NULL, b, (void *)y);
	pthread_join(first, &result[0]);
	pthread_join(second, &result[1]);
}

int main(void)
{
	pthread_spinlock_t lock;
	void *result[2];
	pthread_t t;

	run(waits_for_flag, 1, sets_flag, 2, result);
	printf("flag: %d %d\n", (int)(intptr_t)result[0], (int)(intptr_t)result[1]);
	run(takes_turns, 0, takes_turns, 1, result);
	printf("turns: %d\n", atomic_load(&turns));
	run(computes, 3, computes, 5, result);
	printf("computed: %ld %ld\n", (long)result[0], (long)result[1]);

	signal(SIGUSR1, on_signal);
	pthread_create(&t, NULL, spins_until_handled, NULL);
	usleep(1000);
	pthread_kill(t, SIGUSR1);
	pthread_join(t, NULL);
	printf("handled: %ld\n", atomic_load(&handled));

	pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE);
	pthread_spin_lock(&lock);
	atomic_store(&flag, 0);
	pthread_create(&t, NULL, sets_flag, NULL);
	while (!atomic_load(&flag))
		;
	pthread_spin_unlock(&lock);
	pthread_join(t, NULL);
	printf("main spun\n");
	return 0;
}
