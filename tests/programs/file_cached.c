/* Reads of what has just been written, and so is in the page cache; of every kind, also by sendfile. */
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "io_test.h"

#define SIZE 300000
#define ROUNDS 200

static char path[] = "/tmp/file_cached.XXXXXX", whole[SIZE];
static int fd, pair[2];

static void *drain(void *arg)
{
	static char part[65536];
	uint32_t s = SUM_START;
	long n, all = 0;

	while ((n = read(pair[1], part, sizeof(part))) > 0) {
		s = sum(part, (size_t)n, s);
		all += n;
	}
	printf("drained %ld: %08x\n", all, s);
	return arg;
}

static void *run(void *arg)
{
	static char part[SIZE];
	struct iovec two[2] = {{part, 100}, {part + 100, SIZE - 100}};
	off_t at = 0;
	uint32_t s = SUM_START;

	for (int i = 0; i < ROUNDS; i++) {
		lseek(fd, 0, SEEK_SET);
		must("read", read_n(fd, part, SIZE) == SIZE && !read(fd, part, 1));
		must("pread", pread(fd, part, SIZE, 0) == SIZE && preadv(fd, two, 2, 0) == SIZE);
		s = sum(part, SIZE, s);
	}
	printf("read: %08x\n", s);
	while (at < SIZE)
		must("sendfile", sendfile(pair[0], fd, &at, SIZE) > 0);
	return arg;
}

int main(void)
{
	pthread_t reader;

	begin();
	fd = mkstemp(path);
	fill(whole, SIZE);
	must(path, fd >= 0 && write(fd, whole, SIZE) == SIZE);
	close(fd);
	must("socketpair", !socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	reader = spawn(drain, NULL);
	fd = open(path, O_RDONLY);
	join(spawn(run, NULL));
	shutdown(pair[0], SHUT_WR);
	join(reader);
	unlink(path);
	return 0;
}
