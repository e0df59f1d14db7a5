/* Calls with a mask of their own: sigsuspend, ppoll, pselect, epoll_pwait; and pause. The mask counts for the wait and
 * no longer, and a signal that it lets in comes exactly then. */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "signal_test.h"

static volatile sig_atomic_t handled, blocked_inside;
static int pipe_fds[2];

static void on_signal(int sig, siginfo_t *info, void *context)
{
	sigset_t now;

	(void)info, (void)context;
	handled++;
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	blocked_inside = sigismember(&now, SIGUSR2) * 2 + sigismember(&now, sig);
}

static long by_sigsuspend(const sigset_t *mask)
{
	return sigsuspend(mask);
}

static long by_ppoll(const sigset_t *mask)
{
	struct pollfd p = {pipe_fds[0], POLLIN, 0};

	return ppoll(&p, 1, NULL, mask);
}

static long by_pselect(const sigset_t *mask)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(pipe_fds[0], &set);
	return pselect(pipe_fds[0] + 1, &set, NULL, NULL, NULL, mask);
}

static long by_epoll_pwait(const sigset_t *mask)
{
	struct epoll_event e = {.events = EPOLLIN};
	int fd = epoll_create1(0);
	long ret;

	epoll_ctl(fd, EPOLL_CTL_ADD, pipe_fds[0], &e);
	ret = epoll_pwait(fd, &e, 1, -1, mask);
	e.data.fd = errno;
	close(fd);
	errno = e.data.fd;
	return ret;
}

static long by_pause(const sigset_t *mask)
{
	pthread_sigmask(SIG_SETMASK, mask, NULL);
	return pause();
}

static const struct way {
	const char *name;
	long (*call)(const sigset_t *mask);
} ways[] = {
	{"sigsuspend", by_sigsuspend},
	{"ppoll", by_ppoll},
	{"pselect", by_pselect},
	{"epoll_pwait", by_epoll_pwait},
};

static void show(const char *name, const char *when, long ret, int err)
{
	sigset_t now, pending;

	pthread_sigmask(SIG_BLOCK, NULL, &now);
	sigpending(&pending);
	printf("%s, %s: %ld %s, handled %d, inside %d, after: USR1 blocked %d, pending %d\n", name, when, ret,
	       ret < 0 ? name_of(err) : "0", (int)handled, (int)blocked_inside, sigismember(&now, SIGUSR1),
	       sigismember(&pending, SIGUSR1));
}

/* One that was pending before; its mask lets it in and blocks another. */
static void pending_before(const struct way *w)
{
	sigset_t mask = set_of(SIGUSR2);
	long ret;

	handled = 0;
	raise(SIGUSR1);
	ret = w->call(&mask);
	show(w->name, "pending before", ret, errno);
}

static void *run(void *arg)
{
	const struct way *w = arg;
	sigset_t mask = set_of(SIGUSR2);
	long ret = w->call(&mask);

	show(w->name, "while waiting", ret, errno);
	return NULL;
}

static void while_waiting(const struct way *w)
{
	pthread_t t;

	handled = 0;
	t = spawn(run, (void *)w);
	settle();
	pthread_kill(t, SIGUSR1);
	pthread_join(t, NULL);
}

/* Ready at once: the signal stays pending. */
static void ready(const struct way *w)
{
	sigset_t mask = set_of(SIGUSR1), old;
	long ret;

	if (w->call == by_sigsuspend)
		return;
	handled = 0;
	if (write(pipe_fds[1], "x", 1) != 1)
		return;
	raise(SIGUSR1);
	ret = w->call(&mask);
	show(w->name, "ready", ret, errno);
	if (read(pipe_fds[0], &old, 1) != 1)
		return;
	mask = set_of(SIGUSR2);
	w->call(&mask);
}

static void *pauses(void *arg)
{
	sigset_t none;
	long ret;

	(void)arg;
	sigemptyset(&none);
	ret = by_pause(&none);
	show("pause", "while waiting", ret, errno);
	return NULL;
}

int main(void)
{
	sigset_t set = set_of(SIGUSR1);
	pthread_t t;

	if (pipe(pipe_fds))
		return 1;
	handle(SIGUSR1, on_signal, SA_RESTART);
	sigprocmask(SIG_BLOCK, &set, NULL);
	wake_shim();
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		pending_before(&ways[i]);
		while_waiting(&ways[i]);
		ready(&ways[i]);
	}
	handled = 0;
	t = spawn(pauses, NULL);
	settle();
	pthread_kill(t, SIGUSR1);
	pthread_join(t, NULL);
	return 0;
}
