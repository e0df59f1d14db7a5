/* What is pending when a thread executes a program is pending there: what was sent to the thread and to the process, not to
 * another thread; alarms too. Where exec fails, it is as before. With an argument it is the program. */
#include <spawn.h>
#include <sys/wait.h>

#include "signal_test.h"

static char *self;

static sigset_t ours(void)
{
	sigset_t set = set_of(SIGUSR1);

	for (int i = 0; i < 4; i++)
		sigaddset(&set, SIGRTMIN + i);
	return set;
}

static int report(const char *who)
{
	sigset_t set = ours(), blocked;
	siginfo_t info;
	int sig;

	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	printf("%s: blocked %d%d, alarm %d,", who, sigismember(&blocked, SIGUSR1), sigismember(&blocked, SIGUSR2),
	       alarm(0) > 50);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	while ((sig = sigtimedwait(&set, &info, &(struct timespec){0, 0})) > 0)
		printf(" %d code %d value %d", sig, info.si_code,
		       info.si_code == SI_QUEUE ? info.si_value.sival_int : 0);
	puts("");
	return 0;
}

static void *parked(void *arg)
{
	sigset_t set = ours();
	int sig;

	sigwait(&set, &sig);
	return arg;
}

static void send_some(void)
{
	union sigval value = {.sival_int = 1};

	kill(getpid(), SIGUSR1);
	pthread_sigqueue(pthread_self(), SIGRTMIN, value);
	value.sival_int = 2;
	sigqueue(getpid(), SIGRTMIN, value);
	value.sival_int = 3;
	pthread_sigqueue(pthread_self(), SIGRTMIN, value);
	pthread_kill(pthread_self(), SIGRTMIN + 1);
}

/* Its own, which the program has not. */
static void *has_another(void *arg)
{
	pthread_kill(pthread_self(), SIGRTMIN + 3);
	pause();
	return arg;
}

static void *executes(void *arg)
{
	sigset_t set = ours();

	pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (arg) {
		spawn(has_another, NULL);
		settle();
	}
	send_some();
	alarm(100);
	execl("/nowhere/at all", "nowhere", NULL);
	if (!arg) {
		report("exec failed");
		send_some();
		alarm(100);
	}
	execl(self, self, arg ? "beside others" : "after a failure", NULL);
	return NULL;
}

static void *stays(void *arg)
{
	pause();
	return arg;
}

static void in_child(void *(*run)(void *), void *arg, bool by_thread)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		spawn(stays, NULL);
		if (by_thread)
			pthread_join(spawn(run, arg), NULL);
		run(arg);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	if (status)
		printf("status %x\n", status);
}

/* A child of vfork or posix_spawn has nothing pending. */
static void *spawns(void *arg)
{
	extern char **environ;
	char *argv[] = {self, "spawned", NULL};
	sigset_t set = ours();
	pid_t pid;

	pthread_sigmask(SIG_BLOCK, &set, NULL);
	send_some();
	if (!posix_spawn(&pid, self, NULL, NULL, argv, environ))
		waitpid(pid, NULL, 0);
	report("still here");
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	return arg;
}

int main(int argc, char **argv)
{
	sigset_t set = ours();

	self = argv[0];
	setvbuf(stdout, NULL, _IONBF, 0);
	if (argc > 1)
		return report(argv[1]);
	/* main never takes what is the process's */
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	pthread_kill(spawn(parked, NULL), SIGUSR1);
	in_child(executes, NULL, true);
	in_child(executes, "others", true);
	in_child(executes, NULL, false);
	in_child(executes, "others", false);
	pthread_join(spawn(spawns, NULL), NULL);
	return 0;
}
