#include "offload.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "../core/reserve.h"
#include "bounded.h"
#include "cpus.h"
#include "offload_start.h"
#include "signal_state.h"
#include "stats.h"
#include "sys.h"
#include "thread.h"
#include "tls.h"

/* A helper runs raw system calls, and libev's wake-up. */
#define STACK (32 << 10)
#define MEMORY (STACK + TLS_SIZE)
#define IDLE_NS 300000000

/* One call under way; on the stack of the greenlet that waits for it. */
struct offload_job {
	struct offload_raw raw; /* first */
	long result;
	bool done;
	bool to_the_end; /* no signal interrupts it */
	uint8_t signal;	 /* that the kernel sent to the helper for it: SIGXFSZ or SIGPIPE */
	struct fiber *fiber;
	struct helper *helper;
	struct offload_job *next; /* in `ended` */
};

_Static_assert(offsetof(struct offload_raw, nr) == 8 && offsetof(struct offload_raw, arg) == 16, "offload-x86_64.S");

enum helper_word { HELPER_IDLE, HELPER_BUSY, HELPER_LEAVES };

/* An OS thread, or the memory of one that has ended. */
struct helper {
	uint32_t word; /* enum helper_word; its futex */
	int tid;       /* 0 once the kernel has finished with its stack */
	bool busy;     /* the hub's view: until its job is collected */
	bool rests;    /* in `resting` */
	unsigned generation;
	struct offload_job *job;
	char *memory;
	struct helper *next, *next_resting;
};

extern char offload_run_begin[] __attribute__((visibility("hidden")));
extern char offload_run_syscall[] __attribute__((visibility("hidden")));
extern char offload_run_end[] __attribute__((visibility("hidden")));

static struct helper *helpers;	  /* the hub's OS thread alone */
static struct helper *resting;	  /* those that waited for work when last looked at, the latest first */
static struct offload_job *ended; /* pushed by helpers, taken by the hub */
static unsigned generation;
static char cancelling; /* its address marks our own signals */

/* Only helpers have it. */
static _Thread_local struct helper *helper_self __attribute__((tls_model("initial-exec")));

static bool word_change(struct helper *h, uint32_t from, uint32_t to)
{
	return __atomic_compare_exchange_n(&h->word, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* The helper's side. */

static bool helper_next(struct helper *h)
{
	struct timespec idle = {0, IDLE_NS};

	for (;;) {
		uint32_t word = __atomic_load_n(&h->word, __ATOMIC_SEQ_CST);
		long ret;

		if (word != HELPER_IDLE)
			return word == HELPER_BUSY;
		ret = sys_call(SYS_futex, &h->word, FUTEX_WAIT_PRIVATE, HELPER_IDLE, &idle);
		if (ret == -ETIMEDOUT && word_change(h, HELPER_IDLE, HELPER_LEAVES))
			return false;
	}
}

/* The job is the greenlet's again, and may be gone, as soon as it is in the list. */
static void helper_ended(struct helper *h, struct offload_job *job)
{
	struct hub *hub = job->fiber->hub;

	h->job = NULL;
	__atomic_store_n(&h->word, HELPER_IDLE, __ATOMIC_SEQ_CST);
	job->next = __atomic_load_n(&ended, __ATOMIC_RELAXED);
	while (!__atomic_compare_exchange_n(&ended, &job->next, job, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		;
	hub_attention(hub);
}

/* What the kernel sends to the thread that makes a call, and which is blocked here: it is the greenlet's. */
static void take_signal(struct offload_job *job)
{
	uint64_t sent = job->result == -EFBIG ? SIGNAL_BIT(SIGXFSZ) : SIGNAL_BIT(SIGPIPE);
	struct timespec zero = {0, 0};
	long sig;

	if (job->result != -EFBIG && job->result != -EPIPE)
		return;
	sig = sys_call(SYS_rt_sigtimedwait, &sent, NULL, &zero, SIGNAL_SETSIZE);
	if (sig > 0)
		job->signal = (uint8_t)sig;
}

static void helper_main(struct helper *h)
{
	uint64_t mask = ~SIGNAL_BIT(SIGNAL_CARRIER);

	helper_self = h;
	sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, SIGNAL_SETSIZE);
	while (helper_next(h)) {
		struct offload_job *job = h->job;

		job->result = offload_run(&job->raw);
		take_signal(job);
		helper_ended(h, job);
	}
	offload_leave();
}

/* The call has not been made, or was interrupted and is about to be made again: then the kernel's way back from it, which
 * it leaves in rcx, is known. */
void offload_cut(void *ucontext)
{
#if defined(__x86_64__)
	ucontext_t *uc = ucontext;
	greg_t *pc = &uc->uc_mcontext.gregs[REG_RIP];
	bool again;

	if (*pc < (greg_t)offload_run_begin || *pc >= (greg_t)offload_run_end)
		return;
	again = *pc == (greg_t)offload_run_syscall && uc->uc_mcontext.gregs[REG_RCX] == (greg_t)offload_run_end;
	*pc = (greg_t)offload_run_end;
	uc->uc_mcontext.gregs[REG_RAX] = again ? -ERESTARTSYS : -ERESTARTNOINTR;
#else
	(void)ucontext;
#endif
}

bool offload_interrupted(const siginfo_t *info, void *context)
{
	const struct helper *h = helper_self;

	if (!h)
		return false;
	if (info->si_code == SI_QUEUE && info->si_ptr == &cancelling && h->job && h->job->raw.cancel)
		offload_cut(context);
	else if (info->si_code != SI_QUEUE ||
		 info->si_ptr != &cancelling) /* the process's, and by chance given to us */
		sys_call(SYS_rt_tgsigqueueinfo, signal_pid(), signal_os_tid(), info->si_signo, info);
	return true;
}

/* The hub's side. */

static bool memory_map(struct helper *h)
{
	if (!h->memory)
		h->memory = reserve_map(MEMORY);
	return h->memory;
}

/* The record of a helper that has ended, or a new one. */
static struct helper *record(void)
{
	struct helper *h;

	for (h = helpers; h; h = h->next)
		if (!h->busy && !h->rests && h->word == HELPER_LEAVES && !__atomic_load_n(&h->tid, __ATOMIC_SEQ_CST))
			return h;
	h = reserve_map(sizeof(*h));
	if (!h)
		return NULL;
	h->word = HELPER_LEAVES;
	h->next = helpers;
	helpers = h;
	return h;
}

#define HELPER_FLAGS                                                                                       \
	(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS | \
	 CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

long offload_start(void (*run)(void *arg), void *arg, void *stack_top, uintptr_t tp, int *tid)
{
	uintptr_t *top = (uintptr_t *)stack_top - 2;
	uint64_t all = SIGNAL_ALL_REALLY, before;
	long ret;

	top[0] = (uintptr_t)arg;
	top[1] = (uintptr_t)run;
	sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, SIGNAL_SETSIZE);
	ret = offload_clone(HELPER_FLAGS, top, tid, tid, (void *)tp);
	sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, SIGNAL_SETSIZE);
	return ret;
}

static long start(struct helper *h)
{
	return offload_start((void (*)(void *))helper_main, h, h->memory + STACK, tls_blank(h->memory + STACK),
			     &h->tid);
}

static long submit_new(struct offload_job *job)
{
	struct helper *h = record();
	long ret;

	if (!h || !memory_map(h))
		return -ENOMEM;
	h->job = job;
	h->busy = true;
	h->generation = generation;
	h->word = HELPER_BUSY;
	job->helper = h;
	ret = start(h);
	if (ret > 0)
		return 0;
	h->word = HELPER_LEAVES;
	h->busy = false;
	return ret;
}

static long submit(struct offload_job *job)
{
	struct helper *h;

	while ((h = resting)) {
		resting = h->next_resting;
		h->rests = false;
		h->job = job;
		job->helper = h;
		if (!word_change(h, HELPER_IDLE, HELPER_BUSY))
			continue; /* it has left meanwhile */
		h->busy = true;
		sys_call(SYS_futex, &h->word, FUTEX_WAKE_PRIVATE, 1);
		return 0;
	}
	return submit_new(job);
}

static void send_home(struct helper *h)
{
	if (word_change(h, HELPER_IDLE, HELPER_LEAVES))
		sys_call(SYS_futex, &h->word, FUTEX_WAKE_PRIVATE, 1);
}

static void helper_free(struct helper *h)
{
	h->busy = false;
	if (h->generation != generation) {
		send_home(h);
		return;
	}
	h->rests = true;
	h->next_resting = resting;
	resting = h;
}

void offload_collect(struct hub *hub)
{
	struct offload_job *job = __atomic_exchange_n(&ended, NULL, __ATOMIC_SEQ_CST), *next;

	(void)hub;
	for (; job; job = next) {
		next = job->next;
		job->done = true;
		helper_free(job->helper);
		hub_wake(job->fiber, 0);
	}
}

/* Until the kernel knows no such thread any more: /proc shows each with its credentials. */
static void await_end(struct helper *h)
{
	int tid;

	while ((tid = __atomic_load_n(&h->tid, __ATOMIC_SEQ_CST)))
		sys_call(SYS_futex, &h->tid, FUTEX_WAIT, tid, NULL);
}

void offload_retire(void)
{
	cpus_retire();
	generation++;
	for (; resting; resting = resting->next_resting) {
		resting->rests = false;
		send_home(resting);
	}
	for (struct helper *h = helpers; h; h = h->next)
		if (!h->busy)
			await_end(h);
}

static void cancel(struct offload_job *job)
{
	siginfo_t info;

	siginfo_blank(&info);
	info.si_signo = SIGNAL_CARRIER;
	info.si_code = SI_QUEUE;
	info.si_ptr = &cancelling;
	__atomic_store_n(&job->raw.cancel, 1, __ATOMIC_SEQ_CST);
	sys_call(SYS_rt_tgsigqueueinfo, signal_pid(), job->helper->tid, SIGNAL_CARRIER, &info);
}

static void signal_of(const struct offload_job *job)
{
	siginfo_t info;

	siginfo_describe(&info, job->signal, SI_USER);
	signals_send(thread_of(job->fiber), &info, true);
}

/* SWITCHES. 0: it is over; else no helper could be had. */
static long job_run(struct offload_job *job, const char *why, const long arg[6])
{
	long ret;

	for (int i = 0; i < 6; i++)
		job->raw.arg[i] = arg[i];
	ret = submit(job);
	if (ret)
		return ret;
	stats.offloaded++;
	hub_hold(job->fiber->hub, 1);
	while (!job->done) {
		if (job->raw.cancel || job->to_the_end) {
			hub_park(why, DEADLINE_NEVER);
			continue;
		}
		thread_park(why, DEADLINE_NEVER);
		if (!job->done) /* a signal, or what it waits for besides (futex_waitv) */
			cancel(job);
	}
	hub_hold(job->fiber->hub, -1);
	if (job->signal)
		signal_of(job);
	return 0;
}

long offload(const char *why, long nr, const long arg[6])
{
	struct offload_job job = {.raw = {.nr = nr}, .fiber = fiber_self};

	if (job_run(&job, why, arg))
		return bounded_in_turns(why, &job.raw);
	return job.result == -ERESTARTSYS || job.result == -ERESTARTNOINTR ? -EINTR : job.result;
}

long offload_to_the_end(const char *why, long nr, const long arg[6])
{
	struct offload_job job = {.raw = {.nr = nr}, .to_the_end = true, .fiber = fiber_self};

	return job_run(&job, why, arg) ? bounded_in_turns(why, &job.raw) : job.result;
}

long offload_call(struct call *c)
{
	return offload(call_name(c->nr), c->nr, c->arg);
}

/* A signal that is due comes first, as before any call. */
long offload_file(struct call *c)
{
	struct offload_job job = {.raw = {.nr = c->nr}, .fiber = fiber_self};

	if (threads.alive == 1)
		return CALL_PASS;
	if (signals_interrupt(thread_self()))
		return -ERESTARTNOINTR;
	return job_run(&job, call_name(c->nr), c->arg) ? CALL_PASS : job.result;
}

void offload_forked(void)
{
	helpers = resting = NULL;
	ended = NULL;
}
