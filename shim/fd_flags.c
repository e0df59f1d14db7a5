/* What is made or changed without waiting, and noted: pipes, eventfd, fcntl, ioctl. */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "channel.h"
#include "fd.h"
#include "lock.h"
#include "offload.h"
#include "owner.h"
#include "user.h"

#ifndef F_OFD_SETLKW
#define F_OFD_SETLKW 38
#endif

static long made_pipe(struct call *c, int flags)
{
	long ret = call_native(c);
	int ends[2];

	if (ret || user_get(&ends, (void *)c->arg[0]))
		return ret;
	for (int i = 0; i < 2; i++)
		fd_made(ends[i], FD_PIPE, 0, flags);
	channel_made(ends[0], ends[1]);
	return ret;
}

#ifdef SYS_pipe
long sys_pipe(struct call *c)
{
	return made_pipe(c, 0);
}
#endif

long sys_pipe2(struct call *c)
{
	return made_pipe(c, (int)c->arg[1]);
}

long sys_eventfd2(struct call *c)
{
	long ret = call_native(c);

	if (ret < 0)
		return ret;
	fd_made((int)ret, FD_ANON, 0, (int)c->arg[1]);
	channel_made((int)ret, (int)ret);
	return ret;
}

long sys_fcntl(struct call *c)
{
	int fd = (int)c->arg[0];
	long ret;

	switch ((int)c->arg[1]) {
	case F_SETLKW:
	case F_OFD_SETLKW:
		return lock_fcntl(c);
	case F_SETFL:
		ret = call_native(c);
		fd_changed(fd);
		return ret;
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		ret = call_native(c);
		if (ret >= 0)
			fd_duplicated(fd, (int)ret);
		return ret;
	case F_SETOWN:
	case F_SETOWN_EX:
		return owner_set(c);
	case F_GETOWN_EX:
		return owner_get(c);
	default:
		return CALL_PASS;
	}
}

long sys_ioctl(struct call *c)
{
	long ret;

	switch ((unsigned)c->arg[1]) {
	case FIONBIO:
		ret = call_native(c);
		fd_changed((int)c->arg[0]);
		return ret;
	case TCSBRK: /* tcdrain: waits for the terminal's output */
		return c->arg[2] ? offload_restartable(offload_call(c)) : CALL_PASS;
	default:
		return CALL_PASS;
	}
}
