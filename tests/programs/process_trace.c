/* ptrace: a thread traces its child by waitpid without options, by waitid and by WNOHANG, and no other stands still. */
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "wait_test.h"

#define CALLS 20

static pid_t traced(void)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	nap(20);
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	raise(SIGSTOP);
	for (int i = 0; i < CALLS; i++)
		syscall(SYS_getppid);
	_exit(7);
}

static int stopped_by(int status)
{
	return WIFSTOPPED(status) ? WSTOPSIG(status) & 0x7f : -1;
}

static void *by_waitpid(void *arg)
{
	pid_t pid = traced();
	int status = 0, stops = 0;

	printf("its child: %d", waitpid(pid, &status, 0) == pid);
	printf(", stopped by %d\n", stopped_by(status));
	ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD);
	for (;;) {
		ptrace(PTRACE_SYSCALL, pid, 0, 0);
		if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
			break;
		stops += stopped_by(status) == SIGTRAP;
	}
	printf("stops: %s, end: %d\n", stops >= 2 * CALLS ? "as many as calls" : "too few", WEXITSTATUS(status));
	return arg;
}

static void *by_waitid(void *arg)
{
	pid_t pid = traced();
	siginfo_t info = {.si_signo = 0};

	printf("waitid: %s", outcome(waitid(P_PID, (id_t)pid, &info, WEXITED)));
	printf(", %s by %d\n", info.si_code == CLD_TRAPPED ? "trapped" : "not trapped", info.si_status);
	ptrace(PTRACE_CONT, pid, 0, 0);
	printf("waitid: %s", outcome(waitid(P_PID, (id_t)pid, &info, WEXITED)));
	printf(", exited: %d, status %d\n", info.si_code == CLD_EXITED, info.si_status);
	return arg;
}

int main(void)
{
	unsigned long before;

	ticker_start();
	before = ticks;
	done(go(by_waitpid, NULL));
	printf("%s\n", went_on(before));
	done(go(by_waitid, NULL));
	ticker_stop();
	return 0;
}
