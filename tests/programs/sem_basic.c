/* Semaphores, unnamed and named. */
#include <fcntl.h>
#include <limits.h>
#include <semaphore.h>

#include "thread_test.h"

static sem_t sem, ping, pong;
static int passed;

static void *pass(void *arg)
{
	sem_wait(arg);
	__atomic_fetch_add(&passed, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void *volley(void *arg)
{
	(void)arg;
	for (int i = 0; i < 1000; i++) {
		sem_wait(&ping);
		sem_post(&pong);
	}
	return NULL;
}

static int value(sem_t *s)
{
	int v;

	sem_getvalue(s, &v);
	return v;
}

static void timed(void)
{
	struct timespec until = in_ms(CLOCK_REALTIME, 10);
	int ret = sem_timedwait(&sem, &until) ? errno : 0;

	printf("timedwait: %s, %s\n", error_name(ret), waited(CLOCK_REALTIME, until));
	until = in_ms(CLOCK_MONOTONIC, 10);
	ret = sem_clockwait(&sem, CLOCK_MONOTONIC, &until) ? errno : 0;
	printf("clockwait: %s, %s\n", error_name(ret), waited(CLOCK_MONOTONIC, until));
	until = in_ms(CLOCK_REALTIME, -10);
	SHOW_ERRNO(sem_timedwait(&sem, &until));
	until.tv_nsec = 1000000000;
	SHOW_ERRNO(sem_timedwait(&sem, &until));
}

static void *post_later(void *arg)
{
	nap(10);
	sem_post(arg);
	return NULL;
}

static void waiters(void)
{
	struct timespec until;
	pthread_t t[5];

	for (int i = 0; i < 5; i++)
		t[i] = go(pass, &sem);
	settle();
	printf("passed %d, value %d\n", passed, value(&sem));
	sem_post(&sem), sem_post(&sem);
	settle();
	printf("passed %d, value %d\n", passed, value(&sem));
	for (int i = 0; i < 4; i++)
		sem_post(&sem);
	for (int i = 0; i < 5; i++)
		done(t[i]);
	printf("passed %d, value %d\n", passed, value(&sem));
	SHOW_ERRNO(sem_trywait(&sem));
	t[0] = go(post_later, &sem);
	until = in_ms(CLOCK_REALTIME, 60000);
	SHOW_ERRNO(sem_timedwait(&sem, &until));
	done(t[0]);
}

static void named(void)
{
	char name[64];
	sem_t *s, *same;
	pthread_t t;

	snprintf(name, sizeof(name), "/greenshim-test-%d", getpid());
	s = sem_open(name, O_CREAT | O_EXCL, 0600, 2);
	printf("sem_open: %d, again exclusively: %s\n", s != SEM_FAILED,
	       sem_open(name, O_CREAT | O_EXCL, 0600, 0) == SEM_FAILED ? error_name(errno) : "0");
	same = sem_open(name, 0);
	printf("the same: %d, value %d\n", s == same, value(s));
	sem_wait(s), sem_wait(s);
	t = go(pass, s);
	settle();
	sem_post(same);
	done(t);
	SHOW_ERRNO(sem_close(s));
	SHOW_ERRNO(sem_unlink(name));
	SHOW_ERRNO(sem_unlink(name));
	printf("gone: %s\n", sem_open(name, 0) == SEM_FAILED ? error_name(errno) : "0");
}

int main(void)
{
	pthread_t t;

	SHOW_ERRNO(sem_init(&sem, 0, 0));
	SHOW_ERRNO(sem_init(&ping, 0, 0));
	SHOW_ERRNO(sem_init(&pong, 0, SEM_VALUE_MAX));
	SHOW_ERRNO(sem_post(&pong));
	SHOW_ERRNO(sem_init(&pong, 0, 0));
	SHOW_ERRNO(sem_trywait(&sem));
	timed();
	waiters();
	t = go(volley, NULL);
	for (int i = 0; i < 1000; i++) {
		sem_post(&ping);
		sem_wait(&pong);
	}
	done(t);
	printf("after the volley %d %d\n", value(&ping), value(&pong));
	named();
	SHOW_ERRNO(sem_destroy(&sem));
	return 0;
}
