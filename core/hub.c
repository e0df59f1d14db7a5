#include "hub.h"

#include <errno.h>
#include <string.h>

#include "account.h"
#include "asan.h"
#include "check.h"
#include "hub_impl.h"
#include "loop.h"
#include "runqueue.h"
#include "kernel.h"

/* The batch of ready fibers is cut for a poll after this many switches or this long, once those that were ready at the
 * last poll have run: what a poll finds goes behind them anyway, and what they have yet to read would be found again. */
#define BATCH_SWITCHES 1024
#define BATCH_NS 500000
#define CLOCK_EVERY 8
#define HOT 2 /* so few that run in turn are in the caches */
#define CACHE_LINE 64
#define PREFETCH_LINES 16
#define TCB_CANCELLATION 0x308 /* where glibc's blocking calls look first, on x86-64 */
/* A hub that has less to do than this is quicker than another CPU, which must be woken and has nothing cached. */
#define WORK_NS 30000
/* And one that had nothing to do so lately needs no second one, and no lock. */
#define LATELY_NS 1000000

_Thread_local struct fiber *fiber_self;

static void want_home(struct cpu *home)
{
	if (home == cpu_self || home->wanted)
		return;
	home->wanted = true;
	if (home->state != CPU_RUNS)
		cpu_poke(home);
}

/* It most often sees by itself in a moment. */
void hub_urge_home(struct hub *hub)
{
	struct cpu *home = &hub->home;

	if (home != cpu_self && home->wanted && !home->urged && home->state == CPU_RUNS) {
		home->urged = true;
		hub->on_wanted(home);
	}
}

static bool is_for_another(const struct hub *hub)
{
	return hub->ready * hub->slice_ns > WORK_NS && (hub->shared || hub->now_ns - hub->waited_ns > LATELY_NS);
}

void hub_queue(struct hub *hub, struct fiber *f)
{
	run_queue_push(hub, f);
	if (hub->cpus_most == 1)
		return;
	if (f->at_home)
		want_home(&hub->home);
	else if (hub->busy < hub->cpus_most && is_for_another(hub))
		cpu_call_another(hub);
}

/* The next but one is fetched while the next runs: with many greenlets each has been out of the caches since its last
 * turn. What it touches first: the frames above its stack pointer, its vector registers, the head of its thread control
 * block, fiber_self. Two are read too: not every CPU prefetches what its TLB has not. */
static void prefetch(const struct fiber *f)
{
	const char *sp = f->context.sp, *tp = (const char *)f->context.tp;
	const char *own = context_thread_local(f->context.tp, &fiber_self);

	for (int i = 0; i < PREFETCH_LINES; i++)
		__builtin_prefetch(sp + i * CACHE_LINE, 1);
	__builtin_prefetch(tp, 1);
	__builtin_prefetch(tp + TCB_CANCELLATION, 1);
	__builtin_prefetch(own, 1);
	if (f->vectors == VECTORS_SSE)
		for (size_t i = 0; i <= sizeof(*f->room); i += CACHE_LINE)
			__builtin_prefetch((const char *)f->room + i, 1);
	if (f != fiber_self) { /* which yields, and is not suspended yet */
		context_touch(sp);
		context_touch(own);
	}
}

static struct fiber *pop(struct hub *hub, struct fiber **head, struct fiber ***tail)
{
	struct fiber *f = run_queue_pop(hub, head, tail);

	if (hub->ready > HOT && *head)
		prefetch(*head);
	return f;
}

static bool is_home(const struct cpu *cpu)
{
	return cpu == &cpu->hub->home;
}

bool hub_has_work(const struct cpu *cpu)
{
	return cpu->hub->head || (cpu->hub->home_head && is_home(cpu));
}

struct fiber *hub_next(struct cpu *cpu)
{
	struct hub *hub = cpu->hub;

	if (hub->home_head && is_home(cpu)) {
		hub->home_first = !hub->home_first || !hub->head;
		if (hub->home_first)
			return pop(hub, &hub->home_head, &hub->home_tail);
	}
	if (hub->seed)
		run_queue_shuffle(hub);
	return hub->head ? pop(hub, &hub->head, &hub->tail) : NULL;
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
static uintptr_t hub_tp(const struct cpu *cpu, const struct fiber *self)
{
	if (cpu->tp)
		return cpu->tp;
	if (self->lent_tp)
		return self->lent_tp;
	return self->state == FIBER_DEAD ? cpu->hub->home_tp : self->context.tp;
}

/* A signal's handler must know the OS thread between any two instructions here. */
static void tell_cpu(const struct fiber *next, struct cpu *cpu)
{
	*(struct cpu **)context_thread_local(next->context.tp, &cpu_self) = cpu;
}

/* fiber_self is of the one that runs: set after resuming. */
void hub_resume(struct fiber *self, struct fiber *next)
{
	struct cpu *cpu = self->cpu;

	cpu->switches++;
	if (cpu->hub->exact)
		account_slice(cpu, self);
	next->state = FIBER_RUNNING;
	next->cpu = cpu;
	if (next == &cpu->fiber)
		next->context.tp = hub_tp(cpu, self);
	tell_cpu(next, cpu);
	asan_leave(self, next);
	if (self->vectors == VECTORS_NONE)
		context_switch(&self->context, &next->context);
	else if (self->vectors == VECTORS_SSE)
		context_switch_sse(&self->context, &next->context, self->room);
	else
		context_switch_xsave(&self->context, &next->context);
	asan_arrive(self);
	fiber_self = self;
}

bool hub_batch_over(struct cpu *cpu)
{
	struct hub *hub = cpu->hub;
	unsigned turn = ++hub->turns;

	if (hub->attention || cpu->attention || cpu->leaves || (hub->wants_cpu && is_home(cpu)))
		return true;
	if (turn % CLOCK_EVERY == 0)
		hub_urge_home(hub);
	if (hub->round)
		return false;
	if (turn >= BATCH_SWITCHES)
		return true;
	return turn % CLOCK_EVERY == 0 && now_ns() - hub->batch_ns > BATCH_NS;
}

/* SWITCHES. The calling fiber has said where it waits; run the next one, or the hub if there is none or it is time. */
static void leave(struct fiber *self)
{
	struct cpu *cpu = self->cpu;
	struct fiber *next = NULL;

	cpu->wanted = cpu->urged = false;
	if (!hub_batch_over(cpu))
		next = hub_next(cpu);
	if (next == self)
		self->state = FIBER_RUNNING;
	else
		hub_resume(self, next ? next : &cpu->fiber);
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
	if (deadline_ns != DEADLINE_NEVER) {
		timer_add(&hub->timers, &self->timer, deadline_ns);
		if (hub->poller)
			loop_sooner(hub->loop, deadline_ns);
	}
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
	hub_queue(f->hub, f);
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

void hub_go_home(void)
{
	struct fiber *self = fiber_self;

	self->at_home = true;
	if (is_home(self->cpu))
		return;
	hub_queue(self->hub, self);
	self->why = "home";
	leave(self);
	self->why = NULL;
}

void hub_start(struct fiber *f)
{
	CHECK(f->state, ==, FIBER_NEW);
	hub_queue(f->hub, f);
}

void hub_yield(void)
{
	struct fiber *self = fiber_self;

	hub_queue(self->hub, self);
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
	struct fiber *self = fiber_self, **link;
	struct hub *hub = self->hub;

	hub_queue(hub, self);
	if ((link = run_queue_find(&hub->head, f)))
		run_queue_first(&hub->head, &hub->tail, link);
	else if ((link = run_queue_find(&hub->home_head, f)))
		run_queue_first(&hub->home_head, &hub->home_tail, link);
	hub->turns = BATCH_SWITCHES;
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
	hub_resume(self, &self->cpu->fiber);
	__builtin_unreachable();
}

void hub_call(void (*fn)(void *), void *arg)
{
	struct fiber *self = fiber_self;
	struct cpu *cpu;

	if (!self) { /* on the hub already: one of its hooks */
		fn(arg);
		return;
	}
	cpu = self->cpu;
	cpu->call = fn;
	cpu->call_arg = arg;
	cpu->caller = self;
	hub_resume(self, &cpu->fiber);
}

void hub_attention(struct hub *hub)
{
	hub->attention = 1;
	loop_wakeup(hub->loop);
}
