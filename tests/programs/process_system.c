/* system, popen, posix_spawn, vfork and exec in one thread do not stop another. */
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include "wait_test.h"

extern char **environ;

static void *run_system(void *arg)
{
	unsigned long before = ticks;
	int status = system(arg);

	printf("system: %d, %s\n", WEXITSTATUS(status), went_on(before));
	return NULL;
}

static void *run_popen(void *arg)
{
	unsigned long before = ticks;
	char line[100] = "";
	FILE *f = popen(arg, "r");
	int lines = 0;

	while (f && fgets(line, sizeof(line), f))
		lines++;
	printf("popen: %d lines, the last %.*s, ", lines, (int)strcspn(line, "\n"), line);
	printf("%d, %s\n", WEXITSTATUS(pclose(f)), went_on(before));
	return NULL;
}

static void *run_popen_write(void *arg)
{
	FILE *f = popen(arg, "w");

	for (int i = 0; i < 20000; i++)
		fprintf(f, "line %d\n", i);
	printf("popen for writing: %d\n", WEXITSTATUS(pclose(f)));
	return NULL;
}

static void *run_spawn(void *arg)
{
	char *argv[] = {"sh", "-c", arg, NULL};
	unsigned long before = ticks;
	int status, err;
	pid_t pid;

	err = posix_spawn(&pid, "/nonexistent", NULL, NULL, argv, environ);
	printf("spawn of nothing: %s\n", strerrorname_np(err));
	err = posix_spawnp(&pid, "sh", NULL, NULL, argv, environ);
	waitpid(pid, &status, 0);
	printf("spawn: %d %d, %s\n", err, WEXITSTATUS(status), went_on(before));
	return NULL;
}

static void *run_vfork(void *arg)
{
	unsigned long before = ticks;
	int status;
	pid_t pid = vfork();

	if (!pid) {
		execl("/bin/sh", "sh", "-c", arg, (char *)NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	printf("vfork: %d, %s\n", WEXITSTATUS(status), went_on(before));
	pid = vfork();
	if (!pid)
		_exit(8);
	waitpid(pid, &status, 0);
	printf("vfork and exit: %d\n", WEXITSTATUS(status));
	return NULL;
}

static void *many_systems(void *arg)
{
	long failed = 0;

	for (int i = 0; i < 5; i++)
		failed += system(arg) != 0;
	return (void *)failed;
}

int main(void)
{
	pthread_t t[10];
	long failed = 0;

	ticker_start();
	setvbuf(stdout, NULL, _IOLBF, 0);
	done(go(run_system, "sleep 0.1; exit 7"));
	run_system("sleep 0.1; exit 6");
	done(go(run_popen, "echo one; sleep 0.1; echo two; exit 5"));
	done(go(run_popen_write, "test \"$(wc -l)\" -eq 20000"));
	done(go(run_spawn, "sleep 0.1; exit 4"));
	done(go(run_vfork, "sleep 0.1; exit 3"));
	for (int i = 0; i < 10; i++)
		t[i] = go(many_systems, "exec true");
	for (int i = 0; i < 10; i++)
		failed += done(t[i]);
	printf("at once: %ld failed\n", failed);
	printf("no command: %d\n", system(NULL) != 0);
	ticker_stop();
	return 0;
}
