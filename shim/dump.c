#include "dump.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "modules.h"
#include "signal_state.h"
#include "unwind.h"

#define DEEPEST 64
#define BUFFER 4096
/* context-x86_64.S: mxcsr and x87 word, r15 r14 r13 r12 rbx rbp, return address. */
enum { CONTEXT_R15 = 1, CONTEXT_RBX = 5, CONTEXT_RBP = 6, CONTEXT_PC = 7, CONTEXT_WORDS = 8 };

_Static_assert(DUMP_SIGNAL == SIGNAL_CARRIER, "one signal for all that is the shim's");

static volatile bool wanted;

bool dump_requested(const siginfo_t *info)
{
	if (info->si_code != SI_QUEUE || info->si_value.sival_int != DUMP_VALUE)
		return false;
	wanted = true;
	threads.hub.home.attention = 1;
	return true;
}

struct output {
	int fd;
	size_t used;
	char buffer[BUFFER];
};

static void flush(struct output *o)
{
	const char *p = o->buffer;

	while (o->used) {
		long n = sys_call(SYS_write, o->fd, p, o->used);

		if (n <= 0)
			break;
		p += n;
		o->used -= (size_t)n;
	}
	o->used = 0;
}

__attribute__((format(printf, 2, 3))) static void say(struct output *o, const char *format, ...)
{
	va_list args;
	int n;

	if (o->used > BUFFER - 512)
		flush(o);
	va_start(args, format);
	n = vsnprintf(o->buffer + o->used, BUFFER - o->used, format, args);
	va_end(args);
	if (n > 0 && (size_t)n < BUFFER - o->used)
		o->used += (size_t)n;
}

static int open_output(void)
{
	const char *name = getenv("GREENSHIM_DUMP"), *percent;
	char path[512];
	long fd;

	if (!name || !*name)
		return 2;
	percent = strstr(name, "%p");
	if (percent)
		snprintf(path, sizeof(path), "%.*s%d%s", (int)(percent - name), name, signal_pid(), percent + 2);
	else
		snprintf(path, sizeof(path), "%s", name);
	fd = sys_call(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	return fd < 0 ? 2 : (int)fd;
}

static void from_call(struct unwind *u, const struct call *c)
{
	u->reg[UNWIND_PC] = c->ret;
	u->reg[UNWIND_SP] = call_sp(c);
	u->reg[UNWIND_RBX] = c->rbx;
	u->reg[UNWIND_RBP] = c->rbp;
	u->reg[UNWIND_R12] = c->r12;
	u->reg[UNWIND_R12 + 1] = c->r13;
	u->reg[UNWIND_R12 + 2] = c->r14;
	u->reg[UNWIND_R12 + 3] = c->r15;
}

/* Parked elsewhere than in a call: in the middle of its own code, by a signal. */
static bool from_context(struct unwind *u, const uintptr_t *sp)
{
	for (unsigned i = 0; i < 4; i++)
		u->reg[UNWIND_R12 + 3 - i] = sp[CONTEXT_R15 + i];
	u->reg[UNWIND_RBX] = sp[CONTEXT_RBX];
	u->reg[UNWIND_RBP] = sp[CONTEXT_RBP];
	u->reg[UNWIND_PC] = sp[CONTEXT_PC];
	u->reg[UNWIND_SP] = (uintptr_t)(sp + CONTEXT_WORDS);
	return true;
}

static void backtrace(struct output *o, const struct thread *t)
{
	struct unwind u;

	memset(&u, 0, sizeof(u));
	if (t->call && t->call->ret)
		from_call(&u, t->call);
	else
		from_context(&u, t->fiber.context.sp);
	for (int i = 0; i < DEEPEST; i++) {
		const struct module *m = module_of(u.reg[UNWIND_PC]);

		if (m)
			say(o, "    %s+0x%lx\n", m->name, u.reg[UNWIND_PC] - m->bias);
		else
			say(o, "    0x%lx\n", u.reg[UNWIND_PC]);
		if (!unwind_step(&u))
			break;
	}
}

static const char *state_of(const struct thread *t)
{
	switch (t->fiber.state) {
	case FIBER_NEW:
		return "not started";
	case FIBER_PARKED:
		return "parked";
	case FIBER_RUNNING:
		return "running";
	default:
		return "ready";
	}
}

static void one(struct output *o, const struct thread *t, unsigned number, uint64_t now)
{
	const char *call = t->call ? call_name(t->call->nr) : NULL;

	say(o, "#%u tid %d \"%.15s\" %s", number, t->tid, t->name, state_of(t));
	if (t->fiber.why && t->fiber.state == FIBER_PARKED)
		say(o, ": %s", t->fiber.why);
	if (call && t->call->ret)
		say(o, ", in %s", call);
	if (t->fiber.state == FIBER_PARKED && now > t->fiber.since_ns)
		say(o, ", for %lu.%03lu s", (now - t->fiber.since_ns) / NS_PER_SEC,
		    (now - t->fiber.since_ns) / 1000000 % 1000);
	say(o, "\n");
	if (t->fiber.state != FIBER_NEW && t->fiber.state != FIBER_RUNNING)
		backtrace(o, t);
}

void dump_on_stall(struct hub *hub)
{
	static const char line[] = "greenshim: every thread waits, and nothing but a signal can wake any:\n";

	(void)hub;
	sys_call(SYS_write, 2, line, sizeof(line) - 1);
	wanted = true;
	dump_if_requested();
}

void dump_if_requested(void)
{
	static struct output o;
	uint64_t now = now_ns();
	unsigned number = 0;

	if (!wanted)
		return;
	wanted = false;
	o.fd = open_output();
	modules_read();
	say(&o, "greenshim: process %d has %u greenlets\n", signal_pid(), threads.alive);
	LIST_EACH(node, &threads.all)
		one(&o, LIST_ENTRY(node, struct thread, all), ++number, now);
	flush(&o);
	if (o.fd != 2)
		sys_call(SYS_close, o.fd);
}
