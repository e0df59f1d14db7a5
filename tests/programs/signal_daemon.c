/* Servers: one thread waits for the signals that all block; or only main has them open. Child processes send them, and
 * one that nobody handles ends the process as natively. */
#include <poll.h>
#include <sys/wait.h>

#include "signal_test.h"

static volatile sig_atomic_t stop, hups;
static pthread_t hit;
static int quit_fds[2];

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)info, (void)context;
	hit = pthread_self();
	if (sig == SIGHUP)
		hups++;
	else
		stop = 1;
}

static void *worker(void *arg)
{
	struct pollfd p = {quit_fds[0], POLLIN, 0};

	(void)arg;
	while (poll(&p, 1, -1) < 0)
		puts("a worker was interrupted");
	return NULL;
}

static void *signal_thread(void *arg)
{
	sigset_t *set = arg;
	int sig, n = 0;

	while (!sigwait(set, &sig) && sig != SIGTERM)
		n += sig == SIGHUP;
	printf("signal thread: %d HUP, then TERM\n", n);
	if (write(quit_fds[1], "x", 1) != 1)
		perror("write");
	return NULL;
}

/* A child sends `count` HUPs, each after the one before was seen, and a TERM. */
static void send_from_child(int count)
{
	if (!fork()) {
		for (int i = 0; i < count; i++, settle())
			kill(getppid(), SIGHUP);
		kill(getppid(), SIGTERM);
		_exit(0);
	}
}

static void one_waits(void)
{
	pthread_t workers[3], waiter;
	sigset_t set = set_of(SIGHUP), old;
	int status;

	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, &old);
	for (int i = 0; i < 3; i++)
		workers[i] = spawn(worker, NULL);
	waiter = spawn(signal_thread, &set);
	settle();
	send_from_child(3);
	pthread_join(waiter, NULL);
	for (int i = 0; i < 3; i++)
		pthread_join(workers[i], NULL);
	if (read(quit_fds[0], &status, 1) != 1)
		perror("read");
	wait(NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void main_handles(void)
{
	pthread_t workers[3], main_thread = pthread_self();
	sigset_t set = set_of(SIGHUP), old;

	handle(SIGHUP, on_signal, SA_RESTART);
	handle(SIGTERM, on_signal, 0);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, &old);
	for (int i = 0; i < 3; i++)
		workers[i] = spawn(worker, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	send_from_child(2);
	while (!stop)
		sleep(20);
	printf("main: %d HUP, then TERM, handled by main %d\n", (int)hups, pthread_equal(hit, main_thread));
	if (write(quit_fds[1], "x", 1) != 1)
		perror("write");
	for (int i = 0; i < 3; i++)
		pthread_join(workers[i], NULL);
	wait(NULL);
}

/* The default action: the process ends by the signal, though every thread is parked. */
static void dies(int sig)
{
	int status;
	pid_t child = fork();

	if (!child) {
		pthread_t t;

		signal(sig, SIG_DFL);
		alarm(20);
		t = spawn(worker, NULL);
		if (!fork()) {
			settle();
			kill(getppid(), sig);
			_exit(0);
		}
		pthread_join(t, NULL);
		_exit(1);
	}
	if (waitpid(child, &status, 0) != child)
		perror("waitpid");
	printf("died: %s\n", WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : "not by a signal");
}

static void *raises(void *arg)
{
	raise(*(int *)arg);
	return NULL;
}

static void dies_by_thread(int sig)
{
	int status;
	pid_t child = fork();

	if (!child) {
		signal(sig, SIG_DFL);
		pthread_join(spawn(raises, &sig), NULL);
		_exit(1);
	}
	if (waitpid(child, &status, 0) != child)
		perror("waitpid");
	printf("a thread raised: %s\n", WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : "not by a signal");
}

int main(void)
{
	char byte;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (pipe(quit_fds))
		return 1;
	one_waits();
	main_handles();
	if (read(quit_fds[0], &byte, 1) != 1)
		return 1;
	dies(SIGTERM);
	dies(SIGRTMIN + 5);
	dies_by_thread(SIGUSR1);
	dies_by_thread(SIGABRT);
	dies_by_thread(SIGKILL);
	return 0;
}
