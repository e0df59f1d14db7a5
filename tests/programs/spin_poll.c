/* Two threads hand a number to and fro, and each asks of a pipe and a socket before it waits for it without a call: only
 * those that run at the same time get ahead. Another thread is in sigwait meanwhile. */
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

#include "thread_test.h"

#define ROUNDS 300

static atomic_int turn;
static int channel[2], pair[2];
static sigset_t usr1;

static void *in_sigwait(void *arg)
{
	int signal = 0, err = sigwait(&usr1, &signal);

	printf("sigwait: %d, signal %d\n", err, signal == SIGUSR1);
	return arg;
}

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

int main(void)
{
	pthread_t waiter, t;

	if (pipe(channel) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return 1;
	sigemptyset(&usr1);
	sigaddset(&usr1, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &usr1, NULL);
	waiter = go(in_sigwait, NULL);
	usleep(50000); /* it is there by now */
	t = go(other, NULL);
	play(0);
	done(t);
	pthread_kill(waiter, SIGUSR1);
	done(waiter);
	printf("rounds: %d, turn %d\n", ROUNDS, turn);
	return 0;
}
