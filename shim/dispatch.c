#include "call.h"

#include <errno.h>
#include <sys/syscall.h>

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
	bool pooled; /* answered with --files pool alone */
};

static const struct entry_point table[CALL_LIMIT] = {
#define CALL(name, handler, waits) [SYS_##name] = {handler, #name, false},
#define CALL_FILE(name, handler, waits) [SYS_##name] = {handler, #name, true},
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

struct answer dispatch(struct call *c)
{
	struct thread *t = thread_self();
	call_handler *handler = seccomp_judges(&t->seccomp) ? seccomp_call : call_handler_of(c->nr);
	long ret;

	if (!handler || is_anothers())
		return answer(c, CALL_PASS);
	if (signals.lent)
		signals_real_mask_back();
	do {
		t->call = c;
		if (signals_on_stack(&t->signals, call_sp(c)))
			signals_stack_lay_aside(t);
		t->fiber.vectors = (uint8_t)c->vectors;
		if ((unsigned long)c->nr < CALL_LIMIT)
			stats.answered[c->nr]++;
		ret = handler(c);
		if (ret == -ENOSYS && t->signals.refused && handler != seccomp_call)
			ret = CALL_PASS;
		t->call = NULL; /* from here on a signal finds the program's own code; what came before is due */
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
	} while (signals_due(t, ret) && signals_finish(t, c, &ret));
	return answer(c, ret);
}
