#include "patch_text.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "sys.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x10U /* Linux 6.3 */
#endif

/* Beyond the limit for a file's size there is a signal instead of an error. */
static bool may_grow(size_t size)
{
	struct rlimit limit;

	return !sys_call(SYS_prlimit64, 0, RLIMIT_FSIZE, 0, &limit) && limit.rlim_cur >= size;
}

static bool open_file(struct text *t)
{
	long fd;

	if (t->has_fd || t->has_failed)
		return t->has_fd;
	fd = sys_call(SYS_memfd_create, "greenshim", MFD_CLOEXEC | MFD_EXEC);
	if (sys_failed(fd))
		fd = sys_call(SYS_memfd_create, "greenshim", MFD_CLOEXEC);
	t->has_failed = sys_failed(fd);
	t->has_fd = !t->has_failed;
	t->fd = (int)fd;
	return t->has_fd;
}

static bool replace_by_file(struct text *t, uintptr_t at, const uint8_t *bytes, size_t size)
{
	size_t offset = t->size;

	if (!may_grow(offset + size) || !open_file(t))
		return false;
	if (sys_call(SYS_pwrite64, t->fd, bytes, size, offset) != (long)size)
		return false;
	if (sys_failed(sys_call(SYS_mmap, at, size, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, t->fd, offset)))
		return false;
	t->size += size;
	return true;
}

static long replace_by_memory(uintptr_t at, const uint8_t *bytes, size_t size)
{
	long map = sys_call(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), err;

	if (sys_failed(map))
		return map;
	memcpy((void *)map, bytes, size);
	err = sys_call(SYS_mprotect, map, size, PROT_READ | PROT_EXEC);
	if (!err)
		err = sys_call(SYS_mremap, map, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, at);
	if (sys_failed(err))
		sys_call(SYS_munmap, map, size);
	return sys_failed(err) ? err : 0;
}

long text_replace(struct text *t, uintptr_t at, const uint8_t *bytes, size_t size)
{
	return replace_by_file(t, at, bytes, size) ? 0 : replace_by_memory(at, bytes, size);
}

void text_close(struct text *t)
{
	if (t->has_fd)
		sys_call(SYS_close, t->fd);
	*t = (struct text){0};
}
