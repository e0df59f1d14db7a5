/* fork from main and from other threads: the child has one thread, and may make others; it inherits memory, locks held
 * by handlers, descriptors; the parent's threads are not disturbed. */
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "wait_test.h"

static __thread int own = 1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int prepared, in_parent, in_child;

static void before(void)
{
	prepared++;
	pthread_mutex_lock(&lock);
}

static void after_in_parent(void)
{
	in_parent++;
	pthread_mutex_unlock(&lock);
}

static void after_in_child(void)
{
	in_child++;
	pthread_mutex_unlock(&lock);
}

static void *add_up(void *arg)
{
	long sum = 0;

	for (long i = 0; i <= (long)arg; i++) {
		pthread_mutex_lock(&lock);
		sum += i;
		pthread_mutex_unlock(&lock);
		if (i % 10 == 0)
			nap(1);
	}
	own = (int)sum;
	return (void *)(long)own;
}

static int status_of(pid_t pid)
{
	int status = -1;

	if (waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void check(bool good, const char *what)
{
	if (good)
		return;
	dprintf(1, "in the child: %s\n", what);
	_exit(99);
}

/* What a child can do. */
static int child(int kept)
{
	pthread_t t[4];
	long sum = 0;
	char byte = 0;
	int pipes[2];
	pid_t pid;

	check(getpid() == syscall(SYS_gettid), "its thread is not the first");
	check(own == kept, "another's thread-local variable");
	check(in_child == 1, "handlers have not run");
	for (long i = 0; i < 4; i++)
		t[i] = go(add_up, (void *)(10 + i));
	for (int i = 0; i < 4; i++)
		sum += done(t[i]);
	check(sum == 55 + 66 + 78 + 91, "threads");
	pid = fork();
	if (!pid) {
		in_child = 1;
		_exit((int)done(go(add_up, (void *)5L)));
	}
	check(status_of(pid) == 15, "a child of the child");
	check(!pipe(pipes) && system("exit 3") >> 8 == 3, "system");
	check(write(pipes[1], "x", 1) == 1 && read(pipes[0], &byte, 1) == 1 && byte == 'x', "a pipe");
	return 42;
}

static void *fork_here(void *arg)
{
	pid_t pid;

	own = (int)(long)arg;
	pid = fork();
	if (!pid)
		exit(child((int)(long)arg));
	return (void *)(long)status_of(pid);
}

static volatile bool over;

/* Parked in the parent, and not there in the child. */
static void *bystander(void *arg)
{
	unsigned long n = 0;
	char c;

	while (!over)
		if (read(*(int *)arg, &c, 1) == 1)
			n++;
	return (void *)(long)(n > 0);
}

/* A process made by clone, with its own stack and memory. */
static int on_its_stack(void *arg)
{
	_exit(*(int *)arg + getpid() * 0);
}

static void with_a_stack(void)
{
	size_t size = 256 << 10;
	char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int wanted = 17;

	printf("clone with a stack: %d\n", status_of(clone(on_its_stack, stack + size, SIGCHLD, &wanted)));
}

int main(void)
{
	pthread_t t[4], by;
	int pipes[2];
	long n = 0;
	pid_t pid;

	if (pipe(pipes))
		abort();
	setvbuf(stdout, NULL, _IOLBF, 0);
	pthread_atfork(before, after_in_parent, after_in_child);
	pid = fork();
	if (!pid)
		exit(child(1));
	printf("before any thread: %d\n", status_of(pid));
	by = go(bystander, &pipes[0]);
	ticker_start();
	nap(5);
	pid = fork();
	if (!pid)
		exit(child(1));
	printf("main: %d\n", status_of(pid));
	for (long i = 0; i < 4; i++)
		t[i] = go(fork_here, (void *)(100 + i));
	for (int i = 0; i < 4; i++)
		n += done(t[i]) == 42;
	printf("others: %ld\n", n);
	with_a_stack();
	over = true;
	if (write(pipes[1], "x", 1) != 1)
		abort();
	printf("bystander: %ld\n", done(by));
	ticker_stop();
	printf("handlers: %d %d %d\n", prepared, in_parent, in_child);
	return 0;
}
