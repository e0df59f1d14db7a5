/* signal_test.h - what the signal programs share. Output goes to stdout only, and must not depend on timing. */
#ifndef SIGNAL_TEST_H
#define SIGNAL_TEST_H

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

/* Long enough for a thread to be in its blocking call. */
static inline void settle(void)
{
	struct timespec left = {0, 30000000};

	while (nanosleep(&left, &left) && errno == EINTR)
		;
}

static inline void settle_until(const volatile sig_atomic_t *done)
{
	settle();
	for (int i = 0; i < 300 && !*done; i++)
		settle();
}

static inline sigset_t set_of(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	return set;
}

static inline void handle(int sig, void (*fn)(int, siginfo_t *, void *), int flags)
{
	struct sigaction sa = {.sa_sigaction = fn, .sa_flags = SA_SIGINFO | flags};

	sigemptyset(&sa.sa_mask);
	if (sigaction(sig, &sa, NULL))
		perror("sigaction");
}

static inline pthread_t spawn(void *(*run)(void *), void *arg)
{
	pthread_t t;
	int err = pthread_create(&t, NULL, run, arg);

	if (err) {
		printf("pthread_create: %s\n", strerror(err));
		exit(1);
	}
	return t;
}

/* A thread that does nothing: where the shim is, it comes to life. */
static inline void *nothing(void *arg)
{
	return arg;
}

static inline void wake_shim(void)
{
	pthread_join(spawn(nothing, NULL), NULL);
}

static inline const char *name_of(int err)
{
	return err ? strerrorname_np(err) : "0";
}

#endif
