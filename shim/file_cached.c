/* What is in the page cache is read at once. RWF_NOWAIT (preadv2(2)) reads as far as it is there: a read that would stop
 * short of the file's end is undone, for a helper to make as a whole. */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fd.h"
#include "file.h"
#include "io.h"
#include "stats.h"
#include "sys.h"

#define PAGE 4096
#ifndef SYS_cachestat
#define SYS_cachestat 451 /* Linux 6.5 */
#endif

/* How much was read; less than `total` only at the end of the file. -EAGAIN: not all is there, `got` bytes were read. */
static long read_nowait(int fd, const struct buffers *b, long offset, size_t *got)
{
	struct iovec rest[IO_VECTORS];
	size_t total = 0;
	long ret;

	for (*got = 0;; *got += (size_t)ret) {
		bool first = !*got;

		stats.kernel_calls++;
		ret = sys_call(SYS_preadv2, fd, first ? b->iov : rest,
			       first ? (long)b->n : io_rest(b->iov, b->n, *got, rest),
			       offset == AT_POSITION ? AT_POSITION : offset + (long)*got, 0, b->flags | RWF_NOWAIT);
		if (ret < 0)
			return ret;
		total = io_total(b->iov, b->n);
		if (!ret || *got + (size_t)ret >= total || *got + (size_t)ret >= RW_MAX)
			return (long)*got + ret;
	}
}

long file_read_cached(struct call *c, long offset)
{
	int fd = (int)c->arg[0];
	struct fd *f = fd_get(fd);
	struct buffers b;
	size_t got;
	long ret;

	if (!f || f->no_nowait & 1 << FD_RECEIVE ||
	    fd_is_direct(fd)) /* what is read past the cache is waited for even so */
		return -EAGAIN;
	buffers_of(c, &b);
	ret = read_nowait(fd, &b, offset, &got);
	if (ret >= 0)
		return ret;
	if (ret == -EOPNOTSUPP || ret == -ENOSYS)
		f->no_nowait |= 1 << FD_RECEIVE;
	if (got && offset == AT_POSITION)
		sys_call(SYS_lseek, fd, -(long)got, SEEK_CUR);
	return -EAGAIN;
}

struct cachestat_range {
	uint64_t offset, length;
};

struct cachestat {
	uint64_t cached, dirty, writeback, evicted, recently_evicted;
};

bool file_is_cached(int fd, long offset, size_t len)
{
	struct cachestat_range range = {.length = len};
	struct cachestat found = {0};
	struct fd *f = fd_get(fd);
	char last;
	struct iovec one = {&last, 1};

	if (offset == AT_POSITION)
		offset = sys_call(SYS_lseek, fd, 0, SEEK_CUR);
	if (!f || f->no_nowait & 1 << FD_RECEIVE || !len || offset < 0)
		return false;
	range.offset = (uint64_t)offset;
	stats.kernel_calls += 2;
	if (sys_failed(sys_call(SYS_cachestat, fd, &range, &found, 0)))
		return false;
	if (found.cached * PAGE < len)
		return false;
	/* Pages that are still being read are counted too: the last one tells. */
	return sys_call(SYS_preadv2, fd, &one, 1, offset + (long)len - 1, 0, RWF_NOWAIT) == 1;
}
