/* wait_test.h - what the programs about waiting share. They print what they saw, never how long it took. */
#ifndef WAIT_TEST_H
#define WAIT_TEST_H

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MS 1000000L

static inline void nap(long ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * MS};

	nanosleep(&ts, NULL);
}

static inline int64_t clock_now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000L + ts.tv_nsec;
}

/* "5", or "EBADF". */
static inline const char *outcome(long ret)
{
	static _Thread_local char text[32];

	if (ret < 0)
		return strerrorname_np(errno);
	snprintf(text, sizeof(text), "%ld", ret);
	return text;
}

static inline pthread_t go(void *(*run)(void *), void *arg)
{
	pthread_t t;

	if (pthread_create(&t, NULL, run, arg))
		abort();
	return t;
}

static inline long done(pthread_t t)
{
	void *ret;

	if (pthread_join(t, &ret))
		abort();
	return (long)ret;
}

/* A thread that is always about to run: while another waits, it must get on. */
static volatile bool ticking;
static volatile unsigned long ticks;
static pthread_t ticker;

static inline void *tick(void *arg)
{
	while (ticking) {
		ticks++;
		nap(1);
	}
	return arg;
}

static inline void ticker_start(void)
{
	ticking = true;
	ticker = go(tick, NULL);
}

static inline void ticker_stop(void)
{
	ticking = false;
	done(ticker);
}

/* What another waits for comes after this, however busy the machine is. */
static inline void nap_for_ticks(void)
{
	unsigned long before = ticks;

	for (int i = 0; i < 200 && ticks - before < 6; i++)
		nap(20);
}

/* Says whether others ran since `before`. */
static inline const char *went_on(unsigned long before)
{
	return ticks - before >= 5 ? "others went on" : "OTHERS STOOD STILL";
}

static inline void on_nothing(int sig)
{
	(void)sig;
}

static inline void handle(int sig, int flags)
{
	struct sigaction act = {.sa_handler = on_nothing, .sa_flags = flags};

	sigaction(sig, &act, NULL);
}

#endif
