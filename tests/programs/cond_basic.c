/* Condition variables: signal, broadcast, deadlines on both clocks, bounded queue. */
#include "thread_test.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER, empty = PTHREAD_COND_INITIALIZER;
static int waiting, woken, tokens, given;

/* As long as it takes, up to some seconds, and then a little longer, to see whether more happens. */
static void settle_at(const int *count, int expected)
{
	int now = 0;

	for (int i = 0; i < 500 && now < expected; i++) {
		nap(10);
		pthread_mutex_lock(&mutex);
		now = *count;
		pthread_mutex_unlock(&mutex);
	}
	settle();
}

static void *take_token(void *arg)
{
	pthread_mutex_lock(&mutex);
	waiting++;
	while (!tokens)
		pthread_cond_wait(&cond, &mutex);
	tokens--;
	woken++;
	pthread_mutex_unlock(&mutex);
	return arg;
}

static void give(int n, bool broadcast)
{
	pthread_mutex_lock(&mutex);
	tokens += n;
	if (broadcast)
		pthread_cond_broadcast(&cond);
	for (int i = 0; i < n && !broadcast; i++)
		pthread_cond_signal(&cond);
	pthread_mutex_unlock(&mutex);
	given += n;
	settle_at(&woken, given);
	printf("%d waited, %d went\n", waiting, woken);
}

static void wake_some(void)
{
	pthread_t t[20];

	for (int i = 0; i < 20; i++)
		t[i] = go(take_token, NULL);
	settle_at(&waiting, 20);
	give(0, false);
	give(1, false);
	give(4, false);
	give(0, true);
	give(15, true);
	for (int i = 0; i < 20; i++)
		done(t[i]);
	SHOW(pthread_cond_signal(&cond));
	SHOW(pthread_cond_broadcast(&cond));
}

static void timed_out(clockid_t clock, const char *name)
{
	struct timespec until;
	pthread_condattr_t attr;
	pthread_cond_t c;
	int ret;

	printf("-- %s\n", name);
	pthread_condattr_init(&attr);
	SHOW(pthread_condattr_setclock(&attr, clock));
	SHOW(pthread_cond_init(&c, &attr));
	pthread_mutex_lock(&mutex);
	until = in_ms(clock, 10);
	ret = pthread_cond_timedwait(&c, &mutex, &until);
	printf("timedwait: %s, %s\n", error_name(ret), waited(clock, until));
	until = in_ms(clock, 10);
	ret = pthread_cond_clockwait(&c, &mutex, clock, &until);
	printf("clockwait: %s, %s\n", error_name(ret), waited(clock, until));
	until = in_ms(clock, -10);
	SHOW(pthread_cond_timedwait(&c, &mutex, &until));
	until.tv_nsec = -1;
	SHOW(pthread_cond_timedwait(&c, &mutex, &until));
	until.tv_sec = -5, until.tv_nsec = 0;
	SHOW(pthread_cond_timedwait(&c, &mutex, &until));
	SHOW(pthread_mutex_unlock(&mutex));
	SHOW(pthread_cond_destroy(&c));
}

static void *signal_later(void *arg)
{
	nap(10);
	pthread_mutex_lock(&mutex);
	pthread_cond_signal(arg);
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static void in_time(void)
{
	struct timespec until = in_ms(CLOCK_REALTIME, 60000);
	pthread_t t;

	pthread_mutex_lock(&mutex);
	t = go(signal_later, &cond);
	SHOW(pthread_cond_timedwait(&cond, &mutex, &until));
	pthread_mutex_unlock(&mutex);
	done(t);
	pthread_mutex_lock(&mutex);
	until = in_ms(CLOCK_MONOTONIC, 60000);
	t = go(signal_later, &cond);
	SHOW(pthread_cond_clockwait(&cond, &mutex, CLOCK_MONOTONIC, &until));
	pthread_mutex_unlock(&mutex);
	done(t);
}

static int queue[8], queued;
static long sum;

static void *produce(void *arg)
{
	for (int i = 0; i < 500; i++) {
		pthread_mutex_lock(&mutex);
		while (queued == 8)
			pthread_cond_wait(&empty, &mutex);
		queue[queued++] = i;
		pthread_cond_signal(&cond);
		pthread_mutex_unlock(&mutex);
	}
	return arg;
}

static void *consume(void *arg)
{
	for (int i = 0; i < 500; i++) {
		pthread_mutex_lock(&mutex);
		while (!queued)
			pthread_cond_wait(&cond, &mutex);
		sum += queue[--queued];
		pthread_cond_signal(&empty);
		pthread_mutex_unlock(&mutex);
	}
	return arg;
}

int main(void)
{
	pthread_t t[8];

	wake_some();
	timed_out(CLOCK_REALTIME, "realtime");
	timed_out(CLOCK_MONOTONIC, "monotonic");
	in_time();
	for (int i = 0; i < 8; i++)
		t[i] = go(i % 2 ? produce : consume, NULL);
	for (int i = 0; i < 8; i++)
		done(t[i]);
	printf("queue: %ld\n", sum);
	SHOW(pthread_cond_destroy(&cond));
	return 0;
}
