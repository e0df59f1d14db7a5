#include "seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../core/reserve.h"
#include "cpus.h"
#include "offload.h"
#include "signal_state.h"
#include "sys.h"
#include "thread.h"
#include "user.h"
#include "userdispatch.h"

#ifndef SYS_faccessat2
#define SYS_faccessat2 439 /* Linux 5.8; the same on every CPU */
#endif
/* <linux/seccomp.h> of Linux 5.7 */
#ifndef SECCOMP_FILTER_FLAG_TSYNC_ESRCH
#define SECCOMP_FILTER_FLAG_TSYNC_ESRCH (1UL << 4)
#endif
#define ALL_HAVE_IT (SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH)

/* The linker's: this object, and the ways that userdispatch.c makes in it. */
extern char __ehdr_start[] __attribute__((visibility("hidden")));
extern char _end[] __attribute__((visibility("hidden")));

/* For entry-x86_64.S: a child that shares memory may have something to inherit. */
extern bool seccomp_used __attribute__((visibility("hidden")));
bool seccomp_used;

static bool is_real_no_new_privs;
static struct seccomp_filter *inherited; /* by a child of fork */

/* What the shim calls is not the program's. */
static void write_own(struct sock_filter code[SECCOMP_OWN])
{
	const unsigned at = offsetof(struct seccomp_data, instruction_pointer);
	const uintptr_t begin = (uintptr_t)__ehdr_start, end = (uintptr_t)_end;
	const struct sock_filter own[SECCOMP_OWN] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at + sizeof(uint32_t)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(begin >> 32), 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(end >> 32), 0, 4), /* it may lie across */
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at),
		BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, (uint32_t)begin),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (uint32_t)(end - begin), 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_LD | BPF_W | BPF_IMM, 0),
	};

	for (unsigned i = 0; i < SECCOMP_OWN; i++)
		code[i] = own[i];
}

static size_t size_of(unsigned short length)
{
	return sizeof(struct seccomp_filter) + length * sizeof(struct sock_filter);
}

static struct seccomp_filter *filter_read(const struct sock_fprog *prog, unsigned long flags)
{
	unsigned short length = (unsigned short)(prog->len + SECCOMP_OWN);
	struct seccomp_filter *f = reserve_map(size_of(length));

	if (!f)
		return NULL;
	f->flags = flags & ~ALL_HAVE_IT;
	f->length = length;
	write_own(f->code);
	if (user_copy(f->code + SECCOMP_OWN, prog->filter, prog->len * sizeof(struct sock_filter)))
		f->nowhere = prog->filter;
	return f;
}

/* For the calling OS thread. */
static long kernel_filter(const struct seccomp_filter *f)
{
	struct sock_fprog prog = {f->length, f->nowhere ? f->nowhere : (struct sock_filter *)f->code};

	return sys_call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, f->flags, &prog);
}

static void kernel_no_new_privs(const struct seccomp_thread *s)
{
	if (s->no_new_privs && !is_real_no_new_privs)
		sys_call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* Oldest first. */
static void kernel_filters(const struct seccomp_filter *f)
{
	if (!f || f->is_real)
		return;
	kernel_filters(f->before);
	kernel_filter(f);
}

static void become_real(struct seccomp_thread *s)
{
	kernel_no_new_privs(s);
	is_real_no_new_privs |= s->no_new_privs;
	kernel_filters(s->last);
	for (struct seccomp_filter *f = s->last; f && !f->is_real; f = f->before)
		f->is_real = true;
}

/* An OS thread that has nothing else to do: whether the kernel would take the filter. */
struct trial {
	const struct seccomp_filter *filter;
	const struct seccomp_thread *by;
	long result;
};

#define TRIAL_STACK 4096
#define TRIAL_FLAGS (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_VFORK)

static void trial_run(struct trial *trial)
{
	kernel_no_new_privs(trial->by);
	trial->result = kernel_filter(trial->filter);
	offload_leave();
}

static long try(const struct seccomp_filter *f, const struct seccomp_thread *by)
{
	struct trial trial = {f, by, 0};
	uint64_t all = SIGNAL_ALL_REALLY, before;
	char *stack = reserve_map(TRIAL_STACK);
	uintptr_t *top = (uintptr_t *)(stack + TRIAL_STACK) - 2;
	long ret;

	if (!stack)
		return -ENOMEM;
	top[0] = (uintptr_t)&trial;
	top[1] = (uintptr_t)trial_run;
	sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, SIGNAL_SETSIZE);
	ret = offload_clone(TRIAL_FLAGS, top, NULL, NULL, NULL); /* until it has left the stack */
	sys_call(SYS_rt_sigprocmask, SIG_SETMASK, &before, NULL, SIGNAL_SETSIZE);
	reserve_unmap(stack, TRIAL_STACK);
	return sys_failed(ret) ? ret : trial.result;
}

static struct seccomp_thread *of(struct list *node)
{
	return &LIST_ENTRY(node, struct thread, all)->seccomp;
}

static bool is_before(const struct seccomp_filter *f, const struct seccomp_filter *last)
{
	while (last && last != f)
		last = last->before;
	return last == f;
}

/* kernel/seccomp.c, seccomp_can_sync_threads: who has a filter that the caller has not. */
static const struct thread *unlike(const struct seccomp_filter *last)
{
	LIST_EACH(node, &threads.all)
		if (of(node)->strict || !is_before(of(node)->last, last))
			return LIST_ENTRY(node, struct thread, all);
	return NULL;
}

static void give_all(const struct seccomp_thread *s)
{
	LIST_EACH(node, &threads.all) {
		of(node)->last = s->last;
		of(node)->no_new_privs |= s->no_new_privs;
	}
}

/* A thread of the kernel's would be the end of all greenlets. */
static bool ends_threads(const struct seccomp_filter *f)
{
	for (unsigned i = SECCOMP_OWN; i < f->length; i++)
		if (BPF_CLASS(f->code[i].code) == BPF_RET &&
		    (BPF_RVAL(f->code[i].code) == BPF_A ||
		     (f->code[i].k & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_KILL_THREAD))
			return true;
	return false;
}

static long filter_take(struct thread *t, struct seccomp_filter *f, unsigned long flags)
{
	bool to_all = flags & SECCOMP_FILTER_FLAG_TSYNC;
	const struct thread *other = to_all ? unlike(t->seccomp.last) : NULL;
	bool real = f->flags & SECCOMP_FILTER_FLAG_NEW_LISTENER || ((to_all || threads.alive == 1) && !ends_threads(f));
	long ret = 0;

	if (real && !other) {
		become_real(&t->seccomp);
		ret = kernel_filter(f);
	} else {
		ret = try(f, &t->seccomp);
	}
	if (ret < 0 || other) {
		reserve_unmap(f, size_of(f->length));
		if (ret < 0)
			return ret;
		return flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH ? -ESRCH : other->tid;
	}
	f->is_real = real;
	f->before = t->seccomp.last;
	t->seccomp.last = f;
	seccomp_used = true;
	if (to_all)
		give_all(&t->seccomp);
	if (!real)
		userdispatch_judge();
	return ret;
}

static long set_filter(unsigned long flags, const void *program)
{
	struct thread *t = thread_self();
	struct seccomp_filter *f;
	struct sock_fprog prog;

	if (flags & SECCOMP_FILTER_FLAG_TSYNC && flags & SECCOMP_FILTER_FLAG_NEW_LISTENER &&
	    !(flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH))
		return -EINVAL;
	if (user_get(&prog, program))
		return CALL_PASS; /* EFAULT, or EINVAL for a flag that the kernel does not know: libseccomp asks so */
	if (!prog.len || prog.len > BPF_MAXINSNS)
		return -EINVAL;
	cpus_retire(); /* those to come inherit it */
	if (prog.len + SECCOMP_OWN > BPF_MAXINSNS)
		return CALL_PASS; /* no room for ours: it is everybody's, and sees everything */
	f = filter_read(&prog, flags);
	return f ? filter_take(t, f, flags) : -ENOMEM;
}

static long set_strict(struct seccomp_thread *s)
{
	if (s->last || sys_call(SYS_prctl, PR_GET_SECCOMP))
		return -EINVAL;
	s->strict = true;
	userdispatch_judge();
	return 0;
}

long sys_seccomp(struct call *c)
{
	unsigned long flags = (unsigned long)c->arg[1];

	switch ((unsigned)c->arg[0]) {
	case SECCOMP_SET_MODE_STRICT:
		return flags || c->arg[2] ? -EINVAL : set_strict(&thread_self()->seccomp);
	case SECCOMP_SET_MODE_FILTER:
		return set_filter((unsigned)flags, (const void *)c->arg[2]);
	default:
		return CALL_PASS;
	}
}

static long set_no_new_privs(struct seccomp_thread *s)
{
	s->no_new_privs = true;
	seccomp_used = true;
	LIST_EACH(node, &threads.all)
		if (!of(node)->no_new_privs)
			return 0;
	offload_retire();
	kernel_no_new_privs(s);
	is_real_no_new_privs = true;
	return 0;
}

static bool has_more(const struct call *c, unsigned from)
{
	while (from < 5 && !c->arg[from])
		from++;
	return from < 5;
}

long seccomp_prctl(struct call *c)
{
	struct seccomp_thread *s = &thread_self()->seccomp;

	switch ((int)c->arg[0]) {
	case PR_SET_SECCOMP:
		if (c->arg[1] == SECCOMP_MODE_STRICT)
			return set_strict(s);
		return c->arg[1] == SECCOMP_MODE_FILTER ? set_filter(0, (const void *)c->arg[2]) : -EINVAL;
	case PR_GET_SECCOMP:
		return s->last ? SECCOMP_MODE_FILTER : CALL_PASS;
	case PR_SET_NO_NEW_PRIVS:
		return c->arg[1] != 1 || has_more(c, 2) ? -EINVAL : set_no_new_privs(s);
	default: /* PR_GET_NO_NEW_PRIVS */
		return has_more(c, 1) ? -EINVAL : s->no_new_privs;
	}
}

void seccomp_thread_new(const struct thread *parent, struct thread *child)
{
	child->seccomp = parent->seccomp;
}

void seccomp_adopt(struct thread *t)
{
	t->seccomp.last = inherited;
	t->seccomp.no_new_privs = is_real_no_new_privs = sys_call(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
}

bool seccomp_is_inherited(void)
{
	return inherited;
}

void seccomp_forked(void)
{
	struct seccomp_thread *s = &thread_self()->seccomp;

	become_real(s);
	inherited = s->last;
	userdispatch_forked();
}

/* Where it fails the kernel keeps them, for all: a search along PATH must not be enough. */
static bool is_found(const struct call *c)
{
	long ret = c->nr == SYS_execve ? sys_call(SYS_faccessat, AT_FDCWD, c->arg[0], X_OK)
				       : sys_call(SYS_faccessat2, c->arg[0], c->arg[1], X_OK, c->arg[4]);

	return !ret || ret == -ENOSYS;
}

void seccomp_before_exec(const struct call *c)
{
	if (seccomp_used && is_found(c))
		become_real(&thread_self()->seccomp);
}

/* vfork_here, beside_clone: in a child that shares the memory of t, which has stopped meanwhile (0); and then in t. Its next call may be
 * dispatched, for which SIGSYS must not be as the child was to have it. */
void seccomp_vforked(const struct thread *t, long pid) __attribute__((visibility("hidden")));

void seccomp_vforked(const struct thread *t, long pid)
{
	if (pid) {
		signals_real_mask_back();
		return;
	}
	kernel_no_new_privs(&t->seccomp);
	kernel_filters(t->seccomp.last);
}
