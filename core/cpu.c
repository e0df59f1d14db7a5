#include "cpu.h"

#include <errno.h>
#include <linux/futex.h>

#include "hub.h"
#include "hub_impl.h"
#include "kernel.h"
#include "loop.h"

#define SPINS 200

_Thread_local struct cpu *cpu_self;

static void pause_a_little(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#else
	__asm__ volatile("yield");
#endif
}

void cpu_lock_wait(uint32_t *lock)
{
	for (int i = 0; i < SPINS; i++) {
		uint32_t is_free = 0;

		if (!__atomic_load_n(lock, __ATOMIC_RELAXED) &&
		    __atomic_compare_exchange_n(lock, &is_free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
			return;
		pause_a_little();
	}
	while (__atomic_exchange_n(lock, 2, __ATOMIC_ACQUIRE))
		kernel_call(SYS_futex, lock, FUTEX_WAIT_PRIVATE, 2, NULL);
}

void cpu_lock_wake(uint32_t *lock)
{
	kernel_call(SYS_futex, lock, FUTEX_WAKE_PRIVATE, 1);
}

void cpu_poke(struct cpu *cpu)
{
	__atomic_store_n(&cpu->word, 1, __ATOMIC_SEQ_CST);
	if (cpu->state == CPU_IDLE)
		kernel_call(SYS_futex, &cpu->word, FUTEX_WAKE_PRIVATE, 1);
	else if (cpu->state == CPU_POLLS)
		loop_wakeup(cpu->hub->loop);
}

/* What comes before is seen, what comes later pokes. */
bool cpu_begin_wait(struct cpu *cpu, enum cpu_state state)
{
	__atomic_store_n(&cpu->word, 0, __ATOMIC_SEQ_CST);
	cpu->state = (uint8_t)state;
	cpu->hub->busy--;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	return !cpu->attention && !cpu->hub->attention && !cpu->wanted && !cpu->leaves;
}

void cpu_end_wait(struct cpu *cpu)
{
	cpu->hub->busy++;
	cpu->state = CPU_RUNS;
}

void cpu_idle(struct cpu *cpu)
{
	struct hub *hub = cpu->hub;

	if (cpu_begin_wait(cpu, CPU_IDLE)) {
		hub_leave(hub);
		while (!__atomic_load_n(&cpu->word, __ATOMIC_SEQ_CST) &&
		       kernel_call(SYS_futex, &cpu->word, FUTEX_WAIT_PRIVATE, 0, NULL) != -EINTR)
			;
		hub_enter(hub);
	}
	cpu_end_wait(cpu);
}

void hub_poll_at_home(struct hub *hub)
{
	struct cpu *poller = hub->poller;

	hub->home_polls = true;
	if (poller && poller != &hub->home)
		cpu_poke(poller);
}

/* One that was called already is on its way. */
static bool waits(const struct cpu *cpu)
{
	return cpu->state == CPU_IDLE && !cpu->word;
}

void cpu_call_another(struct hub *hub)
{
	struct cpu *polls = hub->poller;

	for (struct cpu *cpu = hub->others; cpu; cpu = cpu->next)
		if (waits(cpu)) {
			cpu_poke(cpu);
			return;
		}
	if (waits(&hub->home))
		cpu_poke(&hub->home);
	else if (polls && polls->state == CPU_POLLS && !polls->word)
		cpu_poke(polls);
	else if (hub->cpus < hub->cpus_most && hub->now_ns >= hub->want_ns)
		hub->wants_cpu = true;
}

void cpu_serve(struct cpu *cpu)
{
	struct hub *hub = cpu->hub;

	cpu->fiber.hub = hub;
	cpu->fiber.cpu = cpu;
	cpu->fiber.why = "hub";
	cpu->fiber.context.tp = cpu->tp;
	cpu->state = CPU_RUNS;
	cpu_self = cpu;
	hub->busy++;
	hub_main(cpu);
	hub->busy--;
	hub_leave(hub);
}
