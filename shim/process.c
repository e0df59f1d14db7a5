#include "process.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>

#include "../core/check.h"
#include "../core/highfd.h"
#include "bounded.h"
#include "fd.h"
#include "file.h"
#include "fsbase.h"
#include "offload.h"
#include "owner.h"
#include "preempt.h"
#include "scratch.h"
#include "stats.h"
#include "sys.h"
#include "thread.h"
#include "user.h"

/* In the child of fork: what the shim's other greenlets and helpers had is gone. */
static void child(const struct call *c, uintptr_t stack_top, bool shares_files)
{
	struct call *frame = (struct call *)(stack_top - RED_ZONE) - 1;

	highfd_keep = shares_files;
	offload_forked();
	file_forked();
	bounded_forked();
	preempt_forked();
	signals_forked();
	fsbase_forked();
	owners_forked();
	seccomp_forked();
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

long process_clone(struct call *c, unsigned long flags, uintptr_t stack)
{
	(void)stack;
	if (!(flags & CLONE_VM))
		return fork_here(c, flags);
	fd_share_all();
	signals_real_mask_for_child();
	if (flags & CLONE_VFORK)
		return CALL_PASS_VFORK;
	threads.memory_lent = true; /* it runs beside us, and has our thread-local storage unless it brings its own */
	return CALL_PASS;
}

#ifdef SYS_fork
long sys_fork(struct call *c)
{
	return fork_here(c, 0);
}

long sys_vfork(struct call *c)
{
	return process_clone(c, CLONE_VM | CLONE_VFORK, 0);
}
#endif

/* The new program inherits the calling greenlet's mask, as natively; ignored signals the kernel knows. */
long sys_execve(struct call *c)
{
	long ret;

	signals_real_mask_for_child();
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
