/* What children inherit: masks, ignored signals, handlers; by fork, vfork, posix_spawn and exec; from main and from
 * another thread. With an argument it is the child. */
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include "signal_test.h"

extern char **environ;
static char *self;
static volatile sig_atomic_t handled;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)info, (void)context;
	handled++;
}

/* SigBlk, SigIgn and SigCgt of this process, standard signals alone. */
static void report(const char *what, bool caught)
{
	char line[256], out[512] = "";
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f)) {
		char *value = strchr(line, ':');

		if (strncmp(line, "SigBlk", 6) && strncmp(line, "SigIgn", 6) && (!caught || strncmp(line, "SigCgt", 6)))
			continue;
		snprintf(out + strlen(out), sizeof(out) - strlen(out), " %.6s %08lx", line,
			 strtoul(value + 1, NULL, 16) & 0x7fffffff);
	}
	if (f)
		fclose(f);
	printf("%s:%s\n", what, out);
	fflush(stdout);
}

static void wait_for(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status))
		printf("killed by %s\n", sigabbrev_np(WTERMSIG(status)));
	else if (WEXITSTATUS(status))
		printf("exit status %d\n", WEXITSTATUS(status));
	fflush(stdout);
}

static void by_fork(const char *who)
{
	pid_t child;

	printf("fork in %s\n", who);
	fflush(stdout);
	child = fork();
	if (!child) {
		sigset_t set = set_of(SIGUSR1);

		report("child", true);
		handled = 0;
		raise(SIGUSR1);
		printf("blocked: handled %d, ", (int)handled);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
		printf("open: handled %d\n", (int)handled);
		kill(getpid(), SIGUSR1);
		printf("kill: handled %d\n", (int)handled);
		fflush(stdout);
		signal(SIGUSR1, SIG_DFL);
		raise(SIGUSR1);
		_exit(9);
	}
	wait_for(child);
}

static void by_spawn(const char *who, bool attributes)
{
	char *argv[] = {self, attributes ? "spawned with attributes" : "spawned", NULL};
	posix_spawnattr_t attr;
	sigset_t set = set_of(SIGHUP), dfl = set_of(SIGPIPE);
	pid_t child;

	printf("posix_spawn in %s\n", who);
	fflush(stdout);
	posix_spawnattr_init(&attr);
	if (attributes) {
		posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
		posix_spawnattr_setsigmask(&attr, &set);
		posix_spawnattr_setsigdefault(&attr, &dfl);
	}
	if (posix_spawn(&child, self, NULL, &attr, argv, environ))
		puts("posix_spawn failed");
	else
		wait_for(child);
}

static void by_exec(const char *who)
{
	pid_t child;

	printf("vfork and exec in %s\n", who);
	fflush(stdout);
	child = vfork();
	if (!child) {
		execl(self, self, "exec'ed", NULL);
		_exit(1);
	}
	wait_for(child);
	printf("system: %d\n", system("kill -TERM $$"));
	printf("after system: ");
	handled = 0;
	kill(getpid(), SIGUSR2);
	printf("handled %d\n", (int)handled);
	fflush(stdout);
}

static void all(const char *who)
{
	by_fork(who);
	by_spawn(who, false);
	by_spawn(who, true);
	by_exec(who);
}

static void *thread(void *arg)
{
	sigset_t set = set_of(SIGUSR1);

	sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	all(arg);
	return NULL;
}

static void *parked(void *arg)
{
	pthread_mutex_lock(arg);
	pthread_mutex_unlock(arg);
	return NULL;
}

static void *execs(void *arg)
{
	sigset_t set = set_of(SIGTERM);

	(void)arg;
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	execl(self, self, "exec'ed by a thread", NULL);
	return NULL;
}

int main(int argc, char **argv)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	sigset_t set = set_of(SIGUSR1), usr2 = set_of(SIGUSR2);
	pthread_t t;

	self = argv[0];
	if (argc > 1) {
		report(argv[1], false);
		return 0;
	}
	handle(SIGUSR1, on_signal, 0);
	handle(SIGUSR2, on_signal, SA_RESTART);
	signal(SIGPIPE, SIG_IGN);
	pthread_mutex_lock(&mutex);
	pthread_sigmask(SIG_BLOCK, &usr2, NULL); /* it takes none */
	t = spawn(parked, &mutex);
	pthread_sigmask(SIG_UNBLOCK, &usr2, NULL);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	all("main");
	pthread_sigmask(SIG_BLOCK, &usr2, NULL);
	pthread_join(spawn(thread, "a thread"), NULL);
	pthread_mutex_unlock(&mutex);
	pthread_join(t, NULL);
	pthread_join(spawn(execs, NULL), NULL);
	return 1;
}
