/* No address space is left (RLIMIT_AS): natively the kernel has memory of its own for those that wait; threads whose
 * stacks are the program's can still be made. */
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/wait.h>

#include "thread_test.h"

#define THREADS 40
#define STACK (64 << 10)
#define MANY 900
#define HIGH 3500

static char stacks[THREADS][STACK] __attribute__((aligned(4096)));
static int pipes[2], locked, other;
static pthread_barrier_t barrier;
static atomic_int handled;

static pthread_t on_own_stack(int i, void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;
	pthread_t t = 0;
	int err;

	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, stacks[i], STACK);
	err = pthread_create(&t, &attr, run, arg);
	if (err)
		printf("pthread_create: %s\n", error_name(err));
	return t;
}

static void *meets(void *arg)
{
	cpu_set_t set;

	sched_getaffinity(0, sizeof(set), &set);
	if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set))
		puts("affinity failed");
	pthread_barrier_wait(&barrier);
	nap(1);
	pthread_barrier_wait(&barrier);
	return arg;
}

static void *reads(void *arg)
{
	char c;

	printf("read: %zd\n", read((int)(long)arg, &c, 1));
	return NULL;
}

/* All but the first are never ready. */
static void *polls(void *arg)
{
	static struct pollfd p[MANY];

	for (int i = 0; i < MANY; i++)
		p[i] = (struct pollfd){.fd = i ? pipes[1] : pipes[0], .events = POLLIN};
	printf("poll: %d\n", poll(p, MANY, -1));
	return arg;
}

static void *selects(void *arg)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(pipes[0], &set);
	printf("select: %d\n", select(FD_SETSIZE, &set, NULL, NULL, NULL));
	return arg;
}

static void *locks(void *arg)
{
	printf("lock: %d\n", flock(other, LOCK_EX));
	return arg;
}

static void *waits(void *arg)
{
	int status = 0;

	printf("waited: %d", waitpid(-1, &status, 0) > 0);
	printf(" for %d\n", WEXITSTATUS(status));
	return arg;
}

static void on_signal(int sig)
{
	(void)sig;
	atomic_fetch_add(&handled, 1);
}

static void signals(void)
{
	sigset_t set, before;
	int queued = 0;

	signal(SIGRTMIN, on_signal);
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	pthread_sigmask(SIG_BLOCK, &set, &before);
	for (int i = 0; i < 300; i++)
		queued += !pthread_kill(pthread_self(), SIGRTMIN);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	printf("signals: %d\n", queued - atomic_load(&handled));
}

/* One waits, and what it waits for happens. */
static void wakes(void *(*run)(void *), void *arg)
{
	pthread_t t = on_own_stack(0, run, arg);
	char c;

	settle();
	if (write(pipes[1], "x", 1) != 1)
		puts("write failed");
	if (t)
		pthread_join(t, NULL);
	if (run != reads && read(pipes[0], &c, 1) != 1)
		puts("read failed");
}

static void all(void)
{
	pthread_t t[THREADS];
	pid_t pid;

	pthread_barrier_init(&barrier, NULL, THREADS);
	for (int i = 0; i < THREADS; i++)
		t[i] = on_own_stack(i, meets, NULL);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	wakes(reads, (void *)(long)pipes[0]);
	wakes(reads, (void *)(long)HIGH);
	wakes(polls, NULL);
	wakes(selects, NULL);
	signals();
	flock(locked, LOCK_EX);
	t[0] = on_own_stack(0, locks, NULL);
	settle();
	flock(locked, LOCK_UN);
	pthread_join(t[0], NULL);
	flock(other, LOCK_UN);
	pid = fork();
	if (!pid) {
		nap(30);
		_exit(4);
	}
	t[0] = on_own_stack(0, waits, NULL);
	pthread_join(t[0], NULL);
}

int main(void)
{
	struct rlimit limit, files;
	char path[] = "/tmp/exhaust.XXXXXX";
	pthread_t t;

	setvbuf(stdout, NULL, _IONBF, 0);
	locked = mkstemp(path);
	other = open(path, O_RDWR);
	unlink(path);
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (pipe(pipes) || (files.rlim_max > HIGH && dup2(pipes[0], HIGH) != HIGH))
		perror("preparing");
	if (files.rlim_max <= HIGH) {
		puts("RLIMIT_NOFILE is too low");
		return 77;
	}
	wakes(selects, NULL); /* where the shim is, it comes to life */
	getrlimit(RLIMIT_AS, &limit);
	limit.rlim_cur = 4096;
	setrlimit(RLIMIT_AS, &limit);
	printf("with a stack of libc's: %s\n", error_name(pthread_create(&t, NULL, meets, NULL)));
	all();
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_AS, &limit);
	t = go(selects, NULL);
	settle();
	if (write(pipes[1], "x", 1) != 1)
		perror("write");
	done(t);
	return 0;
}
