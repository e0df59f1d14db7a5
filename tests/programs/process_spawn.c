/* posix_spawn with every attribute and every file action, by a thread that is not the main one, while others wait. */
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "thread_test.h"

extern char **environ;
static int report[2];

static sigset_t set_of(int sig)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	return set;
}

/* Runs `script` and prints what it wrote, and how it ended. */
static void run(const char *what, const char *script, posix_spawn_file_actions_t *actions, posix_spawnattr_t *attr)
{
	char *argv[] = {"sh", "-c", (char *)script, NULL}, text[512];
	int status = -1, err;
	ssize_t n;
	pid_t pid;

	err = posix_spawn(&pid, "/bin/sh", actions, attr, argv, environ);
	if (err) {
		printf("%s: %s\n", what, error_name(err));
		return;
	}
	waitpid(pid, &status, 0);
	if (write(report[1], ".", 1) != 1)
		puts("write failed");
	n = read(report[0], text, sizeof(text));
	for (ssize_t i = 0; i < n; i++)
		text[i] = text[i] == '\n' ? ' ' : text[i];
	printf("%s: %.*s %d\n", what, (int)n, text, WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
}

/* Output goes to `report`, at the descriptor 1. */
static void base(posix_spawn_file_actions_t *actions)
{
	posix_spawn_file_actions_init(actions);
	posix_spawn_file_actions_adddup2(actions, report[1], 1);
}

static void opens(void)
{
	posix_spawn_file_actions_t a;
	int root = open("/", O_RDONLY | O_DIRECTORY), high = fcntl(report[1], F_DUPFD, 50);

	base(&a);
	SHOW(posix_spawn_file_actions_addopen(&a, 7, "/dev/null", O_RDONLY, 0));
	SHOW(posix_spawn_file_actions_addclose(&a, high));
	run("open and close", "readlink /proc/self/fd/7; [ -e /proc/self/fd/50 ] || echo closed", &a, NULL);
	SHOW(posix_spawn_file_actions_addclose(&a, 987));
	run("close of none", "echo here", &a, NULL);
	SHOW(posix_spawn_file_actions_addopen(&a, 8, "/nowhere/at all", O_RDONLY, 0));
	run("open of none", "echo here", &a, NULL);
	SHOW(posix_spawn_file_actions_destroy(&a));
	base(&a);
	SHOW(posix_spawn_file_actions_addchdir_np(&a, "/dev"));
	run("chdir", "pwd", &a, NULL);
	SHOW(posix_spawn_file_actions_addfchdir_np(&a, root));
	run("fchdir", "pwd", &a, NULL);
	SHOW(posix_spawn_file_actions_addchdir_np(&a, "/nowhere/at all"));
	run("chdir to none", "pwd", &a, NULL);
	posix_spawn_file_actions_destroy(&a);
	base(&a);
	SHOW(posix_spawn_file_actions_addclosefrom_np(&a, 3));
	run("closefrom", "ls /proc/self/fd | sort -n | tail -n 2", &a, NULL);
	posix_spawn_file_actions_destroy(&a);
	base(&a);
	SHOW(posix_spawn_file_actions_adddup2(&a, 987, 5));
	run("dup2 of none", "echo here", &a, NULL);
	posix_spawn_file_actions_destroy(&a);
	base(&a);
	SHOW(posix_spawn_file_actions_adddup2(&a, root, root)); /* loses FD_CLOEXEC */
	SHOW(posix_spawn_file_actions_addopen(&a, -1, "/", 0, 0));
	SHOW(posix_spawn_file_actions_addclose(&a, -1));
	SHOW(posix_spawn_file_actions_adddup2(&a, 0, -1));
	run("dup2 to itself", "echo here", &a, NULL);
	posix_spawn_file_actions_destroy(&a);
	close(root);
	close(high);
}

static void terminal(void)
{
	posix_spawn_file_actions_t a;
	int tty = posix_openpt(O_RDWR | O_NOCTTY);

	base(&a);
	SHOW(posix_spawn_file_actions_addtcsetpgrp_np(&a, tty));
	run("tcsetpgrp of no controlling terminal", "echo here", &a, NULL);
	posix_spawn_file_actions_destroy(&a);
	close(tty);
}

static void masks(void)
{
	posix_spawn_file_actions_t a;
	posix_spawnattr_t attr;
	sigset_t mask = set_of(SIGHUP), dfl = set_of(SIGPIPE), out;
	short flags = 0;

	base(&a);
	run("as it is", "grep -E 'SigBlk|SigIgn' /proc/self/status | tr -d '\\n\\t'", &a, NULL);
	SHOW(posix_spawnattr_init(&attr));
	SHOW(posix_spawnattr_setsigmask(&attr, &mask));
	SHOW(posix_spawnattr_setsigdefault(&attr, &dfl));
	run("without flags", "grep -E 'SigBlk|SigIgn' /proc/self/status | tr -d '\\n\\t'", &a, &attr);
	SHOW(posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
	run("with them", "grep -E 'SigBlk|SigIgn' /proc/self/status | tr -d '\\n\\t'", &a, &attr);
	SHOW(posix_spawnattr_getflags(&attr, &flags));
	SHOW(posix_spawnattr_getsigmask(&attr, &out));
	printf("flags %d, mask %d\n", flags, sigismember(&out, SIGHUP));
	SHOW(posix_spawnattr_getsigdefault(&attr, &out));
	printf("default %d\n", sigismember(&out, SIGPIPE));
	SHOW(posix_spawnattr_setflags(&attr, 0x4000));
	SHOW(posix_spawnattr_destroy(&attr));
	posix_spawn_file_actions_destroy(&a);
}

static void groups(void)
{
	posix_spawn_file_actions_t a;
	posix_spawnattr_t attr;
	const char *script =
		"set -- $(cat /proc/self/stat); [ $5 = $$ ] && echo a group; [ $6 = $$ ] && echo a session; true";
	pid_t pgroup = -1;

	base(&a);
	posix_spawnattr_init(&attr);
	run("as it is", script, &a, &attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP);
	run("SETPGROUP", script, &a, &attr);
	SHOW(posix_spawnattr_setpgroup(&attr, getpgrp()));
	SHOW(posix_spawnattr_getpgroup(&attr, &pgroup));
	printf("the group: %d\n", pgroup == getpgrp());
	run("of its parent", script, &a, &attr);
	posix_spawnattr_setpgroup(&attr, 1);
	run("of another session", script, &a, &attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSID);
	run("SETSID", script, &a, &attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_RESETIDS | POSIX_SPAWN_USEVFORK);
	run("RESETIDS", "echo here", &a, &attr);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&a);
}

static void scheduling(void)
{
	posix_spawn_file_actions_t a;
	posix_spawnattr_t attr;
	struct sched_param none = {0}, bad = {500}, out = {-1};
	int policy = -1;

	base(&a);
	posix_spawnattr_init(&attr);
	SHOW(posix_spawnattr_setschedpolicy(&attr, SCHED_BATCH));
	SHOW(posix_spawnattr_getschedpolicy(&attr, &policy));
	SHOW(posix_spawnattr_setschedparam(&attr, &none));
	SHOW(posix_spawnattr_getschedparam(&attr, &out));
	SHOW(posix_spawnattr_setschedpolicy(&attr, 77));
	printf("policy %d, priority %d\n", policy, out.sched_priority);
	/* field 41 of stat is the policy; the name has no blank in it */
	run("without flags", "set -- $(cat /proc/self/stat); shift 40; echo policy $1", &a, &attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSCHEDULER);
	run("SETSCHEDULER", "set -- $(cat /proc/self/stat); shift 40; echo policy $1", &a, &attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSCHEDPARAM);
	posix_spawnattr_setschedparam(&attr, &bad);
	run("a bad priority", "echo here", &a, &attr);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&a);
}

static void programs(void)
{
	char *argv[] = {"true", NULL}, *env[] = {"PATH=/nowhere", NULL};
	int status;
	pid_t pid;

	printf("posix_spawnp: %s", error_name(posix_spawnp(&pid, "true", NULL, NULL, argv, env)));
	printf(" %d %d\n", waitpid(pid, &status, 0) == pid, status);
	printf("not there: %s", error_name(posix_spawnp(&pid, "no such program", NULL, NULL, argv, environ)));
	printf(", a directory: %s", error_name(posix_spawn(&pid, "/", NULL, NULL, argv, environ)));
	printf(", children: %s\n", outcome(waitpid(-1, NULL, WNOHANG)));
	fflush(stdout);
}

static void *all(void *arg)
{
	sigset_t mask = set_of(SIGUSR1);

	printf("in %s\n", (const char *)arg);
	pthread_sigmask(SIG_BLOCK, &mask, NULL);
	opens();
	terminal();
	masks();
	groups();
	scheduling();
	programs();
	return NULL;
}

static int parked_fds[2];

static void *parked(void *arg)
{
	char byte;
	long n = read(parked_fds[0], &byte, 1);

	return n == 1 ? arg : NULL;
}

int main(void)
{
	pthread_t t[3];

	signal(SIGPIPE, SIG_IGN);
	if (pipe2(report, O_CLOEXEC) || pipe2(parked_fds, O_CLOEXEC))
		return 1;
	for (long i = 0; i < 3; i++)
		t[i] = go(parked, (void *)(i + 1));
	settle();
	done(go(all, "a thread"));
	all("main");
	if (write(parked_fds[1], "xyz", 3) != 3)
		perror("write");
	for (long i = 0; i < 3; i++)
		printf("parked: %ld\n", done(t[i]));
	return 0;
}
