#include "thread.h"

#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "../core/account.h"
#include "../core/check.h"
#include "../core/deadline.h"
#include "../core/reserve.h"
#include "../core/fdwait.h"
#include "cpus.h"
#include "fd.h"
#include "fsbase.h"
#include "options.h"
#include "futex.h"
#include "ipc.h"
#include "preempt.h"
#include "process.h"
#include "slab.h"
#include "stats.h"
#include "sys.h"
#include "timeout.h"
#include "user.h"

#define TID_RANGE (1 << 20)
#define TID_RANGES 1000

_Static_assert(TID_FIRST + TID_RANGES * TID_RANGE <= TID_LAST, "every range is within the tids");

struct threads threads;

static struct context_vectors main_room;

/* Locks in shared memory name their owner by its tid, which must mean nobody in another process: pids that are near
 * each other have ranges of their own. */
static int next_tid(void)
{
	static int last;
	int first = TID_FIRST + threads.main.tid % TID_RANGES * TID_RANGE;
	int end = threads.alive < TID_RANGE / 2 ? first + TID_RANGE - 1 : TID_LAST;

	do
		last = last >= first && last < end ? last + 1 : first;
	while (thread_find(last));
	return last;
}

static void publish(struct thread *t)
{
	thread_table_add(t);
	list_push(&threads.all, &t->all);
	if (++threads.alive > stats.threads_most_alive)
		stats.threads_most_alive = threads.alive;
}

static void unpublish(struct thread *t)
{
	thread_table_remove(t);
	list_remove(&t->all);
	threads.alive--;
}

/* What the first thread told the kernel before it was ours. */
static void adopt(struct thread *t)
{
	size_t size;

	t->tid = (int)sys_call(SYS_gettid);
	sys_call(SYS_prctl, PR_GET_NAME, t->name);
	sys_call(SYS_prctl, PR_GET_TID_ADDRESS, &t->clear_tid);
	sys_call(SYS_get_robust_list, 0, &t->robust_list, &size);
	seccomp_adopt(t);
}

static bool counter_faults(void)
{
	int tsc = PR_TSC_ENABLE;

	sys_call(SYS_prctl, PR_GET_TSC, &tsc);
	return tsc == PR_TSC_SIGSEGV;
}

int threads_open(void)
{
	struct thread *t = &threads.main;
	int err;

	memset(&threads, 0, sizeof(threads));
	list_init(&threads.all);
	deadline_by_call = counter_faults();
	timeout_open();
	reserve_open();
	fsbase_open();
	err = hub_open(&threads.hub, &t->fiber);
	if (err)
		return err;
	t->fiber.room = &main_room;
	account_open(&threads.hub, &t->fiber, !options.preempt_ms);
	adopt(t);
	futex_init();
	publish(t);
	threads.active = true;
	return 0;
}

void threads_forked(void)
{
	threads.hub.shared = false;
	hub_close(&threads.hub);
	fds_forked();
	threads.active = false;
	thread_records_forked();
	thread_table_forked();
}

/* The first run of a new greenlet: out of the call that its creator made, on the new stack. */
static void thread_begin(void *arg)
{
	struct call *c = arg;
	struct thread *t = (struct thread *)c->ret;
	long ret = 0;

	fiber_self = &t->fiber;
	t->began_ns = now_ns();
	c->ret = c->pass + 2;
	hub_leave(&threads.hub);
	t->call = NULL;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	if (signals_due(t, ret))
		signals_finish(t, c, &ret);
	call_return(c, ret);
}

/* The creator's frame is copied below the new stack's top: registers, and the way back to the site. */
static void prepare(struct thread *t, const struct call *c, uintptr_t stack_top, uintptr_t tls)
{
	struct call *frame = (struct call *)(stack_top - RED_ZONE) - 1;
	struct context_vectors *room = t->fiber.room;

	*frame = *c;
	frame->ret = (uintptr_t)t; /* until thread_begin */
	fiber_prepare(&t->fiber, &threads.hub, (void *)((uintptr_t)frame & ~(uintptr_t)63), 0, thread_begin, frame);
	if (tls)
		t->fiber.context.tp = tls;
	t->fiber.vectors = (uint8_t)c->vectors;
	t->fiber.room = room;
	t->call = frame;
}

long thread_clone(struct call *c, const struct thread_start *start)
{
	struct thread *self = thread_self(), *t = thread_alloc();

	if (!t)
		return -EAGAIN;
	if (sched_thread_new(self, t)) {
		sched_thread_exit(t);
		thread_free(t);
		return -EAGAIN;
	}
	prepare(t, c, start->stack_top, start->flags & CLONE_SETTLS ? start->tls : 0);
	t->stack_low = start->stack_low;
	t->stack_top = start->stack_top;
	t->tid = next_tid();
	name_sync(self);
	memcpy(t->name, self->name, sizeof(t->name));
	if (start->flags & CLONE_PARENT_SETTID)
		user_put(start->parent_tid, &t->tid);
	if (start->flags & CLONE_CHILD_SETTID)
		user_put(start->child_tid, &t->tid);
	if (start->flags & CLONE_CHILD_CLEARTID)
		t->clear_tid = (uint32_t *)start->child_tid;
	if (threads.alive == 1 && start->flags & CLONE_SYSVSEM)
		ipc_undo_list();
	signals_thread_new(self, t);
	seccomp_thread_new(self, t);
	publish(t);
	stats.threads_made++;
	preempt_start();
	cpus_more();
	hub_start(&t->fiber);
	self->busy = BUSY_LIMIT - 1; /* natively the new one starts at once: at the next call that does not block */
	return t->tid;
}

/* kernel/fork.c: a thread shares its memory and its signals' handlers. */
static bool is_thread_whole(unsigned long flags)
{
	return flags & CLONE_VM && flags & CLONE_SIGHAND;
}

long sys_clone(struct call *c)
{
	struct thread_start start = {.flags = (unsigned long)c->arg[0], .stack_top = (uintptr_t)c->arg[1]};

	if (!(start.flags & CLONE_THREAD))
		return process_clone(c, start.flags, start.stack_top);
	if (!is_thread_whole(start.flags))
		return -EINVAL;
	start.parent_tid = (int *)c->arg[2];
	start.child_tid = (int *)c->arg[3];
	start.tls = (uintptr_t)c->arg[4];
	return thread_clone(c, &start);
}

long sys_clone3(struct call *c)
{
	struct clone_args a;
	struct thread_start start;

	if ((size_t)c->arg[1] < CLONE_ARGS_SIZE_VER0 || user_copy(&a, (void *)c->arg[0], CLONE_ARGS_SIZE_VER0))
		return CALL_PASS;
	if (!(a.flags & CLONE_THREAD))
		return process_clone(c, a.flags, a.stack ? a.stack + a.stack_size : 0);
	if (!is_thread_whole(a.flags) || a.exit_signal || !a.stack != !a.stack_size)
		return -EINVAL;
	start = (struct thread_start){.flags = a.flags,
				      .stack_low = a.stack,
				      .stack_top = a.stack + a.stack_size,
				      .tls = a.tls,
				      .parent_tid = (int *)a.parent_tid,
				      .child_tid = (int *)a.child_tid};
	return thread_clone(c, &start);
}

/* On the hub's stack: nobody may learn that the thread is gone, and reuse its stack, before that stack was left. */
static void thread_dead(struct fiber *f)
{
	struct thread *t = thread_of(f);
	uint32_t *clear_tid = t->clear_tid;

	unpublish(t);
	slab_left((uintptr_t)t->call);
	sched_thread_exit(t);
	name_thread_exit(t);
	if (t != &threads.main)
		thread_free(t);
	if (clear_tid && !user_store32(clear_tid, 0))
		futex_wake(clear_tid, 1, UINT32_MAX);
}

long sys_exit(struct call *c)
{
	struct thread *t = thread_self();

	if (t->signals.queue.set)
		hub_go_home(); /* what is handed on may end the process */
	futex_exit_robust_list(t->robust_list, t->tid);
	if (threads.alive == 1) {
		c->nr = SYS_exit_group; /* helper OS threads must not outlive the last thread */
		return sys_exit_group(c);
	}
	signals_thread_exit(t);
	hub_finish(thread_dead);
}

/* The kernel knows the main thread's alone. */
void threads_bequeath(void)
{
	LIST_EACH(node, &threads.all) {
		struct thread *t = LIST_ENTRY(node, struct thread, all);

		if (t != &threads.main)
			futex_exit_robust_list(t->robust_list, t->tid);
	}
}

long sys_exit_group(struct call *c)
{
	stats_write();
	threads_bequeath();
	return call_native(c);
}

long sys_set_robust_list(struct call *c)
{
	if (c->arg[1] != 3 * sizeof(long))
		return -EINVAL;
	thread_self()->robust_list = (void *)c->arg[0];
	return 0;
}

long sys_get_robust_list(struct call *c)
{
	struct thread *t = (int)c->arg[0] ? thread_find((int)c->arg[0]) : thread_self();
	size_t size = 3 * sizeof(long);

	if (!t)
		return CALL_PASS;
	if (user_put((void *)c->arg[2], &size))
		return -EFAULT;
	return user_put((void *)c->arg[1], &t->robust_list);
}

long sys_set_tid_address(struct call *c)
{
	thread_self()->clear_tid = (uint32_t *)c->arg[0];
	return thread_self()->tid;
}

long sys_gettid(struct call *c)
{
	(void)c;
	return thread_self()->tid;
}

/* glibc 2.35 takes an error for fatal, and reads cpu_id: RSEQ_CPU_ID_REGISTRATION_FAILED sends sched_getcpu elsewhere. */
long sys_rseq(struct call *c)
{
	if (thread_self() == &threads.main && !threads.hub.shared)
		return CALL_PASS;
	return user_store32((uint32_t *)c->arg[0] + 1, (uint32_t)-2);
}

long sys_sched_yield(struct call *c)
{
	(void)c;
	thread_self()->busy = 0;
	hub_yield();
	return 0;
}

long thread_park(const char *why, uint64_t deadline_ns)
{
	struct thread *t = thread_self();

	if (signals_interrupt(t))
		return -EINTR;
	t->busy = 0;
	stats.parks[t->call->nr]++;
	return hub_park(why, deadline_ns);
}

long thread_wait_fd(int fd, short events, const char *why, uint64_t deadline_ns)
{
	struct thread *t = thread_self();

	if (signals_interrupt(t))
		return -EINTR;
	t->busy = 0;
	stats.parks[t->call->nr]++;
	return fdwait(fd, events, why, deadline_ns);
}
