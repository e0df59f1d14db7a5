/* Two threads that hand a number to and fro, and wait for it without a call: only those that run at the same time get ahead.
 * With an argument each asks of a pipe and a socket before, and another thread is in sigwait meanwhile. */
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include "thread_test.h"

#define ROUNDS 300

static atomic_int turn;
static bool asks;
static int channel[2], pair[2];
static sigset_t usr1;

static void ask(void)
{
	struct pollfd fds[] = {{channel[0], POLLIN, 0}, {pair[0], POLLOUT, 0}};
	struct timeval none = {0, 0};
	fd_set readable;

	if (poll(fds, 2, 0) != 1 || fds[1].revents != POLLOUT)
		abort();
	FD_ZERO(&readable);
	FD_SET(channel[0], &readable);
	if (select(channel[0] + 1, &readable, NULL, NULL, &none))
		abort();
}

static void play(int mine)
{
	for (int i = 0; i < ROUNDS; i++) {
		if (asks)
			ask();
		while (atomic_load_explicit(&turn, memory_order_acquire) != mine)
			;
		atomic_store_explicit(&turn, !mine, memory_order_release);
	}
}

static void *other(void *arg)
{
	play(1);
	return arg;
}

static void *in_sigwait(void *arg)
{
	int signal = 0, err = sigwait(&usr1, &signal);

	printf("sigwait: %d, signal %d\n", err, signal == SIGUSR1);
	return arg;
}

static pthread_t start_asking(void)
{
	pthread_t waiter;

	if (pipe(channel) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		abort();
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &usr1, NULL);
	waiter = go(in_sigwait, NULL);
	usleep(50000); /* it is there by now */
	return waiter;
}

int main(int argc, char **argv)
{
	pthread_t waiter, t;

	(void)argv;
	asks = argc > 1;
	waiter = asks ? start_asking() : pthread_self();
	t = go(other, NULL);
	play(0);
	done(t);
	if (asks) {
		pthread_kill(waiter, SIGUSR1);
		done(waiter);
	}
	printf("rounds: %d, turn %d\n", ROUNDS, turn);
	return 0;
}
