#include "lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/syscall.h>

#include "offload.h"
#include "stats.h"
#include "sys.h"
#include "thread.h"

long lock_fcntl(struct call *c)
{
	int attempt = c->arg[1] == F_OFD_SETLKW ? F_OFD_SETLK : F_SETLK;
	long ret;

	stats.kernel_calls++;
	ret = sys_call(SYS_fcntl, c->arg[0], attempt, c->arg[2]);
	if (ret != -EAGAIN && ret != -EACCES) {
		thread_did_not_block();
		return ret;
	}
	return offload_restartable(offload("fcntl", SYS_fcntl, c->arg));
}

long sys_flock(struct call *c)
{
	long ret;

	stats.kernel_calls++;
	ret = sys_call(SYS_flock, c->arg[0], c->arg[1] | LOCK_NB);
	if (ret != -EAGAIN || c->arg[1] & LOCK_NB) {
		thread_did_not_block();
		return ret;
	}
	return offload_restartable(offload_call(c));
}
