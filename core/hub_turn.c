#include <errno.h>
#include <sys/resource.h>

#include "asan.h"
#include "check.h"
#include "fdwait.h"
#include "hub_impl.h"
#include "kernel.h"
#include "loop.h"
#include "runqueue.h"

#define FIND_NS 5000 /* what a poll may take for each fiber that it makes ready */

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
		hub_queue(hub, f);
	}
}

static bool nothing_can_wake(const struct hub *hub)
{
	return !hub->ready && !hub->timers.root && !hub->waiters && !hub->holds && !hub->attention &&
	       !hub->home.attention && hub->busy == 1;
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

static void report_stall(struct hub *hub)
{
	if (nothing_can_wake(hub) && !hub->stalled && hub->on_stall) {
		hub->stalled = true;
		hub->on_stall(hub);
	}
}

/* About, of late, and of all CPUs together. */
static void measure_slices(struct hub *hub, uint64_t now)
{
	if (hub->turns)
		hub->slice_ns = (3 * hub->slice_ns + (now - hub->batch_ns) * hub->busy / hub->turns) / 4;
}

/* A poll that had to wait has found less than what took its time. */
static void measure_wait(struct hub *hub, uint64_t begin_ns)
{
	if (hub->now_ns - begin_ns > FIND_NS * (hub->ready + 1))
		hub->waited_ns = hub->now_ns;
}

static void begin_batch(struct hub *hub, uint64_t now)
{
	hub->batch_ns = now;
	hub->turns = 0;
	hub->round = hub->ready;
}

static void poll_once(struct cpu *cpu)
{
	struct hub *hub = cpu->hub;
	uint64_t begin_ns = hub->cpus_most > 1 ? now_ns() : 0;

	if (hub->measures)
		hub_measure(hub);
	if (begin_ns)
		measure_slices(hub, begin_ns);
	fdwait_arm(hub);
	report_stall(hub);
	hub->polls++;
	hub->poller = cpu;
	loop_poll(hub->loop, !hub_has_work(cpu) && !hub->attention,
		  hub->timers.root ? hub->timers.root->deadline_ns : DEADLINE_NEVER);
	hub->poller = NULL;
	if (hub->home_polls && cpu != &hub->home)
		cpu_poke(&hub->home); /* it may wait because this one did */
	hub->now_ns = now_ns();
	if (begin_ns)
		measure_wait(hub, begin_ns);
	if (hub->measures)
		measure_from_now(hub);
	if (cpu->interrupted && hub->on_continue)
		hub->on_continue(hub);
	expire(hub);
	begin_batch(hub, hub->now_ns);
}

/* Another CPU may be in the loop. */
static void poll_or_idle(struct cpu *cpu)
{
	hub_urge_home(cpu->hub);
	if (!cpu->hub->poller && (!cpu->hub->home_polls || cpu == &cpu->hub->home))
		poll_once(cpu);
	else if (hub_has_work(cpu))
		begin_batch(cpu->hub, now_ns());
	else
		cpu_idle(cpu);
}

static void attend(struct cpu *cpu)
{
	struct hub *hub = cpu->hub;

	if (!hub->attention && !cpu->attention)
		return;
	hub->attention = cpu->attention = 0;
	if (hub->on_attention)
		hub->on_attention(hub);
}

/* Each time anew: the compiler takes the address for constant, but the hub has now one greenlet's errno, now another's. */
__attribute__((noinline, noclone)) static int *errno_now(void)
{
	__asm__ volatile("");
	return &errno;
}

static void part_queues(struct hub *hub)
{
	struct fiber *f = hub->head;

	hub->head = NULL;
	hub->tail = &hub->head;
	hub->ready = 0;
	while (f) {
		struct fiber *next = f->next;

		run_queue_push(hub, f);
		f = next;
	}
}

void hub_share(struct hub *hub, uintptr_t tp)
{
	struct cpu *home = &hub->home;

	*errno_now() = home->saved_errno;
	hub->lock = 1; /* ours: we are in the hub's code */
	hub->shared = true;
	part_queues(hub);
	home->tp = home->fiber.context.tp = tp;
	*(struct fiber **)context_thread_local(tp, &fiber_self) = NULL;
	*(struct cpu **)context_thread_local(tp, &cpu_self) = home;
	context_set_thread_pointer(tp);
	home->saved_errno = *errno_now();
}

/* What the hub does between two runs of fibers. */
static struct fiber *hub_turn(struct cpu *cpu)
{
	struct hub *hub = cpu->hub;

	if (cpu->caller) {
		struct fiber *caller = cpu->caller;

		cpu->caller = NULL;
		cpu->call(cpu->call_arg);
		return caller;
	}
	bury(hub);
	attend(cpu);
	if (cpu->leaves)
		return NULL;
	if (hub->wants_cpu && cpu == &hub->home) {
		hub->wants_cpu = false;
		hub->on_want_cpu(hub);
	}
	cpu->wanted = cpu->urged = false;
	if (!hub_has_work(cpu) || hub_batch_over(cpu))
		poll_or_idle(cpu);
	return hub_next(cpu);
}

void hub_main(void *arg)
{
	struct cpu *cpu = arg;

	asan_arrive(&cpu->fiber);
	fiber_self = NULL;
	cpu_self = cpu;
	cpu->saved_errno = *errno_now(); /* whose thread-locals these are shall find no trace of us */
	for (;;) {
		struct fiber *next = hub_turn(cpu);

		if (!next && cpu->leaves)
			return;
		if (!next)
			continue;
		cpu->hub->stalled = false;
		*errno_now() = cpu->saved_errno;
		hub_resume(&cpu->fiber, next);
		fiber_self = NULL;
		cpu->saved_errno = *errno_now();
	}
}
