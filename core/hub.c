#include "hub.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "account.h"
#include "asan.h"
#include "check.h"
#include "fdwait.h"
#include "kernel.h"
#include "loop.h"
#include "runqueue.h"

/* The batch of ready fibers is cut for a poll after this many switches or this long, once those that were ready at the
 * last poll have run: what a poll finds goes behind them anyway, and what they have yet to read would be found again. */
#define BATCH_SWITCHES 1024
#define BATCH_NS 500000
#define CLOCK_EVERY 8
#define CACHE_LINE 64
#define PREFETCH_LINES 16
#define TCB_CANCELLATION 0x308 /* where glibc's blocking calls look first, on x86-64 */

_Thread_local struct fiber *fiber_self;
_Thread_local struct hub *hub_self;

/* The next but one is fetched while the next runs: with many greenlets each has been out of the caches since its last
 * turn. What it touches first: the frames above its stack pointer, the head of its thread control block, fiber_self. */
static void prefetch(const struct fiber *f)
{
	const char *sp = f->context.sp, *tp = (const char *)f->context.tp;
	const char *own = tp + ((const char *)&fiber_self - (const char *)context_thread_pointer());

	for (int i = 0; i < PREFETCH_LINES; i++)
		__builtin_prefetch(sp + i * CACHE_LINE, 1);
	__builtin_prefetch(tp, 1);
	__builtin_prefetch(tp + TCB_CANCELLATION, 1);
	__builtin_prefetch(own, 1);
}

static struct fiber *run_queue_pop(struct hub *hub)
{
	struct fiber *f;

	if (hub->seed)
		run_queue_shuffle(hub);
	f = hub->head;
	if (f) {
		hub->head = f->next;
		hub->ready--;
		if (hub->round)
			hub->round--;
		if (!hub->head)
			hub->tail = &hub->head;
		else
			prefetch(hub->head);
	}
	return f;
}

void fiber_prepare(struct fiber *f, struct hub *hub, void *stack_low, unsigned long size, void (*entry)(void *),
		   void *arg)
{
	memset(f, 0, sizeof(*f));
	f->hub = hub;
	f->state = FIBER_NEW;
	context_make(&f->context, (char *)stack_low + size, entry, arg);
	asan_stack(f, stack_low, size);
}

/* The hub runs with the thread pointer that it finds, as long as there is one: setting it may cost a call. */
static uintptr_t hub_tp(const struct hub *hub, const struct fiber *left)
{
	if (left->lent_tp)
		return left->lent_tp;
	return left->state == FIBER_DEAD ? hub->home_tp : left->context.tp;
}

/* From the fiber `self` (or the hub) to another. Thread-locals are those of the one that runs: set after resuming. */
static void resume(struct fiber *self, struct fiber *next)
{
	struct hub *hub = self->hub;

	hub->switches++;
	if (hub->account.exact)
		account_slice(hub, self);
	next->state = FIBER_RUNNING;
	if (next == &hub->fiber)
		next->context.tp = hub_tp(hub, self);
	asan_leave(self, next);
	if (self->vectors == VECTORS_NONE)
		context_switch(&self->context, &next->context);
	else if (self->vectors == VECTORS_SSE)
		context_switch_sse(&self->context, &next->context);
	else
		context_switch_xsave(&self->context, &next->context);
	asan_arrive(self);
	fiber_self = self;
	hub_self = hub;
}

static bool batch_over(struct hub *hub)
{
	unsigned turn = ++hub->turns;

	if (hub->attention)
		return true;
	if (hub->round)
		return false;
	if (turn >= BATCH_SWITCHES)
		return true;
	return turn % CLOCK_EVERY == 0 && now_ns() - hub->batch_ns > BATCH_NS;
}

/* SWITCHES. The calling fiber has said where it waits; run the next one, or the hub if there is none or it is time. */
static void leave(struct fiber *self)
{
	struct hub *hub = self->hub;
	struct fiber *next = NULL;

	if (!batch_over(hub))
		next = run_queue_pop(hub);
	if (next == self)
		self->state = FIBER_RUNNING;
	else
		resume(self, next ? next : &hub->fiber);
}

long hub_park(const char *why, uint64_t deadline_ns)
{
	struct fiber *self = fiber_self;
	struct hub *hub = self->hub;

	if (self->woken) {
		self->woken = false;
		return self->value;
	}
	self->why = why;
	self->since_ns = hub->now_ns;
	self->state = FIBER_PARKED;
	if (deadline_ns != DEADLINE_NEVER)
		timer_add(&hub->timers, &self->timer, deadline_ns);
	leave(self);
	self->why = NULL;
	return self->value;
}

bool hub_wake(struct fiber *f, long value)
{
	if (f->state != FIBER_PARKED)
		return false;
	timer_cancel(&f->timer);
	f->value = value;
	run_queue_push(f->hub, f);
	return true;
}

void hub_wake_kept(struct fiber *f, long value)
{
	if (hub_wake(f, value))
		return;
	f->woken = true;
	f->value = value;
}

void hub_claim(struct fiber *f)
{
	struct hub *hub = f->hub;
	struct fiber **link = &hub->head;

	if (f->state == FIBER_PARKED) {
		timer_cancel(&f->timer);
	} else if (f->state == FIBER_READY) {
		while (*link != f)
			link = &(*link)->next;
		*link = f->next;
		if (!f->next)
			hub->tail = link;
		hub->ready--;
	}
	f->state = FIBER_AWAY;
}

void hub_start(struct fiber *f)
{
	CHECK(f->state, ==, FIBER_NEW);
	run_queue_push(f->hub, f);
}

void hub_yield(void)
{
	struct fiber *self = fiber_self;

	run_queue_push(self->hub, self);
	self->why = "yield";
	leave(self);
	self->why = NULL;
}

void hub_yield_to_all(void)
{
	fiber_self->hub->turns = BATCH_SWITCHES;
	hub_yield();
}

void hub_yield_to(struct fiber *f)
{
	struct fiber *self = fiber_self, **link = &self->hub->head;

	run_queue_push(self->hub, self);
	while (*link != f)
		link = &(*link)->next;
	run_queue_first(self->hub, link);
	self->hub->turns = BATCH_SWITCHES;
	self->why = "yield";
	leave(self);
	self->why = NULL;
}

long hub_sleep(uint64_t ns)
{
	long ret = hub_park("sleep", deadline_in(ns));

	return ret == -ETIMEDOUT ? 0 : ret;
}

void hub_finish(void (*after)(struct fiber *f))
{
	struct fiber *self = fiber_self;
	struct hub *hub = self->hub;

	self->state = FIBER_DEAD;
	self->value = (long)after;
	self->vectors = VECTORS_NONE;
	self->next = hub->dead;
	hub->dead = self;
	resume(self, &hub->fiber);
	__builtin_unreachable();
}

void hub_call(void (*fn)(void *), void *arg)
{
	struct fiber *self = fiber_self;
	struct hub *hub;

	if (!self) { /* on the hub already: one of its hooks */
		fn(arg);
		return;
	}
	hub = self->hub;
	hub->call = fn;
	hub->call_arg = arg;
	hub->caller = self;
	resume(self, &hub->fiber);
}

void hub_attention(struct hub *hub)
{
	hub->attention = 1;
	loop_wakeup(hub->loop);
}

static void bury(struct hub *hub)
{
	struct fiber *f;

	while ((f = hub->dead)) {
		hub->dead = f->next;
		((void (*)(struct fiber *))f->value)(f);
	}
}

static void expire(struct hub *hub)
{
	struct timer *t;

	while ((t = timer_pop_due(&hub->timers, hub->now_ns))) {
		struct fiber *f = LIST_ENTRY(t, struct fiber, timer);

		CHECK(f->state, ==, FIBER_PARKED);
		f->value = -ETIMEDOUT;
		run_queue_push(hub, f);
	}
}

static bool nothing_can_wake(const struct hub *hub)
{
	return !hub->head && !hub->timers.root && !hub->waiters && !hub->holds && !hub->attention;
}

/* How often the OS thread has left its CPU to wait, and not for another's turn. */
static uint64_t times_slept(void)
{
	struct rusage usage = {0};

	kernel_call(SYS_getrusage, RUSAGE_THREAD, &usage);
	return (uint64_t)usage.ru_nvcsw;
}

static void measure_from_now(struct hub *hub)
{
	hub->measured.wall_ns = now_ns();
	hub->measured.cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	hub->measured.slept = times_slept();
}

void hub_measure(struct hub *hub)
{
	uint64_t wall = now_ns() - hub->measured.wall_ns,
		 cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID) - hub->measured.cpu_ns;

	if (hub->measured.wall_ns && wall > cpu && times_slept() != hub->measured.slept)
		hub->blocked_ns += wall - cpu;
	measure_from_now(hub);
}

static void poll_once(struct hub *hub)
{
	if (hub->measures)
		hub_measure(hub);
	fdwait_arm(hub);
	if (nothing_can_wake(hub) && !hub->stalled && hub->on_stall) {
		hub->stalled = true;
		hub->on_stall(hub);
	}
	hub->polls++;
	loop_poll(hub->loop, !hub->head && !hub->attention,
		  hub->timers.root ? hub->timers.root->deadline_ns : DEADLINE_NEVER);
	hub->now_ns = hub->batch_ns = now_ns();
	if (hub->measures)
		measure_from_now(hub);
	hub->turns = 0;
	if (hub->interrupted && hub->on_continue)
		hub->on_continue(hub);
	expire(hub);
	hub->round = hub->ready;
}

/* What the hub does between two runs of fibers. */
static struct fiber *hub_turn(struct hub *hub)
{
	if (hub->caller) {
		struct fiber *caller = hub->caller;

		hub->caller = NULL;
		hub->call(hub->call_arg);
		return caller;
	}
	bury(hub);
	if (hub->attention) {
		hub->attention = 0;
		if (hub->on_attention)
			hub->on_attention(hub);
	}
	if (!hub->head || batch_over(hub))
		poll_once(hub);
	return run_queue_pop(hub);
}

/* Each time anew: the compiler takes the address for constant, but the hub has now one greenlet's errno, now another's. */
__attribute__((noinline, noclone)) static int *errno_now(void)
{
	__asm__ volatile("");
	return &errno;
}

void hub_main(void *arg)
{
	struct hub *hub = arg;
	int saved = *errno_now(); /* whose thread-locals these are shall find no trace of us */

	asan_arrive(&hub->fiber);
	fiber_self = NULL;
	for (;;) {
		struct fiber *next = hub_turn(hub);

		if (!next)
			continue;
		hub->stalled = false;
		*errno_now() = saved;
		resume(&hub->fiber, next);
		fiber_self = NULL;
		saved = *errno_now();
	}
}
