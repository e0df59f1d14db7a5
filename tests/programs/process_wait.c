/* wait4, waitid, waitpid: one child, any child, a group, stopped children, from several threads; errors; signals. */
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "wait_test.h"

#ifndef P_PIDFD /* glibc 2.36 */
#define P_PIDFD 3
#endif

/* A child that ends by itself after some time. */
static pid_t child(int ms, int status)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	nap(ms);
	_exit(status);
}

static void *wait_one(void *arg)
{
	int status = -1;
	pid_t pid = *(pid_t *)arg;

	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return (void *)-1L;
	return (void *)(long)WEXITSTATUS(status);
}

static void specific(void)
{
	pthread_t t[8];
	pid_t pids[8];
	unsigned long before = ticks;
	long sum = 0;

	for (int i = 0; i < 8; i++) {
		pids[i] = child(30 + 3 * (i * 3 % 8), i + 1);
		t[i] = go(wait_one, &pids[i]);
	}
	for (int i = 0; i < 8; i++)
		sum += done(t[i]);
	printf("each its own: %ld, %s\n", sum, went_on(before));
	printf("none left: %s\n", outcome(waitpid(-1, NULL, 0)));
	printf("not ours: %s\n", outcome(waitpid(1, NULL, 0)));
}

/* With PIDFD_NONBLOCK nobody waits; with poll one may. */
static void by_pidfd(void)
{
	siginfo_t info = {.si_signo = -1};
	int ends[2], fd;
	pid_t pid;
	char byte;

	if (pipe(ends))
		return;
	pid = fork();
	if (!pid) {
		close(ends[1]);
		_exit(read(ends[0], &byte, 1) ? 1 : 9);
	}
	fd = (int)syscall(SYS_pidfd_open, pid, O_NONBLOCK);
	printf("not yet: %s\n", outcome(waitid((idtype_t)P_PIDFD, (id_t)fd, &info, WEXITED)));
	printf("none: %d\n", info.si_signo);
	close(ends[0]);
	close(ends[1]);
	poll(&(struct pollfd){fd, POLLIN, 0}, 1, -1);
	printf("ended: %s\n", outcome(waitid((idtype_t)P_PIDFD, (id_t)fd, &info, WEXITED)));
	printf("status %d\n", info.si_status);
	close(fd);
	pid = child(50, 8);
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	printf("waits: %s\n", outcome(waitid((idtype_t)P_PIDFD, (id_t)fd, &info, WEXITED)));
	printf("status %d\n", info.si_status);
	close(fd);
}

static void *wait_any(void *arg)
{
	long sum = 0;
	int status;

	(void)arg;
	while (waitpid(-1, &status, 0) > 0)
		sum += WEXITSTATUS(status);
	return (void *)sum;
}

static void any(void)
{
	pthread_t t[3];
	unsigned long before = ticks;
	long sum = 0;
	int status;
	pid_t pid;

	for (int i = 0; i < 6; i++)
		child(20 + 5 * i, 1 << i);
	for (int i = 0; i < 3; i++)
		t[i] = go(wait_any, NULL);
	for (int i = 0; i < 3; i++)
		sum += done(t[i]);
	printf("any: %ld, %s\n", sum, went_on(before));
	pid = child(30, 5);
	setpgid(pid, pid);
	printf("group: %d", waitpid(-pid, &status, 0) == pid);
	printf(" %d\n", WEXITSTATUS(status));
	pid = child(20, 6);
	printf("own group: %d\n", waitpid(0, &status, 0) == pid);
}

static void *kill_soon(void *arg)
{
	pid_t pid = *(pid_t *)arg;

	nap(30);
	kill(pid, SIGSTOP);
	nap(60);
	kill(pid, SIGCONT);
	nap(60);
	kill(pid, SIGKILL);
	return NULL;
}

static void stops(void)
{
	pid_t pid = child(5000, 0);
	pthread_t t = go(kill_soon, &pid);
	unsigned long before = ticks;
	siginfo_t info;
	int status = 0;

	waitpid(pid, &status, WUNTRACED);
	printf("stopped: %d", WIFSTOPPED(status));
	waitpid(pid, &status, WUNTRACED | WCONTINUED);
	printf(" %d, %s\n", WIFCONTINUED(status), went_on(before));
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	printf("killed: %d %d", info.si_code == CLD_KILLED, info.si_status);
	printf(" %d\n", waitid(P_ALL, 0, &info, WEXITED) == 0 && info.si_pid == pid);
	done(t);
}

static void without_hanging(void)
{
	pid_t pid = child(60, 3);
	struct rusage usage;
	siginfo_t info;
	int status;

	memset(&info, 1, sizeof(info));
	printf("not yet: %d", waitpid(pid, &status, WNOHANG));
	printf(" %d", waitid(P_ALL, 0, &info, WEXITED | WNOHANG));
	printf(" %d\n", info.si_pid);
	printf("nowhere to put it: %d\n", waitid(P_PID, (id_t)pid, NULL, WEXITED | WNOWAIT));
	printf("wait4: %d", wait4(pid, &status, 0, &usage) == pid);
	printf(" %d\n", WEXITSTATUS(status));
	printf("bad options: %s\n", outcome(waitpid(-1, &status, 0x4000)));
	printf("bad type: %s\n", outcome(waitid(99, 0, &info, WEXITED)));
}

static volatile sig_atomic_t children_seen;

static void on_child(int sig)
{
	(void)sig;
	children_seen++;
}

static void *interrupt_soon(void *arg)
{
	nap(30);
	pthread_kill(*(pthread_t *)arg, SIGUSR1);
	return NULL;
}

static void signals(void)
{
	struct sigaction act = {.sa_handler = on_child};
	pthread_t self = pthread_self(), t;
	pid_t pid;
	int status;

	handle(SIGUSR1, 0);
	pid = child(150, 1);
	t = go(interrupt_soon, &self);
	printf("interrupted: %s\n", outcome(waitpid(pid, &status, 0)));
	done(t);
	handle(SIGUSR1, SA_RESTART);
	t = go(interrupt_soon, &self);
	printf("restarted: %d\n", waitpid(pid, &status, 0) == pid);
	done(t);
	handle(SIGUSR1, 0);
	pid = child(150, 1);
	t = go(interrupt_soon, &self);
	printf("any, interrupted: %s\n", outcome(waitpid(-1, &status, 0)));
	done(t);
	printf("any: %d\n", waitpid(-1, &status, 0) == pid);
	sigaction(SIGCHLD, &act, NULL);
	pid = child(30, 9);
	printf("its own SIGCHLD: %d", waitpid(pid, &status, 0) == pid);
	printf(" %d seen %d\n", WEXITSTATUS(status), children_seen);
	signal(SIGCHLD, SIG_IGN);
	pid = child(30, 9);
	printf("ignored: %s\n", outcome(waitpid(pid, &status, 0)));
	child(30, 9);
	printf("ignored, any: %s\n", outcome(waitpid(-1, &status, 0)));
}

int main(void)
{
	ticker_start();
	specific();
	by_pidfd();
	any();
	stops();
	without_hanging();
	signals();
	ticker_stop();
	return 0;
}
