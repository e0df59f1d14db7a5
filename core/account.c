#include "account.h"

#include "kernel.h"

#define SHORT_NS 50000

/* Not libc's: the shim answers for it. */
static uint64_t os_thread_ns(void)
{
	struct timespec ts = {0, 0};

	kernel_call(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, &ts);
	return timespec_ns(&ts);
}

/* include/linux/posix-timers.h: the number inverted, above three bits that say a thread's, as the scheduler counts. */
static uint64_t os_thread_ns_of(const struct cpu *cpu)
{
	struct timespec ts = {0, 0};

	kernel_call(SYS_clock_gettime, (long)(~(unsigned)cpu->tid << 3 | 6), &ts);
	return timespec_ns(&ts);
}

/* What has been used since the last sample, and is nobody's yet. */
static uint64_t left_over(const struct account *a, uint64_t cpu_ns)
{
	uint64_t used = cpu_ns - a->sampled_ns;

	return used > a->given_ns ? used - a->given_ns : 0;
}

/* It is f's. */
static void sample(struct cpu *cpu, struct fiber *f)
{
	struct account *a = &cpu->account;
	uint64_t cpu_ns = os_thread_ns();

	f->cpu_ns += left_over(a, cpu_ns);
	a->sampled_ns = cpu_ns;
	a->given_ns = 0;
	a->slice_ns = now_ns();
}

void account_open(struct hub *hub, struct fiber *f, bool exact)
{
	hub->exact = exact;
	sample(f->cpu, f);
}

void account_tick(struct cpu *cpu, struct fiber *f, uint64_t ns)
{
	if (cpu->hub->exact)
		return;
	(f ? f : &cpu->fiber)->cpu_ns += ns;
	cpu->account.given_ns += ns;
}

void account_slice(struct cpu *cpu, struct fiber *f)
{
	struct account *a = &cpu->account;
	uint64_t now = now_ns(), took = now - a->slice_ns;

	if (took >= SHORT_NS) {
		sample(cpu, f);
		return;
	}
	f->cpu_ns += took;
	a->given_ns += took;
	a->slice_ns = now;
}

/* Between two ticks others may have run too: no more than the time since the batch began can be f's. */
static void become_exact(struct hub *hub, struct fiber *f)
{
	uint64_t before = f->cpu_ns, most = before + (now_ns() - hub->batch_ns);

	sample(f->cpu, f);
	if (f->cpu_ns > most)
		f->cpu_ns = most;
	hub->exact = true;
}

uint64_t account_of(struct hub *hub, struct fiber *self, const struct fiber *f)
{
	if (hub->exact)
		sample(self->cpu, self);
	else
		become_exact(hub, self);
	if (f->state != FIBER_RUNNING || f->cpu == self->cpu)
		return f->cpu_ns;
	return f->cpu_ns + left_over(&f->cpu->account, os_thread_ns_of(f->cpu)); /* it may run on without a switch */
}
