/* Calls that a signal cuts short, beside a thread that only computes: nobody sent one. */
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "thread_test.h"

#define ROUNDS 40
#define LOOKS 1000
#define SIZE (1 << 20)

static atomic_bool over;
static char bytes[8 * SIZE];
static int channel[2];

static void *compute(void *arg)
{
	while (!over)
		;
	return arg;
}

static int looks_cut(int (*look)(void))
{
	int cut = 0;

	for (int i = 0; i < LOOKS; i++)
		cut += look() != 0;
	return cut;
}

static int look_by_select(void)
{
	struct timeval none = {0, 0};
	fd_set readable;

	FD_ZERO(&readable);
	FD_SET(channel[0], &readable);
	return select(channel[0] + 1, &readable, NULL, NULL, &none);
}

static int look_by_poll(void)
{
	struct pollfd fd = {channel[0], POLLIN, 0};

	return poll(&fd, 1, 0);
}

static bool is_cut(const char *path, bool in_two)
{
	struct iovec parts[] = {{bytes, 5000}, {bytes + 5000, sizeof(bytes) / 2 - 5000}};
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t want = in_two ? sizeof(bytes) / 2 : sizeof(bytes) / 4,
		got = in_two ? readv(fd, parts, 2) : read(fd, bytes, (size_t)want);

	close(fd);
	return got != want;
}

static bool fallocate_fails(void)
{
	int fd = memfd_create("room", MFD_CLOEXEC);
	bool fails = fallocate(fd, 0, 0, 32 * SIZE);

	close(fd);
	return fails;
}

static bool copies_are_cut(void)
{
	int from = memfd_create("from", MFD_CLOEXEC), to = memfd_create("to", MFD_CLOEXEC),
	    null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	bool cut = ftruncate(from, sizeof(bytes)) || sendfile(to, from, &(off_t){0}, sizeof(bytes)) != sizeof(bytes) ||
		   sendfile(null, from, &(off_t){0}, sizeof(bytes)) != sizeof(bytes) ||
		   copy_file_range(from, &(loff_t){0}, to, &(loff_t){0}, sizeof(bytes), 0) != sizeof(bytes);

	close(from);
	close(to);
	close(null);
	return cut;
}

int main(void)
{
	int copies = 0, selects = 0, polls = 0, random = 0, reads = 0, vectors = 0, room = 0;
	pthread_t t;

	if (pipe(channel))
		return 1;
	t = go(compute, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		selects += looks_cut(look_by_select);
		polls += looks_cut(look_by_poll);
		random += getrandom(bytes, SIZE, 0) != SIZE;
		reads += is_cut("/dev/zero", false) + is_cut("/dev/urandom", false);
		vectors += is_cut("/dev/zero", true);
		room += fallocate_fails();
		copies += copies_are_cut();
	}
	over = true;
	done(t);
	printf("cut: %d selects, %d polls, %d of getrandom, %d reads, %d by vectors, %d fallocates, %d copies\n",
	       selects, polls, random, reads, vectors, room, copies);
	return 0;
}
