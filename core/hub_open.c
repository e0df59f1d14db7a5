/* A hub's beginning and end. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "asan.h"
#include "fdwait.h"
#include "hub_impl.h"
#include "kernel.h"
#include "loop.h"
#include "reserve.h"

/* libev and the hooks run here; untouched pages cost nothing. */
#define HUB_STACK (256 << 10)
#define GUARD 4096

static int hub_prepare(struct hub *hub, struct fiber *main_fiber)
{
	struct cpu *home = &hub->home;

	hub->tail = &hub->head;
	hub->home_tail = &hub->home_head;
	hub->cpus = hub->cpus_most = hub->busy = 1;
	list_init(&hub->arm);
	hub->loop = loop_open(hub);
	if (!hub->loop)
		return -EMFILE;
	fiber_prepare(&home->fiber, hub, (char *)hub->stack + GUARD, HUB_STACK - GUARD, hub_main, home);
	home->fiber.cpu = home;
	home->fiber.why = "hub";
	home->hub = hub;
	home->tid = (int)kernel_call(SYS_gettid);
	hub->now_ns = hub->batch_ns = hub->waited_ns = now_ns();
	main_fiber->hub = hub;
	main_fiber->cpu = home;
	main_fiber->state = FIBER_RUNNING;
	main_fiber->context.tp = context_thread_pointer();
	hub->home_tp = main_fiber->context.tp;
	cpu_self = home;
	fiber_self = main_fiber;
	return 0;
}

int hub_open(struct hub *hub, struct fiber *main_fiber)
{
	long stack = kernel_call(SYS_mmap, reserve_place(HUB_STACK), HUB_STACK, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	int err;

	if (kernel_failed(stack))
		return (int)stack;
	kernel_call(SYS_mprotect, stack, GUARD, PROT_NONE);
	context_init();
	memset(hub, 0, sizeof(*hub));
	hub->stack = (void *)stack;
	err = hub_prepare(hub, main_fiber);
	if (err)
		kernel_call(SYS_munmap, stack, HUB_STACK);
	return err;
}

static void close_loop(void *arg)
{
	loop_close(((struct hub *)arg)->loop);
}

void hub_close(struct hub *hub)
{
	fdwait_reset(hub);
	hub_call(close_loop, hub);
	asan_forget(hub->stack, HUB_STACK);
	kernel_call(SYS_munmap, hub->stack, HUB_STACK);
	fiber_self = NULL;
	cpu_self = NULL;
}

int hub_forked(struct hub *hub)
{
	struct fiber *self = fiber_self;
	void *stack = hub->stack;
	void (*on_attention)(struct hub *) = hub->on_attention;
	void (*on_continue)(struct hub *) = hub->on_continue;
	void (*on_stall)(struct hub *) = hub->on_stall;

	fdwait_reset(hub);
	hub_call(close_loop, hub);
	memset(hub, 0, sizeof(*hub));
	hub->stack = stack;
	hub->on_attention = on_attention;
	hub->on_continue = on_continue;
	hub->on_stall = on_stall;
	return hub_prepare(hub, self);
}
