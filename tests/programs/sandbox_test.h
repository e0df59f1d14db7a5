/* sandbox_test.h - seccomp filters, for the programs about them: made of few words, set, and what came of it. */
#ifndef SANDBOX_TEST_H
#define SANDBOX_TEST_H

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NR offsetof(struct seccomp_data, nr)
#define ARGUMENT(i) (offsetof(struct seccomp_data, args) + 8 * (i))
#define LOAD(at) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (at))
#define ANSWER(what) BPF_STMT(BPF_RET | BPF_K, (what))
#define ON(call, what) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (call), 0, 1), ANSWER(what)
#define PROGRAM(...)                                                                                             \
	(struct sock_fprog)                                                                                      \
	{                                                                                                        \
		sizeof((struct sock_filter[]){__VA_ARGS__}) / sizeof(struct sock_filter), (struct sock_filter[]) \
		{                                                                                                \
			__VA_ARGS__                                                                              \
		}                                                                                                \
	}
#define ALLOW SECCOMP_RET_ALLOW
#define FAIL(error) (SECCOMP_RET_ERRNO | (error))

static inline const char *result(long ret)
{
	static __thread char text[2][64];
	static __thread int turn;
	char *t = text[turn ^= 1];

	if (ret < 0)
		snprintf(t, 64, "%s", strerrorname_np(errno) ? strerrorname_np(errno) : "an unknown error");
	else
		snprintf(t, 64, "%s", "well");
	return t;
}

static inline long set(unsigned flags, const struct sock_fprog *program)
{
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, program);
}

static inline long set_alone(const struct sock_fprog *program)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || set(0, program);
}

static inline pthread_t spawn(void *(*run)(void *), void *arg)
{
	pthread_t t;

	if (pthread_create(&t, NULL, run, arg))
		abort();
	return t;
}

static inline void show_end(const char *who, pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0)
		;
	if (WIFSIGNALED(status))
		printf("%s: %s\n", who, strsignal(WTERMSIG(status)));
	else
		printf("%s: exit status %d\n", who, WEXITSTATUS(status));
	fflush(stdout);
}

static inline void part(const char *name, void (*run)(void))
{
	pid_t child;

	printf("-- %s\n", name);
	fflush(stdout);
	child = fork();
	if (!child) {
		alarm(100);
		run();
		exit(0);
	}
	show_end(name, child);
}

static inline void *nothing(void *arg)
{
	return arg;
}

#endif
