/* Calls on a file system that takes its time, in one thread, while another goes on. With an argument: "sync" only those
 * that write to the disk, "exit" and "exec" end while such a call is under way. 77 where no file system can be made. */
#include <dirent.h>
#include <sys/uio.h>

#include "slow_fs.h"
#include "wait_test.h"

static const char *directory;
static char path[128], other[128];
static int fd, spare;
static volatile bool over;

static long do_read(void)
{
	char data[16];

	return read(fd, data, sizeof(data));
}

static long do_pread(void)
{
	char data[16];

	return pread(fd, data, sizeof(data), 4);
}

static long do_readv(void)
{
	char a[2], b[16];
	struct iovec v[2] = {{a, sizeof(a)}, {b, sizeof(b)}};

	return preadv(fd, v, 2, 1);
}

static long do_write(void)
{
	return write(fd, "12345678", 8);
}

static long do_pwrite(void)
{
	return pwrite(fd, "abc", 3, 1);
}

static long do_writev(void)
{
	struct iovec v[2] = {{"xy", 2}, {"z", 1}};

	return pwritev(fd, v, 2, 2);
}

static long do_fsync(void)
{
	return fsync(fd);
}

static long do_fdatasync(void)
{
	return fdatasync(fd);
}

static long do_open(void)
{
	int new = open(path, O_RDONLY);

	return new < 0 || close(new) ? -1 : 0;
}

static long do_create(void)
{
	int new = open(other, O_RDWR | O_CREAT, 0600);

	return new < 0 || close(new) ? -1 : 0;
}

static long do_close(void)
{
	return close(spare);
}

static long do_stat(void)
{
	struct stat st;

	return stat(path, &st) ? -1 : st.st_size;
}

static long do_fstat(void)
{
	struct stat st;

	return fstat(fd, &st) ? -1 : st.st_size;
}

static long do_access(void)
{
	return access(other, R_OK);
}

static long do_rename(void)
{
	char to[160];

	snprintf(to, sizeof(to), "%s.new", other);
	return rename(other, to) || rename(to, other) ? -1 : 0;
}

static long do_unlink(void)
{
	return unlink(other);
}

static long do_truncate(void)
{
	return truncate(path, 64);
}

static long do_ftruncate(void)
{
	return ftruncate(fd, 32);
}

static long do_fallocate(void)
{
	return fallocate(fd, 0, 0, 64);
}

static long do_list(void)
{
	DIR *d = opendir(directory);
	long n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static long do_statfs(void)
{
	struct statfs st;

	return statfs(path, &st) ? -1 : st.f_bsize;
}

static const struct call {
	const char *name;
	unsigned opcode;
	long (*run)(void);
	bool is_sync;
} calls[] = {
	{"fsync", FUSE_FSYNC, do_fsync, true},
	{"fdatasync", FUSE_FSYNC, do_fdatasync, true},
	{"write", FUSE_WRITE, do_write, false},
	{"pwrite", FUSE_WRITE, do_pwrite, false},
	{"pwritev", FUSE_WRITE, do_writev, false},
	{"read", FUSE_READ, do_read, false},
	{"pread", FUSE_READ, do_pread, false},
	{"preadv", FUSE_READ, do_readv, false},
	{"open", FUSE_OPEN, do_open, false},
	{"close", FUSE_FLUSH, do_close, false},
	{"stat", FUSE_LOOKUP, do_stat, false},
	{"fstat", FUSE_GETATTR, do_fstat, false},
	{"creat", FUSE_CREATE, do_create, false},
	{"access", FUSE_LOOKUP, do_access, false},
	{"rename", FUSE_RENAME, do_rename, false},
	{"getdents", FUSE_READDIR, do_list, false},
	{"unlink", FUSE_UNLINK, do_unlink, false},
	{"truncate", FUSE_SETATTR, do_truncate, false},
	{"ftruncate", FUSE_SETATTR, do_ftruncate, false},
	{"fallocate", FUSE_FALLOCATE, do_fallocate, false},
	{"statfs", FUSE_STATFS, do_statfs, false},
};

static void *make_call(void *arg)
{
	const struct call *c = arg;

	printf("%s: %s\n", c->name, outcome(c->run()));
	over = true;
	return NULL;
}

/* The call is under way: is this thread, are others, on their way too? */
static void look_around(const char *name)
{
	unsigned long before = ticks;

	for (int i = 0; i < 1000 && ticks - before < 3 && !over; i++)
		nap(1);
	printf("%s: %s\n", name,
	       over		     ? "IT HAD TO END FIRST"
	       : ticks - before >= 3 ? "others go on"
				     : "OTHERS STAND STILL");
}

static void while_others_go_on(const struct call *c)
{
	pthread_t t;

	over = false;
	slow_fs_hold(c->opcode);
	t = go(make_call, (void *)c);
	slow_fs_held();
	look_around(c->name);
	slow_fs_let_go();
	done(t);
}

static void *read_to_end(void *arg)
{
	char data[16];
	long ret = read(fd, data, sizeof(data));

	printf("%s: %s\n", (const char *)arg, outcome(ret));
	over = true;
	pthread_testcancel();
	return NULL;
}

static pthread_t held_read(const char *name)
{
	pthread_t t;

	over = false;
	lseek(fd, 0, SEEK_SET);
	slow_fs_hold(FUSE_READ);
	t = go(read_to_end, (void *)name);
	slow_fs_held();
	return t;
}

/* This file system lets signals interrupt; and says EINTR, which is not restarted. */
static void signals(void)
{
	pthread_t t;

	handle(SIGUSR1, 0);
	t = held_read("signal");
	pthread_kill(t, SIGUSR1);
	done(t);
	handle(SIGUSR1, SA_RESTART);
	t = held_read("signal, SA_RESTART");
	pthread_kill(t, SIGUSR1);
	done(t);
	t = held_read("cancellation");
	pthread_cancel(t);
	printf("cancelled: %s\n", done(t) == (long)PTHREAD_CANCELED ? "yes" : "no");
}

static void process_meanwhile(void)
{
	pthread_t t = held_read("fork");
	pid_t child = fork();
	int status = 0;

	if (!child)
		_exit(over ? 1 : 0);
	waitpid(child, &status, 0);
	printf("the child: %d\n", WEXITSTATUS(status));
	slow_fs_let_go();
	done(t);
}

static void close_meanwhile(void)
{
	int first = fd, new;
	pthread_t t = held_read("close");

	printf("close: %s\n", outcome(close(first)));
	new = open("/dev/null", O_RDONLY);
	printf("the number is free: %s\n", new == first ? "yes" : "no");
	slow_fs_let_go();
	done(t);
	close(new);
	fd = open(path, O_RDWR);
}

/* The second of two that share the position waits for the first, and nobody waits for them. */
static void two_at_position(void)
{
	pthread_t a = held_read("one of two"), b;
	unsigned long before;

	b = go(read_to_end, "one of two");
	before = ticks;
	for (int i = 0; i < 1000 && ticks - before < 30; i++)
		nap(1);
	printf("position: %s, %s\n", over ? "NOT TAKEN" : "taken",
	       ticks - before >= 3 ? "others go on" : "OTHERS STAND STILL");
	slow_fs_let_go();
	done(a);
	done(b);
	printf("at %ld\n", (long)lseek(fd, 0, SEEK_CUR));
}

static void end_meanwhile(bool exec)
{
	held_read("no end");
	printf("ends\n");
	fflush(stdout);
	if (exec)
		execl("/bin/echo", "echo", "another program", NULL);
	exit(3);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	directory = slow_fs_mount(30000);
	if (!directory) {
		printf("no FUSE file system can be mounted here\n");
		return 77;
	}
	snprintf(path, sizeof(path), "%s/file", directory);
	snprintf(other, sizeof(other), "%s/other", directory);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	spare = open(path, O_RDONLY);
	ticker_start();
	if (!strcmp(what, "exit") || !strcmp(what, "exec"))
		end_meanwhile(!strcmp(what, "exec"));
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (calls[i].is_sync || strcmp(what, "sync") != 0)
			while_others_go_on(&calls[i]);
	if (strcmp(what, "sync") != 0) {
		signals();
		process_meanwhile();
		close_meanwhile();
		two_at_position();
	}
	ticker_stop();
	close(fd);
	slow_fs_unmount(directory);
	return 0;
}
