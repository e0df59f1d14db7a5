/* What a child inherits from the thread that makes it, and what a program from the one that executes it: niceness, policy,
 * CPUs, priority of input and output, name. By each way to make one. */
#include <fcntl.h>
#include <linux/ioprio.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "sched_test.h"
#include "thread_test.h"

static char self_name[512];

static void show(const char *who)
{
	char name[17] = "";
	cpu_set_t cpus;

	prctl(PR_GET_NAME, name);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	printf("%s: nice %d, policy %d, CPUs %d, i/o %ld, name %s\n", who, getpriority(PRIO_PROCESS, 0),
	       sched_getscheduler(0), CPU_COUNT(&cpus), syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0), name);
	fflush(stdout);
}

static void await(pid_t pid)
{
	int status = -1;

	waitpid(pid, &status, 0);
	if (status)
		printf("status %x\n", status);
}

static void change(void)
{
	setpriority(PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + 3);
	sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){0});
	on_one_cpu();
	syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 6));
	prctl(PR_SET_NAME, "changed");
}

static void *nothing(void *arg)
{
	return arg;
}

static void by_each_way(void)
{
	char *args[] = {self_name, "show", "spawned", NULL}, *none[] = {NULL};
	pid_t pid = fork();

	if (!pid) {
		show("forked");
		done(go(nothing, NULL)); /* and once it has threads itself */
		show("forked");
		_exit(0);
	}
	await(pid);
	if (posix_spawn(&pid, self_name, NULL, NULL, args, none))
		puts("posix_spawn failed");
	else
		await(pid);
	args[2] = "executed by a child";
	pid = fork();
	if (!pid) {
		execve(self_name, args, none);
		_exit(1);
	}
	await(pid);
	args[2] = "executed by vfork's child";
	pid = vfork();
	if (!pid) {
		execve(self_name, args, none);
		_exit(1);
	}
	await(pid);
}

static void *changed(void *arg)
{
	change();
	show("the thread");
	by_each_way();
	return arg;
}

/* An exec that fails changes nothing. */
static void *executes(void *arg)
{
	char *args[] = {self_name, "show", "executed", NULL}, *none[] = {NULL};

	(void)arg;
	change();
	printf("no program: %s\n", outcome(execve("/nowhere", args, none)));
	show("the thread");
	fflush(stdout);
	execve(self_name, args, none);
	return NULL;
}

static void *unchanged(void *arg)
{
	show("another thread");
	by_each_way();
	return arg;
}

int main(int argc, char **argv)
{
	pid_t pid;

	if (argc > 2 && !strcmp(argv[1], "show")) {
		prctl(PR_SET_NAME, "program");
		show(argv[2]);
		return 0;
	}
	if (realpath("/proc/self/exe", self_name) == NULL)
		return 1;
	show("main");
	done(go(changed, NULL));
	show("main");
	done(go(unchanged, NULL));
	by_each_way();
	fflush(stdout);
	pid = fork();
	if (!pid)
		done(go(executes, NULL));
	await(pid);
	change(); /* main's own is nobody else's */
	done(go(unchanged, NULL));
	return 0;
}
