/* process_filter.c - a program that makes threads after it has forbidden itself, by a seccomp filter, calls that it has no
 * use for: the kernel kills for them. By seccomp(2), by prctl(2), by neither's function, and in a child. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 8
#define ROUNDS 100

static const unsigned forbidden[] = {SYS_epoll_create1,	 SYS_epoll_pwait,  SYS_memfd_create, SYS_eventfd2,
				     SYS_timerfd_create, SYS_timer_create, SYS_mremap,	     SYS_getpriority};

#define COUNT (sizeof(forbidden) / sizeof(forbidden[0]))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
static int turn;

/* 0 or -1. */
static int filter(const char *way)
{
	struct sock_filter code[COUNT + 3];
	struct sock_fprog prog = {.len = COUNT + 3, .filter = code};

	code[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (unsigned i = 0; i < COUNT; i++)
		code[1 + i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, forbidden[i], COUNT - i, 0);
	code[COUNT + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	code[COUNT + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	if (!strcmp(way, "neither"))
		return syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		       syscall(SYS_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	if (!strcmp(way, "prctl"))
		return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog);
}

static void *take_turns(void *arg)
{
	int me = *(int *)arg;

	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&lock);
		while (turn % THREADS != me)
			pthread_cond_wait(&turned, &lock);
		turn++;
		pthread_cond_broadcast(&turned);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

static void run_threads(const char *who)
{
	pthread_t threads[THREADS];
	int numbers[THREADS];

	for (int i = 0; i < THREADS; i++) {
		numbers[i] = i;
		pthread_create(&threads[i], NULL, take_turns, &numbers[i]);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	printf("%s: %d turns of %d threads\n", who, turn, THREADS);
	fflush(stdout);
}

static void show_end(pid_t child, const char *what)
{
	int status;

	waitpid(child, &status, 0);
	if (WIFSIGNALED(status))
		printf("%s: %s\n", what, strsignal(WTERMSIG(status)));
	else
		printf("%s: exit status %d\n", what, WEXITSTATUS(status));
	fflush(stdout);
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "seccomp";
	pid_t child = strcmp(way, "child") ? -1 : fork();

	if (child > 0) {
		show_end(child, "child");
		return 0;
	}
	if (filter(way)) {
		printf("no filter: %s\n", strerror(errno));
		return 77;
	}
	run_threads(way);
	child = fork();
	if (child == 0) {
		syscall(SYS_getpriority, 0, 0);
		_exit(3);
	}
	show_end(child, "what is forbidden");
	return 5;
}
