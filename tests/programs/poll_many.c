/* Many threads poll many descriptors at once: each is woken by its own; one descriptor wakes all who poll it; the same
 * descriptor twice in one call; one that another thread closes. */
#include <poll.h>
#include <sys/eventfd.h>

#include "wait_test.h"

#define THREADS 50
#define FDS 16

static int fds[THREADS][FDS];
static int common;
static unsigned long woken_by_own, woken_by_common;

static void *poll_own(void *arg)
{
	int *mine = arg;
	struct pollfd p[FDS];
	uint64_t value, got = 0;

	while (got < FDS) {
		for (int i = 0; i < FDS; i++)
			p[i] = (struct pollfd){.fd = mine[i], .events = POLLIN};
		if (poll(p, FDS, -1) < 1)
			abort();
		for (int i = 0; i < FDS; i++)
			if (p[i].revents && read(mine[i], &value, sizeof(value)) == sizeof(value))
				got += value;
			else if (p[i].revents)
				abort();
	}
	__atomic_add_fetch(&woken_by_own, got, __ATOMIC_SEQ_CST);
	return NULL;
}

static void *poll_common(void *arg)
{
	struct pollfd p[2] = {{.fd = common, .events = POLLIN}, {.fd = common, .events = POLLRDNORM}};

	if (poll(p, 2, -1) == 2)
		__atomic_add_fetch(&woken_by_common, 1, __ATOMIC_SEQ_CST);
	return arg;
}

/* poll looks at the numbers again when something happens: by then it is not open. */
static void *poll_closed(void *arg)
{
	struct pollfd p[2] = {{.fd = *(int *)arg, .events = POLLIN}, {.fd = common, .events = POLLIN}};

	return (void *)(long)(poll(p, 2, 3000) + 100 * (p[0].revents == POLLNVAL) + 1000 * (p[1].revents == POLLIN));
}

int main(void)
{
	pthread_t t[THREADS];
	uint64_t one = 1;
	int closed;

	for (int i = 0; i < THREADS; i++)
		for (int j = 0; j < FDS; j++)
			fds[i][j] = eventfd(0, EFD_NONBLOCK);
	for (int i = 0; i < THREADS; i++)
		t[i] = go(poll_own, fds[i]);
	for (int j = 0; j < FDS; j++)
		for (int i = 0; i < THREADS; i++) {
			if (write(fds[i][(j * 7 + i) % FDS], &one, sizeof(one)) != sizeof(one))
				abort();
			if (i % 10 == 0)
				nap(0);
		}
	for (int i = 0; i < THREADS; i++)
		done(t[i]);
	printf("each by its own: %lu\n", woken_by_own);

	common = eventfd(0, 0);
	for (int i = 0; i < THREADS; i++)
		t[i] = go(poll_common, NULL);
	nap(50);
	if (write(common, &one, sizeof(one)) < 0)
		abort();
	for (int i = 0; i < THREADS; i++)
		done(t[i]);
	printf("all by one: %lu\n", woken_by_common);

	if (read(common, &one, sizeof(one)) < 0)
		abort();
	closed = eventfd(0, 0);
	t[0] = go(poll_closed, &closed);
	nap(30);
	close(closed);
	nap(30);
	one = 1;
	if (write(common, &one, sizeof(one)) < 0)
		abort();
	printf("one closed meanwhile: %ld\n", done(t[0]));
	return 0;
}
