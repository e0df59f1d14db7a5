/* pthread_cancel is a signal to a parked call: it unwinds from there, through cleanup handlers. */
#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "signal_test.h"

static int pipe_fds[2], pair[2];
static sem_t sem;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

static void by_read(void)
{
	char byte;

	if (read(pipe_fds[0], &byte, 1))
		puts("read returned");
}

static void by_recv(void)
{
	char byte;

	recv(pair[0], &byte, 1, 0);
}

static void by_poll(void)
{
	struct pollfd p = {pipe_fds[0], POLLIN, 0};

	poll(&p, 1, -1);
}

static void by_select(void)
{
	select(0, NULL, NULL, NULL, NULL);
}

static void by_sem(void)
{
	sem_wait(&sem);
}

static void unlock(void *arg)
{
	printf(" (cleanup: mutex %s)", pthread_mutex_unlock(arg) ? "not held" : "held");
}

static void by_cond(void)
{
	pthread_mutex_lock(&mutex);
	pthread_cleanup_push(unlock, &mutex);
	for (;;)
		pthread_cond_wait(&cond, &mutex);
	pthread_cleanup_pop(1);
}

static void by_sleep(void)
{
	sleep(20);
}

static void by_pause(void)
{
	pause();
}

static void by_sigwait(void)
{
	sigset_t set = set_of(SIGUSR1);
	int sig;

	sigwait(&set, &sig);
}

static void *nested(void *arg)
{
	(void)arg;
	sleep(1);
	return NULL;
}

static void by_join(void)
{
	pthread_t t = spawn(nested, NULL);

	pthread_cleanup_push((void (*)(void *))(void (*)(void))pthread_detach, (void *)t);
	pthread_join(t, NULL);
	pthread_cleanup_pop(0);
}

static void by_waitid(void)
{
	siginfo_t info;

	waitid(P_PID, (id_t)getppid(), &info, WEXITED);
	sleep(20);
}

static void by_testcancel(void)
{
	for (;;) {
		pthread_testcancel();
		sched_yield();
	}
}

static void asynchronous(void)
{
	volatile unsigned long n = 0;

	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	for (;;)
		n++, n % 1000 ? 0 : sched_yield();
}

static void disabled(void)
{
	char byte;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	printf(" (disabled: read %zd)", read(pipe_fds[0], &byte, 1));
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	pthread_testcancel();
}

static const struct way {
	const char *name;
	void (*call)(void);
} ways[] = {
	{"read", by_read},
	{"recv", by_recv},
	{"poll", by_poll},
	{"select", by_select},
	{"sem_wait", by_sem},
	{"cond_wait", by_cond},
	{"sleep", by_sleep},
	{"pause", by_pause},
	{"sigwait", by_sigwait},
	{"join", by_join},
	{"waitid", by_waitid},
	{"testcancel", by_testcancel},
	{"asynchronous", asynchronous},
	{"disabled", disabled},
};

static void cleanup(void *arg)
{
	printf(" cleanup of %s", (const char *)arg);
}

static void *run(void *arg)
{
	const struct way *w = arg;

	pthread_cleanup_push(cleanup, (void *)w->name);
	w->call();
	pthread_cleanup_pop(0);
	printf(" returned");
	return NULL;
}

int main(void)
{
	sigset_t set = set_of(SIGUSR1);

	setvbuf(stdout, NULL, _IONBF, 0);
	if (pipe(pipe_fds) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || sem_init(&sem, 0, 0))
		return 1;
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		pthread_t t;
		void *result;

		printf("%s:", ways[i].name);
		t = spawn(run, (void *)&ways[i]);
		settle();
		pthread_cancel(t);
		if (ways[i].call == disabled) {
			settle();
			if (write(pipe_fds[1], "x", 1) != 1)
				return 1;
		}
		pthread_join(t, &result);
		puts(result == PTHREAD_CANCELED ? ", canceled" : ", ended");
	}
	return 0;
}
