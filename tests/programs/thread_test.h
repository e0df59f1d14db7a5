/* thread_test.h - for the programs about pthreads. pthread calls return an error number; others return -1 and set
 * errno. Each line names the call and what came of it, so that a difference is found by its line. */
#ifndef THREAD_TEST_H
#define THREAD_TEST_H

#include <sched.h>
#include <sys/wait.h>

#include "wait_test.h"

static inline const char *error_name(int error)
{
	return error ? strerrorname_np(error) : "0";
}

#define SHOW(call) printf("%s: %s\n", #call, error_name(call))
#define SHOW_ERRNO(call) printf("%s: %s\n", #call, (call) ? error_name(errno) : "0")

/* Long enough for every other thread to have parked. */
static inline void settle(void)
{
	nap(40);
}

/* run(arg) in a child, and its status: 6 if run returned. */
static inline int child_runs(void *(*run)(void *), void *arg)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		run(arg);
		fflush(stdout);
		_exit(6);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static inline void *run_twice(void *arg)
{
	void *(**run)(void *) = arg;

	(*run)(NULL);
	return (void *)done(go(*run, NULL));
}

/* In a child: the same once more, by its only thread and by a new one. */
static inline void child_again(void *(*run)(void *))
{
	printf("child %d\n", child_runs(run_twice, &run));
}

/* A time on `clock`, some milliseconds from now; before now if negative. */
static inline struct timespec in_ms(clockid_t clock, long ms)
{
	int64_t ns = clock_now(clock) + ms * MS;

	return (struct timespec){ns / 1000000000, ns % 1000000000};
}

/* After a wait that timed out: whether it waited as long as it was told. */
static inline const char *waited(clockid_t clock, struct timespec until)
{
	return clock_now(clock) >= until.tv_sec * 1000000000L + until.tv_nsec ? "not early" : "EARLY";
}

#endif
