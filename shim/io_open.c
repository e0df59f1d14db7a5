/* open of a FIFO waits for the other end (fifo(7)). Only an open for reading alone or writing alone does, so only these
 * are looked at first; a helper makes the ones that would wait. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "call.h"
#include "fd.h"
#include "file.h"
#include "offload.h"
#include "options.h"
#include "sched.h"
#include "stats.h"
#include "sys.h"
#include "user.h"

static bool may_wait(unsigned long flags)
{
	if (flags & (O_NONBLOCK | O_DIRECTORY | O_PATH))
		return false;
	if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		return false;
	return (flags & O_ACCMODE) == O_RDONLY || (flags & O_ACCMODE) == O_WRONLY;
}

static long look(int directory, const char *path, unsigned long flags, struct stat *st)
{
	stats.kernel_calls++;
	return sys_call(SYS_newfstatat, directory, path, st, flags & O_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0);
}

/* A helper waits for the FIFO and the disk alike. */
static long open_by_helper(struct call *c, unsigned long flags)
{
	long ret = offload_file(c);

	if (ret >= 0)
		fd_opened((int)ret, (int)flags);
	return ret;
}

static long open_directly(struct call *c, int directory, const char *path, unsigned long flags)
{
	struct stat st = {.st_mode = 0};
	long ret;

	if (!may_wait(flags))
		return call_native(c);
	ret = look(directory, path, flags, &st);
	if (ret == -ENOENT && !(flags & O_CREAT))
		return c->nr == SYS_openat2 ? call_native(c) : ret; /* which may find more that is wrong */
	return S_ISFIFO(st.st_mode) ? offload_restartable(offload_call(c)) : CALL_PASS;
}

/* The kernel has read the path by the time it says that there is nothing: then it may be a greenlet's. */
static long open_any(struct call *c, int directory, const char *path, unsigned long flags)
{
	long ret = CALL_PASS;

	if (options.files_pool && !file_path_is_local(path))
		ret = open_by_helper(c, flags);
	if (ret == CALL_PASS)
		ret = open_directly(c, directory, path, flags);
	return ret == -ENOENT && !(flags & O_CREAT) ? name_open(path, (int)flags) : ret;
}

#ifdef SYS_open
long sys_open(struct call *c)
{
	return open_any(c, AT_FDCWD, (const char *)c->arg[0], (unsigned long)c->arg[1]);
}

long sys_creat(struct call *c)
{
	return open_any(c, AT_FDCWD, (const char *)c->arg[0], O_CREAT | O_WRONLY | O_TRUNC);
}
#endif

long sys_openat(struct call *c)
{
	return open_any(c, (int)c->arg[0], (const char *)c->arg[1], (unsigned long)c->arg[2]);
}

/* Its path may be resolved in ways of its own: made as it is, without waiting, only where that says so itself. */
long sys_openat2(struct call *c)
{
	struct open_how how;

	if ((size_t)c->arg[3] < sizeof(how) || user_get(&how, (void *)c->arg[2]))
		return CALL_PASS;
	return open_any(c, (int)c->arg[0], (const char *)c->arg[1], how.flags);
}
