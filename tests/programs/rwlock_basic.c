/* Read-write locks: who shares, who waits, deadlines, both preferences. */
#include "thread_test.h"

static pthread_rwlock_t lock;
static int readers, most_readers, writers, overlaps;
static long writes;

static void *try_read(void *arg)
{
	int ret = pthread_rwlock_tryrdlock(&lock);

	if (!ret)
		pthread_rwlock_unlock(&lock);
	return (void *)(ret + (long)arg);
}

static void *try_write(void *arg)
{
	int ret = pthread_rwlock_trywrlock(&lock);

	if (!ret)
		pthread_rwlock_unlock(&lock);
	return (void *)(ret + (long)arg);
}

static void *write_once(void *arg)
{
	pthread_rwlock_wrlock(&lock);
	pthread_rwlock_unlock(&lock);
	return arg;
}

static void others(const char *when)
{
	printf("%s: another's tryrdlock %s,", when, error_name((int)done(go(try_read, NULL))));
	printf(" trywrlock %s\n", error_name((int)done(go(try_write, NULL))));
}

static void *timed(void *arg)
{
	struct timespec until = in_ms(CLOCK_REALTIME, 10);
	int ret = pthread_rwlock_timedrdlock(&lock, &until);

	printf("timedrdlock: %s, %s\n", error_name(ret), waited(CLOCK_REALTIME, until));
	until = in_ms(CLOCK_REALTIME, 10);
	ret = pthread_rwlock_timedwrlock(&lock, &until);
	printf("timedwrlock: %s, %s\n", error_name(ret), waited(CLOCK_REALTIME, until));
	until = in_ms(CLOCK_MONOTONIC, 10);
	ret = pthread_rwlock_clockrdlock(&lock, CLOCK_MONOTONIC, &until);
	printf("clockrdlock: %s, %s\n", error_name(ret), waited(CLOCK_MONOTONIC, until));
	until = in_ms(CLOCK_MONOTONIC, 10);
	ret = pthread_rwlock_clockwrlock(&lock, CLOCK_MONOTONIC, &until);
	printf("clockwrlock: %s, %s\n", error_name(ret), waited(CLOCK_MONOTONIC, until));
	until.tv_nsec = -5;
	SHOW(pthread_rwlock_timedwrlock(&lock, &until));
	return arg;
}

static void *read_much(void *arg)
{
	for (int i = 0; i < 50; i++) {
		pthread_rwlock_rdlock(&lock);
		int now = __atomic_add_fetch(&readers, 1, __ATOMIC_SEQ_CST);
		if (now > most_readers)
			most_readers = now;
		overlaps += !!writers;
		nap(i % 10 == 0);
		__atomic_sub_fetch(&readers, 1, __ATOMIC_SEQ_CST);
		pthread_rwlock_unlock(&lock);
		sched_yield();
	}
	return arg;
}

static void *write_much(void *arg)
{
	for (int i = 0; i < 50; i++) {
		pthread_rwlock_wrlock(&lock);
		overlaps += writers++ || readers;
		sched_yield();
		writes++;
		writers--;
		pthread_rwlock_unlock(&lock);
		sched_yield();
	}
	return arg;
}

static void crowd(void)
{
	pthread_t t[12];

	most_readers = 0, writes = 0;
	for (int i = 0; i < 12; i++)
		t[i] = go(i % 3 ? read_much : write_much, NULL);
	for (int i = 0; i < 12; i++)
		done(t[i]);
	printf("crowd: readers together %d, writes %ld, overlaps %d\n", most_readers > 1, writes, overlaps);
}

static void preference(int kind, const char *name)
{
	pthread_rwlockattr_t attr;
	pthread_t t;

	printf("-- %s\n", name);
	pthread_rwlockattr_init(&attr);
	SHOW(pthread_rwlockattr_setkind_np(&attr, kind));
	SHOW(pthread_rwlock_init(&lock, &attr));
	others("free");
	SHOW(pthread_rwlock_rdlock(&lock));
	SHOW(pthread_rwlock_rdlock(&lock));
	others("read");
	t = go(write_once, NULL);
	settle();
	others("read, a writer waits");
	SHOW(pthread_rwlock_unlock(&lock));
	SHOW(pthread_rwlock_unlock(&lock));
	done(t);
	SHOW(pthread_rwlock_wrlock(&lock));
	SHOW(pthread_rwlock_wrlock(&lock));
	SHOW(pthread_rwlock_rdlock(&lock));
	others("written");
	done(go(timed, NULL));
	SHOW(pthread_rwlock_unlock(&lock));
	crowd();
	SHOW(pthread_rwlock_destroy(&lock));
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	preference(PTHREAD_RWLOCK_PREFER_READER_NP, "readers first");
	preference(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP, "writers first");
	return 0;
}
