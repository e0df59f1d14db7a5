#include "signal_state.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "../core/check.h"
#include "../core/reserve.h"
#include "cpus.h"
#include "fsbase.h"
#include "sched.h"
#include "signal_frame.h"
#include "user.h"

/* Greenlets with the same mask form a class; there are few of them at any time (everything blocked, nothing blocked).
 * So what all greenlets block is found without asking each. */
struct mask_class {
	struct mask_class *next;
	uint64_t mask;
	unsigned members;
};

#define SLAB 4096

static struct mask_class *classes, *free_classes;
static uint64_t real;			      /* what the kernel has, or is to have at signals_unblock */
static uint64_t never = SIGNAL_NEVER_BLOCKED; /* and the shim's own, while it is active */
static bool held_off; /* everything is blocked, or the mask is the future child's: real is only computed */

static void kernel_mask(uint64_t mask)
{
	sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, SIGNAL_SETSIZE);
}

static struct mask_class *class_alloc(void)
{
	struct mask_class *k = free_classes;

	if (!k) {
		k = reserve_map(SLAB);
		CHECK(!k, ==, 0);
		for (size_t i = 1; i < SLAB / sizeof(*k); i++) {
			k[i].next = free_classes;
			free_classes = &k[i];
		}
		return k;
	}
	free_classes = k->next;
	return k;
}

static void class_join(struct thread *t, uint64_t mask)
{
	struct mask_class *k = classes;

	while (k && k->mask != mask)
		k = k->next;
	if (!k) {
		k = class_alloc();
		k->mask = mask;
		k->members = 0;
		k->next = classes;
		classes = k;
	}
	k->members++;
	t->signals.class = k;
	t->signals.mask = mask;
}

static void class_leave(struct thread *t)
{
	struct mask_class *k = t->signals.class, **p = &classes;

	t->signals.class = NULL;
	if (--k->members)
		return;
	while (*p != k)
		p = &(*p)->next;
	*p = k->next;
	k->next = free_classes;
	free_classes = k;
}

/* What sigwait wants stays in the kernel's queue even where others would take it, unless main would: the kernel prefers
 * the main thread, and a wait is as good as another thread's handler. */
static uint64_t waited_for(void)
{
	struct signal_thread *m = &threads.main.signals;
	uint64_t waited = 0;

	LIST_EACH(node, &signals_waiters)
		waited |= LIST_ENTRY(node, struct signal_thread, waiter)->waiting;
	return waited & (m->class ? m->mask | m->waiting : SIGNAL_ALL);
}

void signals_mask_refresh(void)
{
	uint64_t mask = SIGNAL_ALL;

	for (struct mask_class *k = classes; k; k = k->next)
		mask &= k->mask;
	mask |= waited_for();
	mask &= ~never;
	if (mask == real)
		return;
	real = mask;
	if (!cpus_at_home())
		cpus_kick(&threads.hub.home);
	else if (!held_off)
		kernel_mask(real);
}

void signals_mask_renewed(ucontext_t *uc)
{
	if (!held_off)
		signal_frame_set_mask(uc, real);
}

uint64_t signals_real_mask(void)
{
	return cpus_at_home() ? real : AWAY_MASK;
}

void signals_mask_open(struct thread *main_thread, uint64_t mask)
{
	classes = NULL;
	free_classes = NULL;
	held_off = false;
	never = SIGNAL_NEVER_BLOCKED | SIGNAL_OURS;
	real = mask;
	class_join(main_thread, mask);
	signals_mask_refresh();
}

/* The C library blocks everything while it makes a thread. Nobody else runs meanwhile, so who sends a signal then cannot
 * tell whether it is the kernel that keeps it. */
void signals_mask_set(struct thread *t, uint64_t mask)
{
	bool blocks;

	mask &= ~SIGNAL_NEVER_BLOCKED;
	if (mask == t->signals.mask)
		return;
	blocks = !(t->signals.mask & ~mask);
	class_leave(t);
	class_join(t, mask);
	if (!blocks || !t->makes_thread)
		signals_mask_refresh();
	signals_update(t);
}

void signals_thread_new(struct thread *parent, struct thread *child)
{
	signal_queue_init(&child->signals.queue);
	class_join(child, parent->signals.mask);
}

/* What had been handed to it from the process is another's now. */
void signals_thread_exit(struct thread *t)
{
	struct signal_queue left;
	siginfo_t info;

	signal_queue_init(&left);
	signal_queue_move(&t->signals.queue, &left, SIGNAL_ALL, true);
	signal_queue_drop(&t->signals.queue, SIGNAL_ALL);
	class_leave(t);
	signals_mask_refresh();
	while (signal_queue_take(&left, SIGNAL_ALL, &info))
		signals_route(&info, NULL);
}

void signals_mask_temporary(uint64_t mask)
{
	struct thread *t = thread_self();

	t->signals.saved = t->signals.mask;
	t->signals.temporary = true;
	signals_mask_set(t, mask);
}

void signals_mask_put_back(struct thread *t)
{
	t->signals.temporary = false;
	signals_mask_set(t, t->signals.saved);
}

void signals_block(void)
{
	if (cpus_at_home())
		held_off = true;
	kernel_mask(SIGNAL_ALL_REALLY);
}

bool signals_block_again(void)
{
	bool already = held_off;

	signals_block();
	return already;
}

void signals_block_but(int sig)
{
	held_off = true;
	kernel_mask(SIGNAL_ALL_REALLY & ~SIGNAL_BIT(sig));
}

void signals_unblock(void)
{
	if (!cpus_at_home()) {
		kernel_mask(AWAY_MASK);
		return;
	}
	held_off = false;
	kernel_mask(real);
	if (signals.lent) {
		signals_ignored_really(false);
		fsbase_hide();
		signals_stack_provide();
		sched_back();
	}
	signals.lent = false;
}

void signals_blocked_already(void)
{
	if (cpus_at_home())
		held_off = true;
}

void signals_left(void)
{
	if (cpus_at_home())
		held_off = false;
}

void signals_real_mask_for_child(void)
{
	uint64_t mask = thread_self()->signals.mask;

	held_off = true;
	if (!signals.lent) {
		fsbase_publish(); /* the mask may block SIGSEGV */
		signals_stack_withdraw();
		signals_ignored_really(true);
	}
	signals.lent = true;
	if (mask != real)
		kernel_mask(mask);
}

void signals_real_mask_back(void)
{
	if (signals.lent)
		signals_unblock();
}

/* Only the caller lives on; it may be inside a handler, whose frame is still to be left. */
void signals_mask_forked(void)
{
	struct thread *t = thread_self();

	classes = NULL;
	free_classes = NULL;
	never = SIGNAL_NEVER_BLOCKED;
	held_off = false;
	signals.lent = false;
	class_join(t, t->signals.mask);
	real = t->signals.mask;
	kernel_mask(real);
}

static uint64_t changed(uint64_t mask, int how, uint64_t set)
{
	return how == SIG_BLOCK ? mask | set : how == SIG_UNBLOCK ? mask & ~set : set;
}

long sys_rt_sigprocmask(struct call *c)
{
	struct thread *t = thread_self();
	uint64_t before = t->signals.mask, wanted;
	int how = (int)c->arg[0];

	if ((size_t)c->arg[3] != SIGNAL_SETSIZE)
		return -EINVAL;
	if (c->arg[1] && user_get(&wanted, (void *)c->arg[1]))
		return -EFAULT;
	if (c->arg[1] && (how < SIG_BLOCK || how > SIG_SETMASK))
		return -EINVAL;
	if (c->arg[1])
		signals_mask_set(t, changed(before, how, wanted));
	if (c->arg[2] && user_put((void *)c->arg[2], &before))
		return -EFAULT;
	thread_did_not_block();
	return 0;
}
