/* Calls on files: `files OPERATION cost [DIRECTORY]` prints what one takes in ns, `files OPERATION gap [DIRECTORY]` by how
 * many us another thread that sleeps 1 ms at a time was held up at most. The operations: see below. */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../programs/slow_fs.h"
#include "bench.h"

#define BIG (32 << 20)
#define ENTRIES 20000

static int fd, pair[2], directory_fd;
static char *buffer, path[4200];
static volatile bool over, started;
static int64_t longest_ns;

static void must(bool fine, const char *what)
{
	if (fine)
		return;
	perror(what);
	exit(1);
}

static void op_pread(void)
{
	must(pread(fd, buffer, 4096, 0) == 4096, "pread");
}

static void op_read(void)
{
	must(lseek(fd, 0, SEEK_SET) == 0, "lseek");
	must(read(fd, buffer, 65536) == 65536, "read");
}

static void op_big_read(void)
{
	must(pread(fd, buffer, BIG, 0) == BIG, "pread");
}

static void op_write(void)
{
	must(pwrite(fd, buffer, 4096, 0) == 4096, "pwrite");
}

static void op_big_write(void)
{
	must(pwrite(fd, buffer, BIG, 0) == BIG, "pwrite");
}

static void op_fsync(void)
{
	op_write();
	must(!fsync(fd), "fsync");
}

static void op_fdatasync(void)
{
	op_write();
	must(!fdatasync(fd), "fdatasync");
}

static void op_fsync_clean(void)
{
	must(!fsync(fd), "fsync");
}

static void op_direct(void)
{
	static off_t at;

	must(pread(fd, buffer, 65536, at) == 65536, "pread");
	at = (at + 65536) % BIG;
}

static void op_cold(void)
{
	must(!posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), "posix_fadvise");
	must(pread(fd, buffer, 1 << 20, 0) == 1 << 20, "pread");
}

static void op_stat(void)
{
	struct stat st;

	must(!stat(path, &st), "stat");
}

static void op_fstat(void)
{
	struct stat st;

	must(!fstat(fd, &st), "fstat");
}

static void op_open(void)
{
	int other = open(path, O_RDONLY);

	must(other >= 0 && !close(other), "open");
}

static void op_create(void)
{
	char name[4300];
	int other;

	snprintf(name, sizeof(name), "%s.new", path);
	other = open(name, O_RDWR | O_CREAT, 0600);
	must(other >= 0 && !close(other) && !unlink(name), "creat");
}

static void op_list(void)
{
	must(lseek(directory_fd, 0, SEEK_SET) == 0, "lseek");
	while (syscall(SYS_getdents64, directory_fd, buffer, 1 << 20) > 0)
		;
}

static void op_sendfile(void)
{
	off_t at = 0;

	while (at < 1 << 20)
		must(sendfile(pair[0], fd, &at, (size_t)((1 << 20) - at)) > 0, "sendfile");
}

static void op_copy(void)
{
	loff_t from = 0, to = BIG / 2;

	must(copy_file_range(fd, &from, fd, &to, BIG / 2, 0) > 0, "copy_file_range");
}

static const struct operation {
	const char *name;
	void (*run)(void);
	long times;
} operations[] = {
	{"pread", op_pread, 200000},
	{"read", op_read, 30000},
	{"big_read", op_big_read, 50},
	{"write", op_write, 100000},
	{"big_write", op_big_write, 20},
	{"fsync", op_fsync, 100},
	{"fdatasync", op_fdatasync, 100},
	{"fsync_clean", op_fsync_clean, 100},
	{"direct", op_direct, 500},
	{"cold", op_cold, 50},
	{"stat", op_stat, 200000},
	{"fstat", op_fstat, 200000},
	{"open", op_open, 100000},
	{"create", op_create, 2000},
	{"list", op_list, 20},
	{"sendfile", op_sendfile, 1000},
	{"copy", op_copy, 20},
	{"slow_read", op_pread, 50},
};

static void *tick(void *arg)
{
	struct timespec ms = {0, 1000000};

	while (!over) {
		int64_t before = now_ns(), late;

		nanosleep(&ms, NULL);
		late = now_ns() - before - 1000000;
		if (started && late > longest_ns)
			longest_ns = late;
	}
	return arg;
}

static void *drain(void *arg)
{
	char *to = malloc(1 << 20);

	while (recv(pair[1], to, 1 << 20, 0) > 0)
		;
	free(to);
	return arg;
}

static void *run(void *arg)
{
	const struct operation *o = arg;
	struct timespec ms20 = {0, 20000000};
	int64_t begin;

	o->run();
	nanosleep(&ms20, NULL);
	started = true;
	begin = now_ns();
	for (long i = 0; i < o->times; i++)
		o->run();
	begin = now_ns() - begin;
	over = true;
	return (void *)(begin / o->times);
}

static void make_entries(const char *in)
{
	char name[4300];

	for (int i = 0; i < ENTRIES; i++) {
		snprintf(name, sizeof(name), "%s/%d", in, i);
		mknod(name, S_IFREG | 0600, 0);
	}
}

static void remove_entries(const char *in)
{
	char name[4300];

	for (int i = 0; i < ENTRIES; i++) {
		snprintf(name, sizeof(name), "%s/%d", in, i);
		unlink(name);
	}
}

static void prepare(const struct operation *o, const char *in)
{
	char scratch[4100];

	snprintf(scratch, sizeof(scratch), "%s/files.XXXXXX", in);
	must(mkdtemp(scratch) != NULL, scratch);
	snprintf(path, sizeof(path), "%s/file", scratch);
	must(!posix_memalign((void **)&buffer, 4096, BIG), "memory");
	memset(buffer, 'x', BIG);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	must(fd >= 0 && pwrite(fd, buffer, BIG, 0) == BIG && !fsync(fd), path);
	if (!strcmp(o->name, "direct")) {
		close(fd);
		fd = open(path, O_RDONLY | O_DIRECT);
		must(fd >= 0, "O_DIRECT");
	}
	if (!strcmp(o->name, "list"))
		make_entries(scratch);
	directory_fd = open(scratch, O_RDONLY | O_DIRECTORY);
	must(!socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
}

static void clean_up(const struct operation *o)
{
	unlink(path);
	*strrchr(path, '/') = '\0';
	if (!strcmp(o->name, "list"))
		remove_entries(path);
	rmdir(path);
}

static const char *prepare_slow(void)
{
	const char *in = slow_fs_mount(1000);

	must(in != NULL, "FUSE");
	snprintf(path, sizeof(path), "%s/file", in);
	buffer = calloc(1, 4096);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	must(fd >= 0 && pwrite(fd, buffer, 4096, 0) == 4096, path);
	slow_fs_delay(10000);
	return in;
}

int main(int argc, char **argv)
{
	const struct operation *o = operations, *end = o + sizeof(operations) / sizeof(operations[0]);
	bool gap = argc > 2 && !strcmp(argv[2], "gap");
	const char *slow_in = NULL;
	pthread_t ticker, worker;
	void *cost;

	while (argc > 1 && o < end && strcmp(o->name, argv[1]) != 0)
		o++;
	if (argc < 3 || o == end) {
		fprintf(stderr, "usage: files OPERATION cost|gap [DIRECTORY]\n");
		return 2;
	}
	if (!strcmp(o->name, "slow_read"))
		slow_in = prepare_slow();
	else
		prepare(o, argc > 3 ? argv[3] : ".");
	if (!strcmp(o->name, "sendfile"))
		pthread_detach(go(drain, NULL));
	if (gap)
		ticker = go(tick, NULL);
	worker = go(run, (void *)o);
	pthread_join(worker, &cost);
	if (gap)
		done(ticker);
	printf("%ld\n", gap ? (long)(longest_ns / 1000) : (long)cost);
	if (slow_in)
		slow_fs_unmount(slow_in);
	else
		clean_up(o);
	return 0;
}
