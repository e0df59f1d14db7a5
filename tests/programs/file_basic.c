/* Calls on ordinary files by many threads: positions, appending, what is not in the page cache, errors, the signals and
 * limits that come with them, an open that waits for another process's lease. */
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "io_test.h"

#define THREADS 8
#define BLOCK (3 * 4096 + 100) /* never whole pages */
#define BLOCKS 400

static char path[] = "/tmp/file_basic.XXXXXX";
static int fd;
static unsigned char seen[BLOCKS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void number(unsigned char *block, int n)
{
	for (int i = 0; i < BLOCK; i++)
		block[i] = (unsigned char)(n * 7 + i / 100);
	memcpy(block, &n, sizeof(n));
}

static bool is_numbered(const unsigned char *block, int *n)
{
	static _Thread_local unsigned char whole[BLOCK];

	memcpy(n, block, sizeof(*n));
	if (*n < 0 || *n >= BLOCKS)
		return false;
	number(whole, *n);
	return !memcmp(block, whole, BLOCK);
}

static void write_file(int to)
{
	static unsigned char block[BLOCK];

	for (int n = 0; n < BLOCKS; n++) {
		number(block, n);
		must("write", write(to, block, BLOCK) == BLOCK);
	}
}

/* Every other of the file's pages is thrown out of the cache: reads find a part. */
static void cool(int of)
{
	fdatasync(of);
	for (off_t at = 0; at < (off_t)BLOCKS * BLOCK; at += 65536)
		posix_fadvise(of, at, 32768, POSIX_FADV_DONTNEED);
}

/* Each block goes to one reader as a whole, whatever the number of the descriptor. */
static void *read_blocks(void *arg)
{
	int from = *(int *)arg, n;
	unsigned char block[BLOCK];
	long got, bad = 0;

	while ((got = read(from, block, BLOCK)) > 0) {
		if (got != BLOCK || !is_numbered(block, &n)) {
			bad++;
			continue;
		}
		pthread_mutex_lock(&lock);
		seen[n]++;
		pthread_mutex_unlock(&lock);
		if (n % 50 == 0)
			cool(from);
	}
	return (void *)bad;
}

static void share(const char *what, int a, int b)
{
	int from[2] = {a, b};
	pthread_t t[THREADS];
	long bad = 0;
	int once = 0;

	memset(seen, 0, sizeof(seen));
	lseek(a, 0, SEEK_SET);
	cool(a);
	for (int i = 0; i < THREADS; i++)
		t[i] = spawn(read_blocks, &from[i % 2]);
	for (int i = 0; i < THREADS; i++)
		bad += join(t[i]);
	for (int i = 0; i < BLOCKS; i++)
		once += seen[i] == 1;
	printf("%s: %d blocks once, %ld torn, at %s\n", what, once, bad,
	       lseek(a, 0, SEEK_CUR) == (off_t)BLOCKS * BLOCK ? "the end" : "ANOTHER PLACE");
}

static void positions(void)
{
	int copy = dup(fd), fresh = open(path, O_RDONLY), twin = dup(fresh), status;
	pid_t child;

	share("one descriptor", fresh, fresh);
	share("two of one file", fresh, twin);
	share("made long ago", fd, copy);
	child = fork(); /* from here on another process could have it */
	if (!child)
		_exit(0);
	waitpid(child, &status, 0);
	share("since a fork", fresh, fresh);
	close(copy);
	close(fresh);
	close(twin);
}

static void *read_at(void *arg)
{
	unsigned char block[BLOCK];
	long bad = 0, first = (long)arg;
	int n;

	for (int i = 0; i < BLOCKS; i++) {
		int wanted = (int)((first * 50 + i * 7) % BLOCKS);
		struct iovec two[2] = {{block, 1000}, {block + 1000, BLOCK - 1000}};
		off_t at = (off_t)wanted * BLOCK;
		long got = i % 3 == 0	? pread(fd, block, BLOCK, at)
			   : i % 3 == 1 ? preadv(fd, two, 2, at)
					: preadv2(fd, two, 2, at, 0);

		bad += got != BLOCK || !is_numbered(block, &n) || n != wanted;
		if (i % 40 == 0)
			cool(fd);
	}
	return (void *)bad;
}

static void elsewhere(void)
{
	pthread_t t[THREADS];
	char end[BLOCK];
	long bad = 0;

	lseek(fd, 12, SEEK_SET);
	for (long i = 0; i < THREADS; i++)
		t[i] = spawn(read_at, (void *)i);
	for (int i = 0; i < THREADS; i++)
		bad += join(t[i]);
	printf("pread: %ld wrong, position %ld\n", bad, (long)lseek(fd, 0, SEEK_CUR));
	show("pread, half beyond the end", pread(fd, end, BLOCK, (off_t)BLOCKS * BLOCK - 40));
	show("pread, beyond the end", pread(fd, end, BLOCK, (off_t)BLOCKS * BLOCK + 40));
	show("pread, EINVAL", pread(fd, end, BLOCK, -1));
	show("pread, EFAULT", pread(fd, nowhere, BLOCK, 0));
	show("pread, EBADF", pread(12345, end, BLOCK, 0));
	show("pread, ESPIPE", pread(open("/dev/null", O_RDONLY), end, 1, 0));
}

static void *append(void *arg)
{
	unsigned char block[BLOCK];

	for (int n = (int)(long)arg; n < BLOCKS; n += THREADS) {
		number(block, n);
		must("append", write(fd, block, BLOCK) == BLOCK);
	}
	return NULL;
}

static void appending(void)
{
	pthread_t t[THREADS];
	int before = fd;

	must("ftruncate", !ftruncate(fd, 0));
	fd = open(path, O_RDWR | O_APPEND);
	for (long i = 0; i < THREADS; i++)
		t[i] = spawn(append, (void *)i);
	for (int i = 0; i < THREADS; i++)
		join(t[i]);
	share("appended", fd, fd);
	close(fd);
	fd = before;
}

static void *write_at(void *arg)
{
	unsigned char block[BLOCK];
	struct iovec two[2] = {{block, 5000}, {block + 5000, BLOCK - 5000}};

	for (int n = (int)(long)arg; n < BLOCKS; n += THREADS) {
		number(block, n);
		must("pwrite", (n % 2 ? pwrite(fd, block, BLOCK, (off_t)n * BLOCK)
				      : pwritev(fd, two, 2, (off_t)n * BLOCK)) == BLOCK);
	}
	return NULL;
}

static void writing(void)
{
	pthread_t t[THREADS];

	must("ftruncate", !ftruncate(fd, 0));
	lseek(fd, 0, SEEK_SET);
	for (long i = 0; i < THREADS; i++)
		t[i] = spawn(write_at, (void *)i);
	for (int i = 0; i < THREADS; i++)
		join(t[i]);
	show("the position after pwrite", lseek(fd, 0, SEEK_CUR));
	share("written", fd, fd);
}

static void errors(void)
{
	int reading = open(path, O_RDONLY), directory = open("/tmp", O_RDONLY | O_DIRECTORY);
	char data[16];
	struct stat st;

	show("write, EBADF", write(reading, data, 1));
	show("read, EISDIR", read(directory, data, 1));
	show("read, EFAULT", read(reading, nowhere, 16));
	show("write, EFAULT", write(fd, nowhere, 16));
	show("open, ENOENT", open("/tmp/there/is/none", O_RDONLY));
	show("open, ENOTDIR", open("/dev/null/x", O_RDONLY));
	show("open, EFAULT", open(nowhere, O_RDONLY));
	show("stat, EFAULT", stat(nowhere, &st));
	show("mkdir, EEXIST", mkdir("/tmp", 0700));
	show("lseek, EINVAL", lseek(fd, 0, 99));
	show("lseek, the end", lseek(fd, 0, SEEK_END));
	show("fsync, EINVAL", fsync(open("/dev/null", O_RDONLY)));
	show("fsync, EBADF", fsync(-1));
	close(reading);
	close(directory);
}

static _Thread_local int wrote_too_much;

static void on_limit(int sig)
{
	wrote_too_much = sig;
}

/* The signal is for the thread that wrote. */
static void *write_beyond(void *arg)
{
	char data[8192] = "";

	show("up to RLIMIT_FSIZE", pwrite(fd, data, sizeof(data), (off_t)BLOCKS * BLOCK - 4096));
	show("beyond", pwrite(fd, data, sizeof(data), (off_t)BLOCKS * BLOCK));
	printf("the signal came here: %s\n", wrote_too_much == SIGXFSZ ? "yes" : "no");
	return arg;
}

static void limits(void)
{
	struct rlimit before, now;
	struct sigaction act = {.sa_handler = on_limit};

	sigaction(SIGXFSZ, &act, NULL);
	getrlimit(RLIMIT_FSIZE, &before);
	now = before;
	now.rlim_cur = (rlim_t)BLOCKS * BLOCK;
	setrlimit(RLIMIT_FSIZE, &now);
	join(spawn(write_beyond, NULL));
	printf("and not here: %s\n", wrote_too_much ? "no" : "yes");
	signal(SIGXFSZ, SIG_IGN);
	show("ignored", pwrite(fd, "x", 1, (off_t)BLOCKS * BLOCK));
	setrlimit(RLIMIT_FSIZE, &before);
}

static volatile int opened;

static void *open_leased(void *arg)
{
	int new = open(path, O_RDWR);

	opened = 1;
	show("open of what was leased", new < 0 ? -1 : 0);
	return arg;
}

static void on_break(int sig)
{
	(void)sig;
}

/* Another process has the file for itself, until it is told to let go. */
static void lease(void)
{
	int say[2], tell[2], status;
	char c = 0;
	pthread_t t;
	pid_t child;

	close(fd);
	must("pipe", !pipe(say) && !pipe(tell));
	child = fork();
	if (!child) {
		signal(SIGIO, on_break);
		close(tell[1]);
		for (int other = 3; other < 64; other++)
			if (other != tell[0] && other != say[1])
				close(other);
		fd = open(path, O_RDWR);
		c = fcntl(fd, F_SETLEASE, F_WRLCK) ? 'n' : 'y';
		if (write(say[1], &c, 1) != 1)
			_exit(1);
		while (read(tell[0], &c, 1) < 0 && errno == EINTR)
			;
		fcntl(fd, F_SETLEASE, F_UNLCK);
		_exit(0);
	}
	must("the child", read(say[0], &c, 1) == 1);
	if (c == 'y') {
		t = spawn(open_leased, NULL);
		settle();
		printf("while a lease is held: %s\n", opened ? "opened" : "waits");
		must("tell", write(tell[1], "", 1) == 1);
		join(t);
	} else {
		close(tell[1]);
		printf("no leases here\n");
	}
	waitpid(child, &status, 0);
	fd = open(path, O_RDWR);
}

int main(int argc, char **argv)
{
	(void)argv;
	begin();
	fd = mkstemp(path);
	must(path, fd >= 0);
	write_file(fd);
	positions();
	elsewhere();
	appending();
	writing();
	errors();
	limits();
	if (argc > 1)
		lease();
	unlink(path);
	return 0;
}
