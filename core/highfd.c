#include "highfd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>

#include "kernel.h"

/* The kernel's table reaches to the highest descriptor: it takes time to make, and fork copies it. */
#define LIMIT_MAX 4096
#define ROOM 4096
#define HIGH 1000
#define BELOW 256

int highfd_lowest = INT_MAX;
bool highfd_keep;

void highfd_close(int fd)
{
	if (!highfd_keep)
		kernel_call(SYS_close, fd);
}

static long duplicate_beyond(int fd, const struct rlimit *limit)
{
	struct rlimit raised = {limit->rlim_cur + ROOM, limit->rlim_max};
	long ret;

	if (raised.rlim_cur > raised.rlim_max)
		raised.rlim_cur = raised.rlim_max;
	if (raised.rlim_cur == limit->rlim_cur)
		raised.rlim_max = raised.rlim_cur += ROOM; /* for the privileged */
	if (kernel_failed(kernel_call(SYS_prlimit64, 0, RLIMIT_NOFILE, &raised, 0)))
		return -EINVAL;
	ret = kernel_call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, limit->rlim_cur);
	kernel_call(SYS_prlimit64, 0, RLIMIT_NOFILE, limit, 0);
	return ret;
}

static long high_enough(const struct rlimit *limit)
{
	long last = (long)(limit->rlim_cur < LIMIT_MAX ? limit->rlim_cur : LIMIT_MAX) - BELOW;

	return last > HIGH ? last : HIGH;
}

long highfd_duplicate(int fd)
{
	struct rlimit limit;
	long ret = kernel_call(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &limit);

	if (kernel_failed(ret))
		limit.rlim_cur = 0;
	ret = -EINVAL;
	if (limit.rlim_cur && limit.rlim_cur <= LIMIT_MAX)
		ret = duplicate_beyond(fd, &limit);
	if (kernel_failed(ret))
		ret = kernel_call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, high_enough(&limit));
	if (kernel_failed(ret))
		ret = kernel_call(SYS_fcntl, fd, F_DUPFD_CLOEXEC, HIGH);
	if (!kernel_failed(ret) && ret < highfd_lowest)
		highfd_lowest = (int)ret;
	return ret;
}

long highfd_move(long fd)
{
	long high = kernel_failed(fd) ? fd : highfd_duplicate((int)fd);

	if (kernel_failed(high))
		return fd;
	kernel_call(SYS_close, fd);
	return high;
}
