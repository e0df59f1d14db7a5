#include "cpus.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/syscall.h>

#include "../core/account.h"
#include "../core/reserve.h"
#include "fsbase.h"
#include "offload.h"
#include "offload_start.h"
#include "options.h"
#include "sched.h"
#include "scratch.h"
#include "signal_state.h"
#include "tls.h"

#define HWCAP2_FSGSBASE 2

/* The hub's code, libev's too, runs on the stack. */
#define STACK (256 << 10)
#define SIGNAL_STACK (64 << 10)
#define AGAIN_NS 1000000
#define LOOK_NS 100000000 /* how often is looked whether CPUs are idle */
#define TICK_NS 10000000  /* USER_HZ */
#define IOWAIT 4	  /* the field of /proc/stat; the one before is idle */
/* If nobody said how many. They have one lock: more than these would wait for each other. */
#define HUBS_AUTO 8

struct other {
	struct cpu cpu; /* first */
	struct preempt preempt;
	char *memory; /* STACK, SIGNAL_STACK, the thread-local block */
};

#define MEMORY (STACK + SIGNAL_STACK + TLS_SIZE)

static struct preempt home_preempt;

static struct other *other_of(struct cpu *cpu)
{
	return (struct other *)cpu;
}

struct preempt *cpus_preempt(void)
{
	return cpus_at_home() ? &home_preempt : &other_of(cpu_self)->preempt;
}

int cpus_os_tid(void)
{
	return cpus_at_home() ? signal_os_tid() : cpu_self->tid;
}

void *cpus_signal_stack(size_t *size)
{
	*size = SIGNAL_STACK;
	return other_of(cpu_self)->memory + STACK;
}

/* Not by rt_tgsigqueueinfo, which filters of programs know less. */
void cpus_kick(struct cpu *cpu)
{
	sys_call(SYS_tgkill, signal_pid(), cpu == &threads.hub.home ? signal_os_tid() : cpu->tid, SIGNAL_CARRIER);
}

bool cpus_is_kick(const siginfo_t *info)
{
	return threads.hub.shared && info->si_signo == SIGNAL_CARRIER && info->si_code == SI_TKILL &&
	       info->si_pid == signal_pid();
}

static void serve(struct other *o)
{
	uint64_t mask = AWAY_MASK;
	stack_t stack = {.ss_sp = o->memory + STACK, .ss_size = SIGNAL_STACK};

	hub_enter(&threads.hub);
	sys_call(SYS_sigaltstack, &stack, NULL);
	cpu_self = &o->cpu;
	preempt_start();
	sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, SIGNAL_SETSIZE);
	cpu_serve(&o->cpu);
	mask = SIGNAL_ALL_REALLY;
	sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, SIGNAL_SETSIZE);
	preempt_stop();
	offload_leave();
}

/* One that has ended, or a new one. */
static struct other *record(void)
{
	struct hub *hub = &threads.hub;
	struct other *o;

	for (struct cpu *cpu = hub->others; cpu; cpu = cpu->next)
		if (cpu->leaves && !__atomic_load_n(&cpu->tid, __ATOMIC_SEQ_CST))
			return other_of(cpu);
	o = reserve_map(sizeof(*o));
	if (!o || !(o->memory = reserve_map(MEMORY)))
		return NULL;
	o->cpu.leaves = true;
	o->cpu.next = hub->others;
	hub->others = &o->cpu;
	return o;
}

/* On how many CPUs the process may run now. */
static unsigned allowed_cpus(void)
{
	unsigned long *set = scratch_get(SCHED_CPUS_BYTES);
	unsigned n = 0;

	if (!set)
		return 1;
	if (sched_cpus_now(set) > 0)
		for (unsigned i = 0; i < SCHED_CPUS_BYTES / sizeof(*set); i++)
			n += (unsigned)__builtin_popcountl(set[i]);
	scratch_put(set, SCHED_CPUS_BYTES);
	return n < HUBS_AUTO ? n : HUBS_AUTO;
}

/* How long all CPUs together have had nothing to do, in ticks (proc(5), stat); -1: unknown. */
static long idle_ticks(void)
{
	char text[256], *p = text;
	long n, sum = 0, fd = sys_call(SYS_openat, AT_FDCWD, "/proc/stat", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	n = sys_call(SYS_read, fd, text, sizeof(text) - 1);
	sys_call(SYS_close, fd);
	text[n > 0 ? n : 0] = '\0';
	for (int field = 0; field <= IOWAIT && *p; field++) {
		long value = 0;

		while (*p && (*p < '0' || *p > '9'))
			p++;
		while (*p >= '0' && *p <= '9')
			value = 10 * value + *p++ - '0';
		if (field >= IOWAIT - 1)
			sum += value;
	}
	return sum;
}

/* Of late a third of a CPU or more, while this one never was. What has its load on the same machine would only take
 * the CPU away from it. */
static bool others_idle(struct hub *hub)
{
	static uint64_t since_ns;
	static long before;
	uint64_t passed = hub->now_ns - since_ns;
	long idle = idle_ticks(), gone = idle - before;
	bool always_busy = passed < 3 * LOOK_NS && hub->waited_ns < since_ns;

	hub->want_ns = hub->now_ns + LOOK_NS;
	before = idle;
	since_ns = hub->now_ns;
	return idle < 0 || (always_busy && (uint64_t)gone * TICK_NS * 3 >= passed);
}

static bool may_have_more(struct hub *hub)
{
	uintptr_t tp;

	if (!options.hubs && hub->cpus >= allowed_cpus())
		hub->cpus_most = hub->cpus;
	if (hub->cpus >= hub->cpus_most || (!options.hubs && options.preempt_ms && !others_idle(hub)))
		return false;
	if (hub->shared)
		return true;
	tp = tls_like_this();
	if (tp)
		hub_share(hub, tp);
	else
		hub->cpus_most = 1;
	return tp;
}

static void make_one(struct hub *hub)
{
	struct other *o = may_have_more(hub) ? record() : NULL;
	struct cpu *cpu = o ? &o->cpu : NULL;

	if (!o)
		return;
	cpu->hub = hub;
	cpu->leaves = false;
	cpu->state = CPU_RUNS;
	cpu->word = 0;
	cpu->attention = 0;
	cpu->account = (struct account){0}; /* its clock begins anew */
	cpu->tp = tls_blank(o->memory + STACK + SIGNAL_STACK);
	hub->cpus++;
	if (offload_start((void (*)(void *))serve, o, o->memory + STACK, cpu->tp, &cpu->tid) > 0)
		return;
	hub->cpus_most = --hub->cpus; /* the kernel has no more */
	cpu->leaves = true;
}

/* As many as were asked for at once; others where the running ones are seen to have more than enough to do, which is not
 * seen of threads that make no call unless they are interrupted. */
void cpus_more(void)
{
	if (threads.hub.cpus < threads.hub.cpus_most && (options.hubs || !options.preempt_ms))
		threads.hub.wants_cpu = true;
}

static void send_home(struct cpu *cpu)
{
	if (cpu->state != CPU_RUNS)
		cpu_poke(cpu);
	else if (cpu->tid)
		cpus_kick(cpu);
}

/* It may be anywhere: asked again and again, until the kernel knows no such thread any more. */
static void await_end(struct cpu *cpu)
{
	struct timespec again = {0, AGAIN_NS};
	int tid;

	while ((tid = __atomic_load_n(&cpu->tid, __ATOMIC_SEQ_CST))) {
		cpu->wanted = true;
		send_home(cpu);
		hub_leave(&threads.hub);
		sys_call(SYS_futex, &cpu->tid, FUTEX_WAIT, tid, &again);
		hub_enter(&threads.hub);
	}
}

void cpus_retire(void)
{
	struct hub *hub = &threads.hub;

	for (struct cpu *cpu = hub->others; cpu; cpu = cpu->next) {
		if (cpu->leaves)
			continue;
		cpu->leaves = true;
		await_end(cpu);
		hub->cpus--;
	}
}

void cpus_give_up(void)
{
	threads.hub.cpus_most = 1;
	cpus_retire();
}

/* A seed's order is that of one. */
void cpus_open(void)
{
	struct hub *hub = &threads.hub;

	if (options.syscalls_all || !(getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE))
		return;
	hub->cpus_most = options.hubs ? options.hubs : options.seed ? 1 : allowed_cpus();
	hub->on_want_cpu = make_one;
	hub->on_wanted = cpus_kick;
}

void cpus_forked(void)
{
	home_preempt = (struct preempt){0};
}
