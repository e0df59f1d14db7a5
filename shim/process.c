#include "process.h"

#include <errno.h>
#include <linux/nsfs.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "../core/check.h"
#include "../core/highfd.h"
#include "beside.h"
#include "bounded.h"
#include "cpus.h"
#include "fd.h"
#include "file.h"
#include "fsbase.h"
#include "ipc.h"
#include "offload.h"
#include "owner.h"
#include "scratch.h"
#include "slab.h"
#include "stats.h"
#include "sys.h"
#include "thread.h"
#include "user.h"

/* A thread has parted with the others' working directory and root: it may change its mount namespace. */
static bool has_own_fs;

/* In the child of fork: what the shim's other greenlets and helpers had is gone. */
static void child(const struct call *c, uintptr_t stack_top, bool shares_files)
{
	struct call *frame = (struct call *)(stack_top - RED_ZONE) - 1;

	highfd_keep = shares_files;
	has_own_fs = false;
	sched_forked(thread_self());
	offload_forked();
	file_forked();
	bounded_forked();
	cpus_forked();
	signals_forked();
	fsbase_forked();
	owners_forked();
	seccomp_forked();
	slab_forked();
	ipc_undo_list_gone();
	threads_forked();
	highfd_keep = false;
	if (!stack_top)
		call_return((struct call *)c, 0);
	bytes_copy(frame, c, sizeof(*c));
	call_return(frame, 0);
}

/* The child gets its stack from us, after the shim's part of its life is over. */
static long fork_on_stack(const struct call *c, uintptr_t *stack_top)
{
	struct clone_args args = {0};

	*stack_top = 0;
	if (c->nr == SYS_clone) {
		*stack_top = (uintptr_t)c->arg[1];
		return sys_call(SYS_clone, c->arg[0], 0, c->arg[2], c->arg[3], c->arg[4]);
	}
	if (c->nr != SYS_clone3 || (size_t)c->arg[1] > sizeof(args) ||
	    user_copy(&args, (void *)c->arg[0], (size_t)c->arg[1]) || !args.stack || !args.stack_size)
		return call_native(c);
	*stack_top = args.stack + args.stack_size;
	args.stack = args.stack_size = 0;
	return sys_call(SYS_clone3, &args, c->arg[1]);
}

static long fork_here(struct call *c, unsigned long flags)
{
	uintptr_t stack_top;
	long pid;

	fd_share_all();
	signals_real_mask_for_child();
	pid = fork_on_stack(c, &stack_top);
	if (!pid)
		child(c, stack_top, flags & CLONE_FILES);
	signals_real_mask_back();
	return pid;
}

void process_lend(void)
{
	sched_lend(thread_self());
	signals_real_mask_for_child();
}

long process_clone(struct call *c, unsigned long flags, uintptr_t stack_top)
{
	long ret;

	hub_go_home();
	if (!sched_may_fork(thread_self()))
		return -EAGAIN;
	if (!(flags & CLONE_VM))
		return fork_here(c, flags);
	fd_share_all();
	if (flags & CLONE_VFORK) {
		ret = beside(c, flags, stack_top);
		if (ret != CALL_PASS_VFORK)
			return ret;
	}
	process_lend();
	if (flags & CLONE_VFORK)
		return CALL_PASS_VFORK;
	threads.memory_lent++; /* it runs beside us, and has our thread-local storage unless it brings its own */
	return CALL_PASS;
}

#ifdef SYS_fork
long sys_fork(struct call *c)
{
	return fork_here(c, 0);
}

long sys_vfork(struct call *c)
{
	return process_clone(c, CLONE_VM | CLONE_VFORK | SIGCHLD, 0);
}
#endif

/* The new program inherits the calling greenlet's mask, as natively; ignored signals the kernel knows. */
long sys_execve(struct call *c)
{
	long ret;

	process_lend();
	signals_hand_over();
	seccomp_before_exec(c);
	ret = call_native(c);
	signals_take_back();
	signals_real_mask_back();
	return ret;
}

long sys_execveat(struct call *c)
{
	return sys_execve(c);
}

/* setuid(2) and the like: glibc has every thread that it knows make the call, by a signal that interrupts what it is in, a
 * helper's call too; again and again it changes nothing. glibc does not know the helpers: those of before have to go. */
long sys_set_credentials(struct call *c)
{
	(void)c;
	offload_retire();
	return CALL_PASS;
}

/* unshare(2): what threads must share, none may leave. */
long sys_unshare(struct call *c)
{
	const long shared = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_NEWUSER;
	long ret;

	if (c->arg[0] & shared && threads.alive > 1)
		return -EINVAL;
	offload_retire();
	ipc_undo_list_gone();
	ret = call_native(c);
	has_own_fs |= !ret && c->arg[0] & (CLONE_FS | CLONE_NEWNS);
	return ret;
}

/* SWITCHES. setns(2): these namespaces take in no process with several threads. In what order the kernel refuses it, it
 * tells a helper. */
long sys_setns(struct call *c)
{
	const long alone = CLONE_NEWUSER | CLONE_NEWTIME | (has_own_fs ? 0 : CLONE_NEWNS);
	long kinds = (int)c->arg[1];

	ipc_undo_list_gone();
	if (!kinds)
		kinds = sys_call(SYS_ioctl, c->arg[0], NS_GET_NSTYPE);
	if (kinds > 0 && kinds & alone && threads.alive > 1)
		return offload_call(c);
	return sys_set_credentials(c);
}

/* Of the process whose thread it is. */
long sys_getpgid(struct call *c)
{
	return thread_find_other((int)c->arg[0]) ? sys_call(c->nr, 0) : CALL_PASS;
}

/* The kernel wants the main thread's number. */
long sys_setpgid(struct call *c)
{
	return thread_find_other((int)c->arg[0]) ? -EINVAL : CALL_PASS;
}
