/* Children of vfork, clone and posix_spawn that share their maker's memory, and whose exec or end waits for what another
 * thread does: their maker alone waits for them. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHAIN 8

extern char **environ;
static int opening[2];	  /* what lets the child go on */
static volatile int told; /* by the child, in our memory */
static volatile int handled, handled_pid;

static const char *end_of(int status)
{
	static _Thread_local char text[32];

	if (WIFEXITED(status))
		snprintf(text, sizeof(text), "exit %d", WEXITSTATUS(status));
	else
		snprintf(text, sizeof(text), "signal %d", WTERMSIG(status));
	return text;
}

static int end_wait(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

/* In the child: until told is read, then for the other thread's byte; on much of the stack. */
static __attribute__((noinline)) void child_waits(int fd)
{
	char much[8192], byte;

	memset(much, 0x5a, sizeof(much));
	__asm__ volatile("" : : "r"(much) : "memory");
	told = (int)getpid();
	while (read(fd, &byte, 1) < 0 && errno == EINTR)
		;
}

static void wait_told(void)
{
	while (!told)
		usleep(1000);
}

static void *opens(void *arg)
{
	wait_told();
	if (arg)
		pthread_kill(*(pthread_t *)arg, SIGUSR1);
	usleep(20000);
	if (write(opening[1], "x", 1) != 1)
		abort();
	return NULL;
}

static void *kills(void *arg)
{
	wait_told();
	usleep(20000);
	kill(told, SIGKILL);
	return arg;
}

static void *reads_fifo(void *arg)
{
	char text[32] = "";
	int fd;

	usleep(20000);
	fd = open(arg, O_RDONLY);
	while (read(fd, text + strlen(text), sizeof(text) - 1 - strlen(text)) > 0)
		;
	close(fd);
	printf("through the FIFO: %s", text);
	return NULL;
}

static void spawn_into_fifo(void)
{
	char *argv[] = {"sh", "-c", "echo spawned", NULL};
	posix_spawn_file_actions_t actions;
	char name[40];
	pthread_t reader;
	pid_t pid;
	int err;

	snprintf(name, sizeof(name), "/tmp/process_beside.%d", (int)getpid());
	mkfifo(name, 0600);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 1, name, O_WRONLY, 0);
	pthread_create(&reader, NULL, reads_fifo, name);
	err = posix_spawn(&pid, "/bin/sh", &actions, NULL, argv, environ);
	pthread_join(reader, NULL);
	printf("posix_spawn: %d, %s\n", err, end_of(end_wait(pid)));
	posix_spawn_file_actions_destroy(&actions);
	unlink(name);
}

static void count(int sig)
{
	(void)sig;
	handled++;
	handled_pid = (int)getpid();
}

/* What must outlive the child's use of the stack, in registers and on it. */
static __attribute__((noinline)) void vfork_waits(const char *what, void *(*other)(void *), bool signalled,
						  bool executes)
{
	pthread_t self = pthread_self(), thread;
	volatile double on_stack = 1.5;
	double in_register = handled + 2.25;
	int before;
	pid_t pid;

	told = 0;
	handled = 0;
	pthread_create(&thread, NULL, other, signalled ? &self : NULL);
	pid = vfork();
	if (!pid) {
		child_waits(opening[0]);
		if (executes)
			execl("/bin/sh", "sh", "-c", "exit 5", (char *)NULL);
		_exit(3);
	}
	before = handled;
	printf("%s: told %d, %s, %g %g", what, told == pid, end_of(end_wait(pid)), on_stack, in_register);
	if (signalled)
		printf(", handled %d %d, here %d", before, handled, handled_pid == (int)getpid());
	puts("");
	pthread_join(thread, NULL);
}

static int clone_child(void *arg)
{
	child_waits(*(int *)arg);
	return 6;
}

static void clone_waits(void)
{
	static char stack[64 << 10] __attribute__((aligned(16)));
	pthread_t thread;
	pid_t pid;

	told = 0;
	pthread_create(&thread, NULL, opens, NULL);
	pid = clone(clone_child, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD, &opening[0]);
	printf("clone: told %d, %s\n", told == pid, end_of(end_wait(pid)));
	pthread_join(thread, NULL);
}

/* A child's child, by vfork too. */
static void vfork_twice(void)
{
	pthread_t thread;
	pid_t pid, inner;
	int status;

	told = 0;
	pthread_create(&thread, NULL, opens, NULL);
	pid = vfork();
	if (!pid) {
		inner = vfork();
		if (!inner) {
			child_waits(opening[0]);
			execl("/bin/sh", "sh", "-c", "exit 7", (char *)NULL);
			_exit(1);
		}
		waitpid(inner, &status, 0);
		_exit(WEXITSTATUS(status) + 1);
	}
	printf("twice: %s\n", end_of(end_wait(pid)));
	pthread_join(thread, NULL);
}

static char alternate[64 << 10];
static volatile int on_alternate;

static void sleeps_on_stack(int sig)
{
	char local;

	(void)sig;
	on_alternate = (uintptr_t)&local - (uintptr_t)alternate < sizeof(alternate);
	usleep(30000);
}

/* A handler in the child, on its maker's alternate stack, while a signal arrives for us. */
static void *alternate_stack(void *arg)
{
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)};
	struct sigaction act = {.sa_handler = sleeps_on_stack, .sa_flags = SA_ONSTACK},
			 alarm = {.sa_handler = count, .sa_flags = SA_ONSTACK};
	struct itimerval soon = {.it_value.tv_usec = 10000};
	pid_t pid;

	handled = 0;
	usleep(20000); /* main waits for us by then, and nobody else changes stacks */
	sigaction(SIGALRM, &alarm, NULL);
	sigaction(SIGUSR2, &act, NULL);
	sigaltstack(&stack, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	pid = vfork();
	if (!pid) {
		kill(getpid(), SIGUSR2);
		_exit(0);
	}
	printf("alternate stack: %s, %d, handled %d\n", end_of(end_wait(pid)), on_alternate, handled);
	return arg;
}

static int chain[CHAIN + 1][2];

static void *link_of(void *arg)
{
	int(*ends)[2] = arg;
	char byte = 'y';
	pid_t pid = vfork();

	if (!pid) {
		if (read(ends[0][0], &byte, 1) != 1 || write(ends[1][1], &byte, 1) != 1)
			_exit(1);
		_exit(0);
	}
	return (void *)(intptr_t)end_wait(pid);
}

/* Each child waits for the one before it, the first for us; and on small stacks. */
static void children_wait_for_each_other(void)
{
	pthread_t threads[CHAIN];
	pthread_attr_t small;
	intptr_t failed = 0;
	char byte = 0;

	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 32 << 10);
	for (int i = 0; i <= CHAIN; i++)
		if (pipe2(chain[i], O_CLOEXEC))
			abort();
	for (int i = CHAIN; i-- > 0;)
		pthread_create(&threads[i], &small, link_of, &chain[i]);
	usleep(20000);
	if (write(chain[0][1], "z", 1) != 1 || read(chain[CHAIN][0], &byte, 1) != 1)
		abort();
	for (int i = 0; i < CHAIN; i++) {
		void *status;

		pthread_join(threads[i], &status);
		failed |= (intptr_t)status;
	}
	printf("chain: %c, failed %d\n", byte, (int)failed);
}

static volatile int over;

static void *naps(void *arg)
{
	while (!over)
		usleep(50);
	return arg;
}

/* What its calls in the child say is not disturbed. */
static void spawns_nothing(void)
{
	char *argv[] = {"nothing", NULL};
	int wrong = 0;
	pthread_t thread;
	pid_t pid;

	over = 0;
	pthread_create(&thread, NULL, naps, NULL);
	for (int i = 0; i < 200; i++)
		wrong += posix_spawnp(&pid, "nothing-of-this-name", NULL, NULL, argv, environ) != ENOENT;
	over = 1;
	pthread_join(thread, NULL);
	printf("spawn of nothing: %d wrong\n", wrong);
}

static void *in_thread(void *arg)
{
	spawn_into_fifo();
	vfork_waits("vfork and exit", opens, false, false);
	vfork_waits("vfork and exec", opens, false, true);
	vfork_waits("vfork, signalled", opens, true, true);
	vfork_waits("vfork, killed", kills, false, false);
	clone_waits();
	vfork_twice();
	spawns_nothing();
	return arg;
}

int main(void)
{
	struct sigaction act = {.sa_handler = count};
	pthread_t thread;

	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGUSR1, &act, NULL);
	if (pipe2(opening, O_CLOEXEC))
		return 1;
	puts("main");
	in_thread(NULL);
	puts("a thread");
	pthread_create(&thread, NULL, in_thread, NULL);
	pthread_join(thread, NULL);
	pthread_create(&thread, NULL, alternate_stack, NULL);
	pthread_join(thread, NULL);
	children_wait_for_each_other();
	return 0;
}
