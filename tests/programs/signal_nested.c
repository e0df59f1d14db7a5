/* Handlers that do what programs do in them: fork, leave the thread, be interrupted, switch contexts; set*id among
 * threads; many signals at once. */
#include <grp.h>
#include <semaphore.h>
#include <sys/wait.h>
#include <ucontext.h>

#include "signal_test.h"

static volatile sig_atomic_t inner, counted;
static sem_t sem;
static int pipe_fds[2];

static void parks(int sig, siginfo_t *info, void *context)
{
	char byte;

	(void)sig, (void)info, (void)context;
	while (read(pipe_fds[0], &byte, 1) < 0)
		inner += errno == EINTR;
}

static void counts(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)info, (void)context;
	__atomic_add_fetch(&counted, 1, __ATOMIC_SEQ_CST); /* in several threads at once */
}

static void *waits(void *arg)
{
	int ret = sem_wait(&sem), err = errno;

	printf("%s: sem_wait %d %s, interrupted inside %d, counted %d\n", (char *)arg, ret, ret ? name_of(err) : "0",
	       (int)inner, (int)counted);
	return NULL;
}

/* A handler that is parked is interrupted by another signal. */
static void interrupted_handler(void)
{
	pthread_t t;

	handle(SIGUSR1, parks, 0);
	handle(SIGUSR2, counts, 0);
	t = spawn(waits, "a parked handler");
	settle();
	pthread_kill(t, SIGUSR1);
	for (int i = 0; i < 3; i++) {
		settle();
		pthread_kill(t, SIGUSR2);
	}
	settle();
	if (write(pipe_fds[1], "x", 1) == 1)
		pthread_join(t, NULL);
}

static void forks(int sig, siginfo_t *info, void *context)
{
	int status;
	pid_t child = fork();

	(void)sig, (void)info, (void)context;
	if (!child)
		return;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	printf("the child that returned from the handler: %d\n", WEXITSTATUS(status));
	fflush(stdout);
}

static void *forks_in_handler(void *arg)
{
	pid_t self = getpid();
	sigset_t now;
	int ret;

	(void)arg;
	ret = sem_wait(&sem);
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	if (getpid() != self) {
		counted = 0;
		raise(SIGUSR2);
		_exit(40 + (ret < 0 && errno == EINTR) + 2 * (counted == 1) + 4 * sigismember(&now, SIGUSR1));
	}
	printf("the parent: %d, USR1 blocked %d\n", ret, sigismember(&now, SIGUSR1));
	return NULL;
}

static void exits(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)info, (void)context;
	pthread_exit("left in the handler");
}

static void cleanup(void *arg)
{
	printf("cleanup: %s\n", (char *)arg);
}

static void *exits_in_handler(void *arg)
{
	(void)arg;
	pthread_cleanup_push(cleanup, "of the thread that left");
	sem_wait(&sem);
	pthread_cleanup_pop(0);
	return "returned";
}

static ucontext_t before;
static volatile int passes;

static void switches(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)info, (void)context;
	setcontext(&before);
}

static void *switches_context(void *arg)
{
	sigset_t now;

	(void)arg;
	getcontext(&before);
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	printf("pass %d, USR1 blocked %d\n", ++passes, sigismember(&now, SIGUSR1));
	if (passes < 3)
		sem_wait(&sem);
	return NULL;
}

static void directed(void (*handler)(int, siginfo_t *, void *), void *(*run)(void *), int times)
{
	void *result;
	pthread_t t;

	handle(SIGUSR1, handler, 0);
	t = spawn(run, NULL);
	for (int i = 0; i < times; i++) {
		settle();
		pthread_kill(t, SIGUSR1);
	}
	pthread_join(t, &result);
	if (result)
		printf("result: %s\n", (char *)result);
}

static void *idles(void *arg)
{
	(void)arg;
	while (sem_wait(&sem) && errno == EINTR)
		;
	return NULL;
}

/* glibc tells every thread and waits for each. */
static void set_ids(void)
{
	pthread_t t[3];
	gid_t group = getgid();

	for (int i = 0; i < 3; i++)
		t[i] = spawn(idles, NULL);
	settle();
	printf("setuid %d, setgid %d, setgroups %d\n", setuid(getuid()), setgid(getgid()),
	       getuid() ? 0 : setgroups(1, &group));
	for (int i = 0; i < 3; i++)
		sem_post(&sem);
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
}

/* Real-time signals, one by one, none lost. */
static void many(void)
{
	sigset_t set = set_of(SIGRTMIN), old;
	pthread_t t = spawn(idles, NULL);

	handle(SIGRTMIN, counts, SA_RESTART);
	counted = 0;
	settle();
	for (int i = 0; i < 500; i++)
		pthread_sigqueue(t, SIGRTMIN, (union sigval){.sival_int = i});
	for (int i = 0; i < 500; i++)
		sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i});
	pthread_sigmask(SIG_BLOCK, &set, &old);
	for (int i = 0; i < 500; i++)
		sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i});
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	while (counted < 1500)
		usleep(1000);
	printf("counted %d\n", (int)counted);
	sem_post(&sem);
	pthread_join(t, NULL);
}

static void *waits_for_term(void *arg)
{
	sigset_t set = set_of(SIGTERM);
	int sig;

	(void)arg;
	sigwait(&set, &sig);
	printf("sigwait: %d\n", sig);
	return NULL;
}

/* The daemon's pattern costs nothing while nothing happens. */
static void idle(void)
{
	sigset_t set = set_of(SIGTERM);
	struct timespec from, to;
	pthread_t t;

	pthread_sigmask(SIG_BLOCK, &set, NULL);
	t = spawn(waits_for_term, NULL);
	settle();
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	sleep(1);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	printf("idle: %d\n", (to.tv_sec - from.tv_sec) * 1000 + (to.tv_nsec - from.tv_nsec) / 1000000 < 200);
	kill(getpid(), SIGTERM);
	pthread_join(t, NULL);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	if (pipe(pipe_fds) || sem_init(&sem, 0, 0))
		return 1;
	wake_shim();
	interrupted_handler();
	directed(forks, forks_in_handler, 1);
	directed(exits, exits_in_handler, 1);
	directed(switches, switches_context, 2);
	set_ids();
	many();
	idle();
	return 0;
}
