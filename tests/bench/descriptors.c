/* A wait for one of many descriptors. Argument: how many (1000). One thread writes to one after the other, and waits for an
 * answer each time. Prints the ns of that: where a thread waits in poll for all of them, where one waits in epoll_wait, and
 * where each has a thread that reads it. */
#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bench.h"

static int *fds, set;
static long many, turns;
static sem_t answered;

static void take(int fd)
{
	uint64_t value;

	if (read(fd, &value, sizeof(value)) != sizeof(value))
		abort();
	sem_post(&answered);
}

static void *by_poll(void *arg)
{
	struct pollfd *polled = calloc((size_t)many, sizeof(*polled));

	for (long i = 0; i < many; i++)
		polled[i] = (struct pollfd){.fd = fds[i], .events = POLLIN};
	for (long i = 0; i < turns; i++) {
		long k = 0;

		if (poll(polled, (nfds_t)many, -1) != 1)
			abort();
		while (!polled[k].revents)
			k++;
		take(fds[k]);
	}
	free(polled);
	return arg;
}

static void *by_epoll(void *arg)
{
	struct epoll_event event;

	for (long i = 0; i < turns; i++) {
		if (epoll_wait(set, &event, 1, -1) != 1)
			abort();
		take(event.data.fd);
	}
	return arg;
}

static void *by_read(void *arg)
{
	for (long i = (long)arg; i < turns; i += many)
		take(fds[i % many]);
	return arg;
}

static void write_all(void)
{
	uint64_t value = 1;
	int64_t begin = now_ns();

	for (long i = 0; i < turns; i++) {
		if (write(fds[i % many], &value, sizeof(value)) != sizeof(value))
			abort();
		while (sem_wait(&answered))
			;
	}
	printf("%.1f ", (double)(now_ns() - begin) / (double)turns);
}

static void measure(void *(*run)(void *), long threads, long n)
{
	pthread_t *t = calloc((size_t)threads, sizeof(*t));

	turns = n;
	for (long i = 0; i < threads; i++)
		t[i] = go(run, (void *)i);
	usleep(200000);
	write_all();
	for (long i = 0; i < threads; i++)
		done(t[i]);
	free(t);
}

int main(int argc, char **argv)
{
	many = times(argc, argv, 1000);
	fds = calloc((size_t)many, sizeof(*fds));
	set = epoll_create1(EPOLL_CLOEXEC);
	sem_init(&answered, 0, 0);
	for (long i = 0; i < many; i++) {
		struct epoll_event event = {.events = EPOLLIN};

		event.data.fd = fds[i] = eventfd(0, EFD_CLOEXEC);
		if (fds[i] < 0 || epoll_ctl(set, EPOLL_CTL_ADD, fds[i], &event))
			abort();
	}
	measure(by_poll, 1, many < 1000 ? 5000 : 5000000 / many);
	measure(by_epoll, 1, 20000);
	measure(by_read, many, 20000 < many ? many : 20000);
	putchar('\n');
	return 0;
}
