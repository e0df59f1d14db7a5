/* Signals that are ignored: faults among them, in bad pointers too, and what children inherit. */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#include "thread_test.h"

static const int ignored[] = {SIGSEGV, SIGBUS, SIGSYS, SIGUSR1, SIGTRAP, SIGFPE, SIGILL};
static int ends[2];
static void *volatile bad = (void *)8;

static void *parked(void *arg)
{
	char c;

	printf("read by the other: %zd\n", read(ends[0], &c, 1));
	return arg;
}

static void shown(const char *what, pid_t pid)
{
	int status = -1;

	if (waitpid(pid, &status, 0) != pid)
		status = -1;
	printf("%s: %d\n", what, status);
}

static char *const show[] = {"grep", "SigIgn", "/proc/self/status", NULL};
extern char **environ;

static void children(void)
{
	pid_t pid;

	fflush(stdout);
	printf("system: %d\n", system("grep SigIgn /proc/self/status"));
	fflush(stdout);
	if (posix_spawnp(&pid, "grep", NULL, NULL, show, environ))
		abort();
	shown("spawned", pid);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		execvp("none/such", show);
		raise(SIGSEGV);
		execvp("grep", show);
	}
	shown("forked", pid);
	fflush(stdout);
	pid = vfork();
	if (!pid) {
		execvp("grep", show);
		_exit(1);
	}
	shown("vforked", pid);
}

static void again(void)
{
	int other[2];

	printf("bad pointers: %s", read(ends[0], NULL, 0) ? error_name(errno) : "0");
	if (pipe(other) || write(other[1], "x", 1) != 1)
		abort();
	printf(" %s", read(other[0], bad, 1) < 0 ? error_name(errno) : "0");
	printf(" %s\n", clock_nanosleep(CLOCK_MONOTONIC, 0, bad, NULL) == EFAULT ? "EFAULT" : "no EFAULT");
	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		printf("raise %s: %d\n", sigabbrev_np(ignored[i]), raise(ignored[i]));
}

int main(void)
{
	pthread_t t;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (pipe(ends))
		return 1;
	pthread_create(&t, NULL, parked, NULL);
	settle();
	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		signal(ignored[i], SIG_IGN);
	again();
	children();
	again();
	execvp("none/such", show);
	again();
	if (write(ends[1], "x", 1) != 1)
		return 1;
	pthread_join(t, NULL);
	fflush(stdout);
	execvp("grep", show);
	return 1;
}
