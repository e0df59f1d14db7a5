/* Spin locks. Where a holder waits, the others yield instead of spinning. */
#include "thread_test.h"

static pthread_spinlock_t lock;
static long counter;

static void *count(void *arg)
{
	for (int i = 0; i < 1000; i++) {
		while (pthread_spin_trylock(&lock))
			sched_yield();
		counter++;
		if (i % 10 == 0)
			sched_yield();
		pthread_spin_unlock(&lock);
	}
	return arg;
}

static void *count_plainly(void *arg)
{
	for (int i = 0; i < 1000; i++) {
		pthread_spin_lock(&lock);
		counter++;
		pthread_spin_unlock(&lock);
		if (i % 10 == 0)
			sched_yield();
	}
	return arg;
}

static void *try_lock(void *arg)
{
	return (void *)((long)arg + pthread_spin_trylock(&lock));
}

/* One kind at a time: who holds it across a yield would stop those that spin without one. */
static void together(void *(*run)(void *))
{
	pthread_t t[8];

	for (int i = 0; i < 8; i++)
		t[i] = go(run, NULL);
	for (int i = 0; i < 8; i++)
		done(t[i]);
}

int main(void)
{
	SHOW(pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE));
	together(count);
	together(count_plainly);
	printf("counter %ld\n", counter);
	SHOW(pthread_spin_lock(&lock));
	printf("another's trylock: %s\n", error_name((int)done(go(try_lock, NULL))));
	SHOW(pthread_spin_unlock(&lock));
	SHOW(pthread_spin_destroy(&lock));
	return 0;
}
