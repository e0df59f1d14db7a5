/* Calls that take the number of any thread, and tell or change what all threads of its process share: made with the main
 * one's, which the kernel knows. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "offload.h"
#include "slab.h"
#include "sys.h"
#include "thread.h"
#include "user.h"

static long known(long tid)
{
	return thread_find_other((int)tid) ? threads.main.tid : tid;
}

static long by_first(const struct call *c)
{
	struct call of_main = *c;

	if (!thread_find_other((int)c->arg[0]))
		return CALL_PASS;
	of_main.arg[0] = threads.main.tid;
	return call_native(&of_main);
}

long sys_process_vm_readv(struct call *c)
{
	return by_first(c);
}

long sys_process_vm_writev(struct call *c)
{
	return by_first(c);
}

long sys_move_pages(struct call *c)
{
	return by_first(c);
}

long sys_migrate_pages(struct call *c)
{
	return by_first(c);
}

/* Limits are the process's. */
long sys_prlimit64(struct call *c)
{
	bool ours = !(int)c->arg[0] || thread_find((int)c->arg[0]);

	if (ours && c->arg[2] && (c->arg[1] == RLIMIT_AS || c->arg[1] == RLIMIT_DATA))
		slab_retire();
	return by_first(c);
}

long sys_kcmp(struct call *c)
{
	return sys_call(SYS_kcmp, known(c->arg[0]), known(c->arg[1]), c->arg[2], c->arg[3], c->arg[4]);
}

/* Of the one OS thread, as where no number is given. */
long sys_perf_event_open(struct call *c)
{
	return sys_call(SYS_perf_event_open, c->arg[0], known(c->arg[1]), c->arg[2], c->arg[3], c->arg[4]);
}

/* SWITCHES. Of a thread that is not the first of its process: what the kernel says to that, it says of a helper. PIDFD_THREAD
 * (O_EXCL), of Linux 6.9, would follow the thread to its end: as before. */
long sys_pidfd_open(struct call *c)
{
	const long none[6] = {0};
	long helper;

	if (!thread_find_other((int)c->arg[0]))
		return CALL_PASS;
	if ((unsigned)c->arg[1] & O_EXCL)
		return -EINVAL;
	helper = offload("pidfd_open", SYS_gettid, none);
	if (helper == -EINTR)
		return -ERESTARTNOINTR;
	return helper < 0 || helper == threads.main.tid ? -EINVAL : sys_call(SYS_pidfd_open, helper, c->arg[1]);
}

/* The kernel writes to the header when it does not know the version. */
static long with_header(const struct call *c, const struct __user_cap_header_struct *given, int pid)
{
	struct __user_cap_header_struct header = {given->version, pid};
	long ret = sys_call(c->nr, &header, c->arg[1]);

	if (header.version != given->version && user_put((void *)c->arg[0], &header.version))
		return -EFAULT;
	return ret;
}

long sys_capget(struct call *c)
{
	struct __user_cap_header_struct header;

	if (user_get(&header, (void *)c->arg[0]) || !thread_find_other(header.pid))
		return CALL_PASS;
	return with_header(c, &header, 0);
}

/* One's own alone may be changed. */
long sys_capset(struct call *c)
{
	struct __user_cap_header_struct header;

	offload_retire();
	if (user_get(&header, (void *)c->arg[0]) || !header.pid)
		return CALL_PASS;
	return with_header(c, &header, header.pid == thread_self()->tid ? 0 : -1);
}
