/* exec from a thread: the process goes on as the new program, its other threads are gone; a failed exec changes nothing. */
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "wait_test.h"

static char *self;

static void *fail_then_exec(void *arg)
{
	char *argv[] = {self, arg, NULL}, *env[] = {"GREETING=hello", NULL};
	unsigned long before;

	printf("no such program: %s\n", outcome(execv("/nonexistent", argv)));
	printf("not a program: %s\n", outcome(execv("/proc/self/maps", argv)));
	before = ticks;
	nap(30);
	printf("after that %s\n", went_on(before));
	fflush(stdout);
	if (!strcmp(arg, "env"))
		execve(self, argv, env);
	else if (!strcmp(arg, "at"))
		syscall(SYS_execveat, open(self, O_RDONLY | O_CLOEXEC), "", argv, environ, 0x1000);
	else
		execv(self, argv);
	return arg;
}

static void threads_of_this_process(const char *how)
{
	char line[128];
	FILE *f = fopen("/proc/self/status", "r");
	int threads = 0;

	while (fgets(line, sizeof(line), f))
		sscanf(line, "Threads: %d", &threads);
	fclose(f);
	printf("%s: threads %d, %s\n", how, threads, getenv("GREETING") ? getenv("GREETING") : "no greeting");
}

static void *add(void *arg)
{
	nap(1);
	return (void *)((long)arg + 1);
}

int main(int argc, char **argv)
{
	const char *ways[] = {"plain", "env", "at"};

	self = argv[0];
	if (argc > 1) {
		threads_of_this_process(argv[1]);
		printf("and again: %ld\n", done(go(add, (void *)4L)));
		return 9;
	}
	for (int i = 0; i < 3; i++) {
		pid_t pid;
		int status;

		fflush(stdout);
		pid = fork();
		if (!pid) {
			ticker_start();
			done(go(fail_then_exec, (void *)ways[i]));
			_exit(1);
		}
		waitpid(pid, &status, 0);
		printf("ended with %d\n", WEXITSTATUS(status));
	}
	return 0;
}
