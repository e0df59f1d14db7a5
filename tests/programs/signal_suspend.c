/* Calls with a mask of their own: sigsuspend, ppoll, pselect, epoll_pwait; and pause. The mask counts for the wait and
 * no longer, and a signal that it lets in comes exactly then. */
#include "masked_wait.h"
#include "signal_test.h"

static volatile sig_atomic_t handled, blocked_inside;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	sigset_t now;

	(void)info, (void)context;
	handled++;
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	blocked_inside = sigismember(&now, SIGUSR2) * 2 + sigismember(&now, sig);
}

static long by_pause(const sigset_t *mask)
{
	pthread_sigmask(SIG_SETMASK, mask, NULL);
	return pause();
}

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
static void pending_before(const struct masked_wait *w)
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
	const struct masked_wait *w = arg;
	sigset_t mask = set_of(SIGUSR2);
	long ret = w->call(&mask);

	show(w->name, "while waiting", ret, errno);
	return NULL;
}

static void while_waiting(const struct masked_wait *w)
{
	pthread_t t;

	handled = 0;
	t = spawn(run, (void *)w);
	settle();
	pthread_kill(t, SIGUSR1);
	pthread_join(t, NULL);
}

/* Ready at once: the signal stays pending. */
static void ready(const struct masked_wait *w)
{
	sigset_t mask = set_of(SIGUSR1), old;
	long ret;

	if (w->call == by_sigsuspend)
		return;
	handled = 0;
	if (write(masked_ends[1], "x", 1) != 1)
		return;
	raise(SIGUSR1);
	ret = w->call(&mask);
	show(w->name, "ready", ret, errno);
	if (read(masked_ends[0], &old, 1) != 1)
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

	if (pipe(masked_ends))
		return 1;
	handle(SIGUSR1, on_signal, SA_RESTART);
	sigprocmask(SIG_BLOCK, &set, NULL);
	wake_shim();
	for (size_t i = 0; i < MASKED_WAITS; i++) {
		pending_before(&masked_waits[i]);
		while_waiting(&masked_waits[i]);
		ready(&masked_waits[i]);
	}
	handled = 0;
	t = spawn(pauses, NULL);
	settle();
	pthread_kill(t, SIGUSR1);
	pthread_join(t, NULL);
	return 0;
}
