#include "others.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "sys.h"

#define TASKS "/proc/self/task"

/* "iou-wrk-1234", "iou-sqp-1234" */
static bool is_kernels(const char *tid)
{
	static const char worker[] = {'i', 'o', 'u', '-'};
	char path[64], name[sizeof(worker)] = "";
	long fd;

	snprintf(path, sizeof(path), TASKS "/%.20s/comm", tid);
	fd = sys_call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
	if (sys_failed(fd))
		return true; /* gone */
	sys_call(SYS_read, fd, name, sizeof(name));
	sys_call(SYS_close, fd);
	return !memcmp(name, worker, sizeof(worker));
}

static bool has_others(const char *entries, size_t size, long self)
{
	bool found = false;

	while (size && !found) {
		const struct dirent64 *d = (const struct dirent64 *)entries;

		found = d->d_name[0] != '.' && strtol(d->d_name, NULL, 10) != self && !is_kernels(d->d_name);
		entries += d->d_reclen;
		size -= d->d_reclen;
	}
	return found;
}

/* A folder's links are itself, its parent's and one for each thread. */
static bool is_alone(void)
{
	struct stat st;

	return sys_failed(sys_call(SYS_newfstatat, AT_FDCWD, TASKS, &st, 0)) || st.st_nlink <= 3;
}

bool others_run(void)
{
	_Alignas(struct dirent64) char entries[4096];
	bool found = false;
	long fd, size;

	if (is_alone())
		return false;
	fd = sys_call(SYS_openat, AT_FDCWD, TASKS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (sys_failed(fd))
		return false;
	while (!found && (size = sys_call(SYS_getdents64, fd, entries, sizeof(entries))) > 0)
		found = has_others(entries, (size_t)size, sys_call(SYS_gettid));
	sys_call(SYS_close, fd);
	return found;
}
