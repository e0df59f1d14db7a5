/* Bad pointers: system calls say EFAULT, the program's own accesses are its fault. */
#include <poll.h>
#include <setjmp.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "signal_test.h"

#define BAD ((void *)64)
#define WILD ((void *)0x8000000000000000)

static void *calls(void *arg)
{
	const struct {
		const char *name;
		long nr, arg[6];
	} table[] = {
		{"nanosleep", SYS_nanosleep, {(long)BAD}},
		{"clock_nanosleep", SYS_clock_nanosleep, {CLOCK_MONOTONIC, 0, (long)BAD}},
		{"rt_sigaction", SYS_rt_sigaction, {SIGUSR1, (long)BAD, 0, 8}},
		{"rt_sigprocmask", SYS_rt_sigprocmask, {SIG_BLOCK, (long)BAD, 0, 8}},
		{"rt_sigprocmask, not canonical", SYS_rt_sigprocmask, {SIG_BLOCK, (long)WILD, 0, 8}},
		{"rt_sigpending", SYS_rt_sigpending, {(long)BAD, 8}},
		{"rt_sigtimedwait", SYS_rt_sigtimedwait, {(long)BAD, 0, 0, 8}},
		{"rt_sigsuspend", SYS_rt_sigsuspend, {(long)BAD, 8}},
		{"sigaltstack", SYS_sigaltstack, {(long)BAD}},
		{"futex", SYS_futex, {(long)BAD, 128, 0}},
		{"poll", SYS_poll, {(long)BAD, 1, 10}},
		{"ppoll", SYS_ppoll, {0, 0, (long)BAD, 0, 8}},
		{"select", SYS_select, {8, (long)BAD, 0, 0, 0}},
		{"epoll_wait", SYS_epoll_wait, {epoll_create1(0), (long)BAD, 1, 10}},
		{"recvmsg", SYS_recvmsg, {socket(AF_INET, SOCK_DGRAM, 0), (long)BAD, 0}},
	};

	(void)arg;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		const long *a = table[i].arg;
		long ret = syscall(table[i].nr, a[0], a[1], a[2], a[3], a[4], a[5]);

		printf("%s: %s\n", table[i].name, ret < 0 ? name_of(errno) : "accepted");
	}
	return NULL;
}

static void *bad_access(void *arg)
{
	*(volatile int *)BAD = 1;
	return arg;
}

static void *kills_itself(void *arg)
{
	raise(SIGSEGV);
	return arg;
}

static void dies(const char *what, void *(*run)(void *), bool in_thread, bool ignored)
{
	int status;
	pid_t child = fork();

	if (!child) {
		wake_shim();
		if (ignored)
			signal(SIGSEGV, SIG_IGN);
		if (in_thread)
			pthread_join(spawn(run, NULL), NULL);
		else
			run(NULL);
		_exit(0);
	}
	waitpid(child, &status, 0);
	printf("%s: %s\n", what, WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : "lives");
}

int main(void)
{
	sigset_t all;

	setvbuf(stdout, NULL, _IONBF, 0);
	wake_shim();
	pthread_join(spawn(calls, NULL), NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	calls(NULL);
	sigemptyset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	dies("bad access in main", bad_access, false, false);
	dies("bad access in a thread", bad_access, true, false);
	dies("bad access, ignored", bad_access, true, true);
	dies("raise", kills_itself, true, false);
	dies("raise, ignored", kills_itself, true, true);
	return 0;
}
