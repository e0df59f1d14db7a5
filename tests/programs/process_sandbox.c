/* process_sandbox.c - seccomp filters that threads make for themselves while others run: whose they are, who inherits them,
 * and that all others go on. Each part in a child of its own. */
#include <poll.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "sandbox_test.h"

#ifdef __x86_64__

#define ECHOES 40
#define ROUNDS 20

extern char **environ;
static const char *self;
static pthread_barrier_t both;

/* One call that greenlets answer, some that they do not. */
static void show_calls(const char *who)
{
	char directory[4];
	struct rlimit *none = NULL;

	printf("%s: getppid %s, ", who, result(syscall(SYS_getppid)));
	printf("getcwd %s, ", result(getcwd(directory, 1) ? 0 : -1));
	printf("getpriority %s, ", result(syscall(SYS_getpriority, 0, 0)));
	printf("prlimit %s; mode %d, ", result(syscall(SYS_prlimit64, 0, 0, none, none)), prctl(PR_GET_SECCOMP));
	printf("no new privileges %d\n", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	fflush(stdout);
}

static struct sock_fprog some(void)
{
	static struct sock_filter code[] = {
		LOAD(NR),
		ON(SYS_getppid, FAIL(EXDEV)),
		ON(SYS_getcwd, FAIL(EBADMSG)),
		ON(SYS_getpriority, FAIL(ENOTTY)),
		ON(SYS_prlimit64, FAIL(EMFILE)),
		ANSWER(ALLOW),
	};

	return (struct sock_fprog){sizeof(code) / sizeof(code[0]), code};
}

static void *inherits(void *arg)
{
	show_calls(arg);
	return NULL;
}

static void *one_of_two(void *arg)
{
	struct sock_fprog program = some();

	show_calls("before");
	printf("set: %s\n", result(set_alone(&program)));
	show_calls("own");
	pthread_join(spawn(inherits, "made by it"), NULL);
	return arg;
}

static void whose(void)
{
	pthread_join(spawn(one_of_two, NULL), NULL);
	show_calls("another");
	pthread_join(spawn(inherits, "made by another"), NULL);
}

/* What the process's other threads do meanwhile. */
static void *waits(void *arg)
{
	pthread_barrier_wait(&both);
	pthread_barrier_wait(&both);
	show_calls("the other");
	return arg;
}

static void *unlike(void *arg)
{
	struct sock_fprog program = some();

	*(long *)arg = syscall(SYS_gettid);
	set_alone(&program);
	return waits(NULL);
}

static void all(void)
{
	struct sock_fprog program = some();
	pthread_t t;
	long tid, ret;

	pthread_barrier_init(&both, NULL, 2);
	t = spawn(unlike, &tid);
	pthread_barrier_wait(&both);
	ret = set(SECCOMP_FILTER_FLAG_TSYNC, &program);
	printf("one has its own: %s\n", ret == tid ? "its number" : result(ret));
	printf("the same: %s\n", result(set(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH, &program)));
	show_calls("main");
	pthread_barrier_wait(&both);
	pthread_join(t, NULL);
	t = spawn(waits, NULL);
	pthread_barrier_wait(&both);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	printf("nobody has: %s\n", result(set(SECCOMP_FILTER_FLAG_TSYNC, &program)));
	show_calls("main");
	pthread_barrier_wait(&both);
	pthread_join(t, NULL);
}

static volatile int filtered;

/* By no call but libc's own, which nothing answers. */
static void *computes(void *arg)
{
	while (!filtered)
		getppid();
	return getppid() == -EXDEV ? arg : NULL;
}

/* Wherever they are when the filter comes. */
static void all_compute(void)
{
	struct sock_fprog program = some();
	pthread_t t[4];
	int refused = 0;

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	for (int i = 0; i < 4; i++)
		t[i] = spawn(computes, t);
	usleep(100000);
	printf("set: %s\n", result(set(SECCOMP_FILTER_FLAG_TSYNC, &program)));
	filtered = 1;
	for (int i = 0; i < 4; i++) {
		void *value;

		pthread_join(t[i], &value);
		refused += value != NULL;
	}
	printf("refused %d\n", refused);
}

static void *is_strict(void *arg)
{
	int *fds = arg;
	char c;

	printf("strict: %s\n", result(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)));
	fflush(stdout);
	while (syscall(SYS_read, fds[0], &c, 1) == 1)
		syscall(SYS_write, fds[1], &c, 1);
	syscall(SYS_getpid);
	syscall(SYS_write, 1, "goes on\n", 8);
	return NULL;
}

static void strict(void)
{
	int in[2], out[2];
	char got[16] = "";
	pthread_t t;

	if (pipe(in) || pipe(out))
		abort();
	t = spawn(is_strict, (int[]){in[0], out[1]});
	for (int i = 0; i < 5; i++)
		if (write(in[1], "abcde" + i, 1) != 1 || read(out[0], got + i, 1) != 1)
			abort();
	close(in[1]);
	pthread_join(t, NULL);
	printf("and back: %s\n", got);
}

/* Little else than waiting is allowed. */
static long set_little(unsigned flags, unsigned otherwise)
{
	struct sock_fprog program =
		PROGRAM(LOAD(NR), ON(SYS_clock_nanosleep, ALLOW), ON(SYS_poll, ALLOW), ON(SYS_read, ALLOW),
			ON(SYS_write, ALLOW), ON(SYS_futex, ALLOW), ON(SYS_exit, ALLOW), ON(SYS_madvise, ALLOW),
			ON(SYS_munmap, ALLOW), ON(SYS_rt_sigprocmask, ALLOW), ON(SYS_exit_group, ALLOW),
			ON(SYS_fstat, ALLOW), ON(SYS_newfstatat, ALLOW), ANSWER(otherwise));

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || set(flags, &program);
}

struct pair {
	int in[2], out[2];
	bool sets;
};

static void *echoes(void *arg)
{
	const struct pair *pair = arg;
	struct timespec some_time = {0, 1000000};
	int got = 0;
	char c;

	pthread_barrier_wait(&both);
	if (pair->sets && set_little(0, SECCOMP_RET_KILL_PROCESS))
		return NULL;
	for (int i = 0; i < ROUNDS; i++) {
		struct pollfd ready = {pair->in[0], POLLIN, 0};

		clock_nanosleep(CLOCK_MONOTONIC, 0, &some_time, NULL);
		got += poll(&ready, 1, -1) == 1 && read(pair->in[0], &c, 1) == 1 && write(pair->out[1], &c, 1) == 1;
	}
	return (void *)(long)got;
}

/* Many that wait; one of them, or all, may do nothing else. */
static void echo(bool one, unsigned otherwise)
{
	static struct pair pairs[ECHOES];
	pthread_t t[ECHOES];
	int there = 0, back = 0;
	void *got;
	char c;

	pthread_barrier_init(&both, NULL, ECHOES + 1);
	for (int i = 0; i < ECHOES; i++) {
		pairs[i].sets = one && i == 1;
		if (pipe(pairs[i].in) || pipe(pairs[i].out))
			abort();
		t[i] = spawn(echoes, &pairs[i]);
	}
	pthread_barrier_wait(&both); /* what a thread does at its beginning is not allowed */
	if (!one && set_little(SECCOMP_FILTER_FLAG_TSYNC, otherwise))
		abort();
	for (int i = 0; i < ROUNDS; i++)
		for (int j = 0; j < ECHOES; j++)
			back += write(pairs[j].in[1], "x", 1) == 1 && read(pairs[j].out[0], &c, 1) == 1;
	for (int j = 0; j < ECHOES; j++) {
		pthread_join(t[j], &got);
		there += (int)(long)got;
	}
	printf("there %d, and back %d\n", there, back);
}

static void one_waits(void)
{
	echo(true, 0);
}

static void all_wait(void)
{
	echo(false, SECCOMP_RET_KILL_PROCESS);
}

static void all_wait_or_end(void)
{
	echo(false, SECCOMP_RET_KILL_THREAD);
}

static void run_self(const char *way)
{
	char *args[] = {(char *)self, "calls", (char *)way, NULL};
	pid_t child;

	fflush(stdout);
	if (!strcmp(way, "spawned")) {
		if (!posix_spawn(&child, self, NULL, NULL, args, environ))
			show_end(way, child);
		return;
	}
	child = fork();
	if (!child) {
		if (!strcmp(way, "forked"))
			show_calls(way);
		else
			execv(self, args);
		_exit(5);
	}
	show_end(way, child);
}

static void *makes_children(void *arg)
{
	struct sock_fprog program = some();

	if (arg)
		set_alone(&program);
	run_self("forked");
	run_self("executed");
	run_self("spawned");
	return arg;
}

static void *executes(void *arg)
{
	struct sock_fprog program = some();

	set_alone(&program);
	execl("/nonexistent", "nonexistent", NULL);
	pthread_barrier_wait(&both);
	pthread_barrier_wait(&both);
	execl(self, self, "calls", "executed by the thread", NULL);
	return arg;
}

static void children(void)
{
	pthread_t t;

	pthread_join(spawn(makes_children, "with"), NULL);
	puts("now without:");
	makes_children(NULL);
	pthread_barrier_init(&both, NULL, 2);
	t = spawn(executes, NULL);
	pthread_barrier_wait(&both);
	show_calls("the other");
	pthread_barrier_wait(&both);
	pthread_join(t, NULL);
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	self = argv[0];
	if (argc > 2) {
		show_calls(argv[2]);
		return 4;
	}
	pthread_join(spawn(nothing, NULL), NULL);
	part("whose", whose);
	part("all", all);
	part("all compute", all_compute);
	part("strict", strict);
	part("one waits", one_waits);
	part("all wait", all_wait);
	part("all wait, or end", all_wait_or_end);
	part("children", children);
	return 0;
}

#else
#include "for_x86_64.h"
#endif
