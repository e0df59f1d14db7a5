#include "call.h"

#include <errno.h>
#include <sys/syscall.h>

#include "cpus.h"
#include "options.h"
#include "seccomp.h"
#include "signal_state.h"
#include "stats.h"
#include "sys.h"
#include "thread.h"
#include "userdispatch.h"

struct entry_point {
	call_handler *handler;
	const char *name;
	bool pooled;   /* answered with --files pool alone */
	bool anywhere; /* on whatever OS thread it is made */
};

static const struct entry_point table[CALL_LIMIT] = {
#define CALL(name, handler, waits) [SYS_##name] = {handler, #name, false, false},
#define CALL_ANYWHERE(name, handler, waits) [SYS_##name] = {handler, #name, false, true},
#define CALL_FILE(name, handler, waits) [SYS_##name] = {handler, #name, true, false},
#include "calls.def"
#undef CALL
};

struct stats stats;

/* What entry-x86_64.S reads from rax and rdx. */
struct answer {
	long result;
	long pass; /* 0: answered, 1: CALL_PASS, 2: CALL_PASS_VFORK */
};

struct answer dispatch(struct call *c) __attribute__((visibility("hidden")));

call_handler *call_handler_of(long nr)
{
	return nr >= 0 && nr < CALL_LIMIT && (options.files_pool || !table[nr].pooled) ? table[nr].handler : NULL;
}

bool call_is_intercepted(long nr)
{
	return call_handler_of(nr);
}

const char *call_name(long nr)
{
	return nr >= 0 && nr < CALL_LIMIT ? table[nr].name : NULL;
}

long call_native(const struct call *c)
{
	stats.kernel_calls++;
	return kernel_call6(c->nr, c->arg[0], c->arg[1], c->arg[2], c->arg[3], c->arg[4], c->arg[5]);
}

static struct answer answer(struct call *c, long result)
{
	if (result == CALL_PASS) {
		if (userdispatch_judging)
			userdispatch_let_pass(c);
		return (struct answer){0, 1};
	}
	if (result == CALL_PASS_VFORK)
		return (struct answer){0, 2};
	return (struct answer){result, 0};
}

/* Made by a process that shares our memory (CLONE_VM without CLONE_VFORK): the kernel answers it. */
static bool is_anothers(void)
{
	return threads.memory_lent && sys_call(SYS_getpid) != signal_pid();
}

/* SWITCHES, maybe. Takes the lock. */
static void begin(struct thread *t, struct call *c, call_handler *handler)
{
	t->call = c;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
	hub_enter(&threads.hub);
	t->fiber.vectors = (uint8_t)c->vectors;
	if (handler == seccomp_call || !table[c->nr].anywhere)
		hub_go_home();
	if (cpus_at_home()) {
		if (signals.lent)
			signals_real_mask_back();
		if (signals_on_stack(&t->signals, call_sp(c)))
			signals_stack_lay_aside(t);
	}
	if ((unsigned long)c->nr < CALL_LIMIT)
		stats.answered[c->nr]++;
}

/* SWITCHES, maybe. From its end on a signal finds the program's own code; what came before is due. */
static void end(struct thread *t)
{
	hub_may_leave_home(&t->fiber);
	if (cpu_self->wanted && !(signals.lent && cpus_at_home()))
		hub_yield();
	hub_leave(&threads.hub);
	t->call = NULL;
	__atomic_signal_fence(__ATOMIC_SEQ_CST);
}

struct answer dispatch(struct call *c)
{
	struct thread *t = thread_self();
	call_handler *handler = seccomp_judges(&t->seccomp) ? seccomp_call : call_handler_of(c->nr);
	long ret;

	if (is_anothers())
		return (struct answer){0, 1};
	if (!handler)
		return answer(c, CALL_PASS);
	do {
		begin(t, c, handler);
		ret = handler(c);
		if (ret == -ENOSYS && t->signals.refused && handler != seccomp_call)
			ret = CALL_PASS;
		end(t);
	} while (signals_due(t, ret) && signals_finish(t, c, &ret));
	return answer(c, ret);
}
