#include "beside.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>

#include "../core/fdwait.h"
#include "../core/highfd.h"
#include "../core/hub.h"
#include "fd.h"
#include "offload.h"
#include "process.h"
#include "scratch.h"
#include "signal_state.h"
#include "stats.h"
#include "sys.h"
#include "thread.h"
#include "tls.h"
#include "user.h"

/* The kernel is not told of CLONE_VFORK, and so stops nobody; CLONE_CHILD_CLEARTID tells when it would have gone on, and
 * the end of a pipe when to look: the child has the other end, and may close it, then a helper waits. A child of vfork goes
 * on on its maker's stack, where the shim's frames are: their thread waits on a stack of its own, and then puts them back.
 * The alternate stack is the child's meanwhile. The thread-local storage is both's: dispatch asks who it is that calls. */
#define MEMORY (64 << 10) /* of which as much as is used gets pages: a switch saves up to 12 KiB */
#define KEPT 3072
#define LOOK_NS 20000000
#define MOMENTS 20
#define MOMENT_NS 100000
#define FRAMES 512 /* more than the frames below beside()'s */

struct beside {
	uintptr_t top, end, sp; /* beside-x86_64.S knows these */
	struct call *frame;	/* what the child returns by */
	stack_t stack;		/* its alternate one: without CLONE_VFORK the kernel takes it away */
	uint64_t mask;		/* the child's: signals are blocked until it is on its own stacks */
	struct thread *maker;
	char kept[KEPT];
	struct call call; /* c's copy, while its own place is the child's */
	long nr, arg[6];
	struct clone_args args;
	uint32_t lives; /* with our memory */
};

_Static_assert(offsetof(struct beside, frame) == 24 && offsetof(struct beside, stack) == 32 &&
		       offsetof(struct beside, mask) == 56 && offsetof(struct beside, maker) == 64 &&
		       offsetof(struct beside, kept) == 72,
	       "beside-x86_64.S");

/* Calls beside_wait(b) on b's stack. */
long beside_leave(struct beside *b) __attribute__((visibility("hidden")));
/* The system call; the child leaves by b->frame. */
long beside_clone(long nr, const long arg[6], struct beside *b) __attribute__((visibility("hidden")));
long beside_wait(struct beside *b) __attribute__((visibility("hidden")));

/* A pipe whose writing end will be the child's alone, which exec and the end close. False: there is none. */
static bool ends_open(int ends[2])
{
	int low[2];
	long ret = sys_call(SYS_pipe2, low, O_CLOEXEC);

	if (ret)
		return false;
	for (int i = 0; i < 2; i++) {
		ends[i] = (int)highfd_duplicate(low[i]);
		sys_call(SYS_close, low[i]);
	}
	if (ends[0] >= 0 && ends[1] >= 0) {
		fd_own(ends[0]);
		return true;
	}
	for (int i = 0; i < 2; i++)
		if (ends[i] >= 0)
			sys_call(SYS_close, ends[i]);
	return false;
}

static bool lives(const struct beside *b)
{
	return __atomic_load_n(&b->lives, __ATOMIC_SEQ_CST);
}

/* SWITCHES. A child of the child's may keep the other end. */
static void await_close(const struct beside *b, int fd)
{
	long ret = -EINTR;

	while (lives(b) && (ret == -EINTR || ret == -ETIMEDOUT))
		ret = fdwait(fd, POLLIN, "vfork", now_ns() + LOOK_NS);
	fdwait_forget(&threads.hub, fd, 0);
	fd_forget(fd);
	sys_call(SYS_close, fd);
}

/* SWITCHES. A child that closes all of its descriptors is mostly about to execute its program. */
static void await_end(const struct beside *b)
{
	const long wait[6] = {(long)&b->lives, FUTEX_WAIT, 1};

	for (int i = 0; lives(b) && i < MOMENTS; i++)
		hub_sleep(MOMENT_NS);
	while (lives(b))
		if (offload_to_the_end("vfork", SYS_futex, wait) == -EINTR)
			hub_yield();
}

long beside_wait(struct beside *b)
{
	struct thread *t = b->maker;
	int ends[2];
	bool piped = ends_open(ends);
	long pid;

	t->call = &b->call;
	t->fiber.lent_tp = tls_like_this(); /* the hub would leave its errno in the child's */
	b->stack = signals_stack_lend(t);
	process_lend();
	b->mask = t->signals.mask;
	signals_block();
	threads.memory_lent++;
	pid = beside_clone(b->nr, b->arg, b);
	signals_real_mask_back();
	if (pid > 0)
		stats.parks[b->call.nr]++;
	else
		b->lives = 0;
	if (piped) {
		sys_call(SYS_close, ends[1]);
		await_close(b, ends[0]);
	}
	await_end(b);
	threads.memory_lent--;
	t->fiber.lent_tp = 0;
	return pid;
}

/* The call without CLONE_VFORK, and on no stack of its own. False: it cannot be made so. */
static bool compose(struct beside *b, const struct call *c, unsigned long flags)
{
	unsigned long mine = (flags & ~(unsigned long)CLONE_VFORK) | CLONE_CHILD_CLEARTID;

	b->nr = c->nr == SYS_clone3 ? SYS_clone3 : SYS_clone;
	if (c->nr == SYS_clone3) {
		if ((size_t)c->arg[1] > sizeof(b->args) || user_copy(&b->args, (void *)c->arg[0], (size_t)c->arg[1]))
			return false;
		b->args.flags = mine;
		b->args.stack = b->args.stack_size = 0;
		b->args.child_tid = (uintptr_t)&b->lives;
		b->arg[0] = (long)&b->args;
		b->arg[1] = c->arg[1];
		return true;
	}
	b->arg[0] = (long)mine;
	b->arg[1] = 0;
	b->arg[2] = c->nr == SYS_clone ? c->arg[2] : 0;
	b->arg[3] = (long)&b->lives;
	b->arg[4] = c->nr == SYS_clone ? c->arg[4] : 0;
	return true;
}

static bool prepare(struct beside *b, struct call *c, unsigned long flags, uintptr_t stack_top)
{
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	b->top = (uintptr_t)b + MEMORY;
	b->end = (uintptr_t)(c + 1);
	b->call = *c;
	b->lives = 1;
	b->maker = thread_self();
	b->frame = stack_top ? (struct call *)(stack_top - RED_ZONE) - 1 : c;
	if (here > b->end || b->end - here > KEPT - FRAMES || !compose(b, c, flags))
		return false;
	return !stack_top || !user_put(b->frame, c);
}

long beside(struct call *c, unsigned long flags, uintptr_t stack_top)
{
	struct beside *b;
	long ret = CALL_PASS_VFORK;

	if (threads.alive == 1 || flags & (CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID))
		return CALL_PASS_VFORK;
	b = scratch_get(MEMORY);
	if (!b)
		return CALL_PASS_VFORK;
	if (prepare(b, c, flags, stack_top)) {
		ret = beside_leave(b);
		thread_self()->call = c;
	}
	scratch_put(b, MEMORY);
	return ret;
}
