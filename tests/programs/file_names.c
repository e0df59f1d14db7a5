/* Names, modes, sizes and the like: every call by its number, in a thread, with what it returns. */
#include <dirent.h>
#include <linux/stat.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>

#include "io_test.h"

static char home[] = "/tmp/file_names.XXXXXX";
static char data[8192];

#define MAKE(name, ...) show(#name, syscall(SYS_##name, __VA_ARGS__))

static void look(const char *name)
{
	struct stat st = {.st_size = -1};

	show("look", lstat(name, &st));
	printf("%s: mode %o, %ld bytes, %ld links\n", name, st.st_mode, (long)(S_ISDIR(st.st_mode) ? 0 : st.st_size),
	       (long)(S_ISDIR(st.st_mode) ? 0 : st.st_nlink));
}

static void names_at(void)
{
	struct statx stx;
	struct stat st;

	MAKE(mkdirat, AT_FDCWD, "d", 0700);
	MAKE(mknodat, AT_FDCWD, "d/f", S_IFREG | 0600, 0);
	MAKE(linkat, AT_FDCWD, "d/f", AT_FDCWD, "d/g", 0);
	MAKE(symlinkat, "d/f", AT_FDCWD, "s");
	MAKE(readlinkat, AT_FDCWD, "s", data, sizeof(data));
	MAKE(newfstatat, AT_FDCWD, "d/g", &st, 0);
	MAKE(statx, AT_FDCWD, "d/g", 0, STATX_SIZE, &stx);
	MAKE(faccessat, AT_FDCWD, "d/f", R_OK);
	MAKE(faccessat2, AT_FDCWD, "d/f", R_OK, 0);
	MAKE(fchmodat, AT_FDCWD, "d/f", 0640);
	MAKE(fchownat, AT_FDCWD, "d/f", -1, -1, 0);
	MAKE(utimensat, AT_FDCWD, "d/f", NULL, 0);
	look("d/g");
	MAKE(renameat, AT_FDCWD, "d/f", AT_FDCWD, "d/h");
	MAKE(renameat2, AT_FDCWD, "d/h", AT_FDCWD, "d/g", 1 /* RENAME_NOREPLACE */);
	MAKE(unlinkat, AT_FDCWD, "d/g", 0);
	MAKE(unlinkat, AT_FDCWD, "d/h", 0);
	MAKE(unlinkat, AT_FDCWD, "s", 0);
	MAKE(unlinkat, AT_FDCWD, "d", AT_REMOVEDIR);
}

/* Those of x86. */
static void names(void)
{
#ifdef SYS_open
	struct stat st;

	MAKE(mkdir, "d", 0700);
	MAKE(mknod, "d/f", S_IFREG | 0600, 0);
	MAKE(link, "d/f", "d/g");
	MAKE(symlink, "d/f", "s");
	MAKE(readlink, "s", data, sizeof(data));
	MAKE(stat, "d/g", &st);
	MAKE(lstat, "s", &st);
	MAKE(access, "d/f", R_OK);
	MAKE(chmod, "d/f", 0640);
	MAKE(chown, "d/f", -1, -1);
	MAKE(lchown, "s", -1, -1);
	look("d/f");
	MAKE(rename, "d/f", "d/h");
	MAKE(unlink, "d/h");
	MAKE(unlink, "d/g");
	MAKE(unlink, "s");
	MAKE(rmdir, "d");
	show("creat", syscall(SYS_creat, "f", 0600) < 0 ? -1 : 0);
#endif
	unlink("f");
}

static void list(void)
{
	DIR *directory = opendir(".");
	const struct dirent *entry;

	must("opendir", directory != NULL);
	while ((entry = readdir(directory)))
		if (entry->d_name[0] != '.')
			printf("listed: %s\n", entry->d_name);
	closedir(directory);
}

static void contents(void)
{
	int fd = open("f", O_RDWR | O_CREAT, 0600), tmp = open("/dev/shm", O_RDONLY);
	struct statfs fs;
	struct stat st;
	loff_t from = 0, to = 8192;
	char *map;

	MAKE(pwrite64, fd, data, sizeof(data), 0);
	show("copy_file_range", syscall(SYS_copy_file_range, fd, &from, fd, &to, 4096, 0));
	MAKE(fstat, fd, &st);
	show("fstatfs", syscall(SYS_fstatfs, fd, &fs));
	show("statfs", syscall(SYS_statfs, "f", &fs));
	MAKE(fchmod, fd, 0604);
	MAKE(fchown, fd, -1, -1);
	MAKE(fallocate, fd, 0, 0, 20000);
	MAKE(ftruncate, fd, 10000);
	MAKE(truncate, "f", 12000);
	MAKE(readahead, fd, 0, 8192);
	MAKE(fadvise64, fd, 0, 0, POSIX_FADV_WILLNEED);
	MAKE(sync_file_range, fd, 0, 0, SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
	MAKE(fdatasync, fd);
	MAKE(fsync, fd);
	if (tmp >= 0)
		show("syncfs", syscall(SYS_syncfs, tmp));
	map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	map[0] = 'x';
	MAKE(msync, map, 8192, MS_SYNC);
	MAKE(msync, map, 8192, MS_ASYNC);
	MAKE(msync, map + 1, 8192, MS_SYNC);
	munmap(map, 8192);
	look("f");
	list();
	close(fd);
	unlink("f");
}

static void *run(void *arg)
{
	show("chdir", syscall(SYS_chdir, home));
	names_at();
	names();
	contents();
	MAKE(ioprio_set, 1, 0, 2 << 13 | 4); /* best effort, as it is */
	show("personality", syscall(SYS_personality, 0xffffffff));
	show("chdir, ENOENT", syscall(SYS_chdir, "nowhere"));
	show("of this thread", access("/proc/thread-self/comm", R_OK));
	show("back", syscall(SYS_chdir, "/"));
	return arg;
}

int main(void)
{
	begin();
	umask(0);
	must(home, mkdtemp(home) != NULL);
	join(spawn(run, NULL));
	show("rmdir", rmdir(home));
	return 0;
}
