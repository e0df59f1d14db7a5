#include "file.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bounded.h"
#include "fd.h"
#include "offload.h"
#include "options.h"
#include "preempt.h"
#include "stats.h"
#include "sys.h"
#include "thread.h"
#include "user.h"

long sys_msync(struct call *c)
{
	return c->arg[2] & MS_SYNC ? offload_file(c) : CALL_PASS;
}

/* Calls of helpers under way that move a position. */
static unsigned at_work;

/* The kernel lets one call at a time have the position: it would stop the hub until a helper's has ended. */
static bool position_is_taken(const struct fd *f)
{
	return f->duplicated ? at_work > 0 : f->at_work > 0;
}

static long offload_at_position(struct call *c)
{
	int fd = (int)c->arg[0];
	struct fd *f = fd_get(fd);
	uint32_t serial = fd_serial(fd);
	long ret;

	if (!f)
		return CALL_PASS;
	f->at_work++;
	at_work++;
	ret = offload_file(c);
	at_work--;
	if (fd_serial(fd) == serial)
		f->at_work--;
	return ret;
}

void file_forked(void)
{
	at_work = 0;
}

static bool is_read(long nr)
{
	return nr == SYS_read || nr == SYS_readv || nr == SYS_pread64 || nr == SYS_preadv || nr == SYS_preadv2;
}

/* SWITCHES, sometimes. */
static long read_at_once(struct call *c, long offset)
{
	long ret = file_read_cached(c, offset);

	if (ret >= 0)
		thread_did_not_block();
	return ret;
}

/* What would stop short is put back: nobody else may have had the position meanwhile. */
long file_transfer(struct call *c)
{
	int fd = (int)c->arg[0];
	struct fd *f = fd_get(fd);
	long ret;

	if (!options.files_pool || !f)
		return CALL_PASS;
	if (is_read(c->nr) && fd_is_private(fd) && !position_is_taken(f)) {
		ret = read_at_once(c, AT_POSITION);
		if (ret >= 0)
			return ret;
	}
	return offload_at_position(c);
}

long file_transfer_at(struct call *c)
{
	const struct fd *f = options.files_pool ? fd_get((int)c->arg[0]) : NULL;
	long ret;

	if (!f || f->kind != FD_FILE)
		return CALL_PASS;
	if (is_read(c->nr) && c->arg[3] >= 0) {
		ret = read_at_once(c, c->arg[3]);
		if (ret >= 0)
			return ret;
	}
	return offload_file(c);
}

static bool is_file(int fd)
{
	const struct fd *f = fd_get(fd);

	return options.files_pool && f && f->kind == FD_FILE;
}

long sys_file(struct call *c)
{
	return is_file((int)c->arg[0]) ? offload_file(c) : CALL_PASS;
}

/* Of much to copy the kernel looks for signals in between, and some file systems do so while they allocate. */
long sys_file_whole(struct call *c)
{
	return is_file((int)c->arg[0]) ? offload_file(c) : preempt_keep_out(c, (int)c->arg[0]);
}

long sys_file_at_position(struct call *c)
{
	return is_file((int)c->arg[0]) ? offload_at_position(c) : CALL_PASS;
}

/* Where the end is, or the next hole, a file system may have to ask for. */
long sys_lseek(struct call *c)
{
	const struct fd *f = fd_get((int)c->arg[0]);

	if (!f || f->kind != FD_FILE)
		return CALL_PASS;
	if ((c->arg[2] == SEEK_SET || c->arg[2] == SEEK_CUR) && !position_is_taken(f))
		return CALL_PASS;
	return offload_at_position(c);
}

bool file_path_is_local(const char *path)
{
	static const char proc[] = "/proc/";

	for (unsigned i = 0; i < sizeof(proc) - 1; i++) {
		char c;

		if (user_get(&c, path + i) || c != proc[i])
			return false;
	}
	return true;
}

static long by_path(struct call *c, const char *path)
{
	return path && file_path_is_local(path) ? CALL_PASS : offload_file(c);
}

long sys_path(struct call *c)
{
	return by_path(c, (const char *)c->arg[0]);
}

long sys_path_at(struct call *c)
{
	const char *path = (const char *)c->arg[1];
	char first;

	if (path && !user_get(&first, path) && !first)
		return sys_file(c); /* of the descriptor itself */
	return by_path(c, path);
}

long file_move(long nr, const long arg[6], const struct file_range *from, int to)
{
	long offset = AT_POSITION;

	if (from->offset && user_get(&offset, from->offset))
		return -EFAULT;
	if (is_file(to) || (is_file(from->fd) && !file_is_cached(from->fd, offset, from->len)))
		return offload_restartable(offload(call_name(nr), nr, arg));
	if (threads.hub.shared && !fd_nonblocking(to)) /* the room may be taken by what another CPU sends meanwhile */
		return bounded_call(nr, arg);
	stats.kernel_calls++;
	return sys_call(nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
}
