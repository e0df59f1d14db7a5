#include "signal_frame.h"

#include <sys/syscall.h>

#include "scratch.h"

#define SYSCALL_SIZE 2 /* 0f 05 */

/* Where the self-sent signal interrupts us. */
extern char signal_frame_here[] __attribute__((visibility("hidden")));
/* The linker's: where this object begins, and its text ends. */
extern char __ehdr_start[] __attribute__((visibility("hidden")));
extern char etext[] __attribute__((visibility("hidden")));

/* What the kernel makes: arch/x86/include/asm/sigframe.h. glibc's ucontext_t is longer. */
#define UCONTEXT_SIZE 304
struct frame {
	uintptr_t restorer;
	char uc[UCONTEXT_SIZE];
	siginfo_t info;
};

_Static_assert(offsetof(ucontext_t, uc_sigmask) == UCONTEXT_SIZE - sizeof(uint64_t), "asm/ucontext.h");

static _Thread_local volatile bool moving __attribute__((tls_model("initial-exec"))); /* the greenlet's */
static long sending =
	SYS_rt_tgsigqueueinfo; /* or tgkill, where a filter of the program's refuses it: the same arguments */

/* The label must exist once. */
__attribute__((noinline, noclone)) static long send(int pid, int tid, int sig, siginfo_t *info)
{
	register siginfo_t *r10 __asm__("r10") = info;
	long ret;

	__asm__ volatile("syscall\n"
			 "signal_frame_here:"
			 : "=a"(ret)
			 : "a"(sending), "D"(pid), "S"(tid), "d"(sig), "r"(r10)
			 : "rcx", "r11", "memory");
	return ret;
}

void signal_frame_send(int sig)
{
	siginfo_t info;

	siginfo_blank(&info);
	info.si_signo = sig;
	info.si_code = SI_USER; /* never refused for want of memory or by RLIMIT_SIGPENDING */
	info.si_uid = SIGNAL_FRAME_MARK;
	signals_block_but(sig);
	if (send(signal_pid(), signal_os_tid(), sig, &info))
		sending = SYS_tgkill;
	signals_unblock();
}

/* Without memory the kernel delivers it, but forgets the siginfo: all zero. */
bool signal_frame_is_ours(const siginfo_t *info, const ucontext_t *uc)
{
	if (uc->uc_mcontext.gregs[REG_RIP] != (greg_t)signal_frame_here)
		return false;
	if (sending == SYS_tgkill && info->si_code == SI_TKILL)
		return info->si_pid == signal_pid();
	return info->si_code == SI_USER && (info->si_uid == SIGNAL_FRAME_MARK || (!info->si_uid && !info->si_pid));
}

void signal_frame_at_site(ucontext_t *uc, const struct call *c, bool again, long result, struct signal_return *back)
{
	greg_t *r = uc->uc_mcontext.gregs;

	r[REG_RDI] = c->arg[0];
	r[REG_RSI] = c->arg[1];
	r[REG_RDX] = c->arg[2];
	r[REG_R10] = c->arg[3];
	r[REG_R8] = c->arg[4];
	r[REG_R9] = c->arg[5];
	r[REG_RBX] = (greg_t)c->rbx;
	r[REG_RBP] = (greg_t)c->rbp;
	r[REG_R12] = (greg_t)c->r12;
	r[REG_R13] = (greg_t)c->r13;
	r[REG_R14] = (greg_t)c->r14;
	r[REG_R15] = (greg_t)c->r15;
	r[REG_RSP] = (greg_t)call_sp(c);
	if (c->vectors == VECTORS_ALL)
		r[REG_EFL] = (greg_t)c->flags;
	r[REG_RAX] = again ? c->nr : result;
	r[REG_RIP] = (greg_t)(again ? c->ret - SYSCALL_SIZE : c->ret);
	r[REG_RCX] = r[REG_RIP];
	r[REG_R11] = r[REG_EFL];
	*back = (struct signal_return){again, (uintptr_t)r[REG_RIP], c->pass, c->ret, c->nr, c->vectors};
}

void signal_frame_resume(ucontext_t *uc, const struct signal_return *back)
{
	greg_t *r = uc->uc_mcontext.gregs;

	if (r[REG_RIP] != (greg_t)back->shown)
		return;
	if (back->again) {
		r[REG_RIP] = (greg_t)(back->vectors == VECTORS_ALL ? shim_entry_full : shim_entry);
		r[REG_RCX] = (greg_t)back->pass;
		r[REG_R11] = (greg_t)back->ret;
	} else {
		r[REG_RIP] = (greg_t)(back->pass + SYSCALL_SIZE);
	}
}

bool signal_frame_in_shim(const ucontext_t *uc)
{
	uintptr_t rip = (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];

	return rip >= (uintptr_t)__ehdr_start && rip < (uintptr_t)etext;
}

/* struct _fpx_sw_bytes in the area that fxsave leaves alone, asm/sigcontext.h; glibc hides it. */
#define FXSAVE_SIZE 512
#define XSTATE_MAGIC 0x46505853u
struct xsave_head {
	char legacy[464];
	uint32_t magic, extended_size;
};

static size_t registers_size(const struct xsave_head *registers)
{
	return registers->magic == XSTATE_MAGIC ? registers->extended_size : FXSAVE_SIZE;
}

uintptr_t signal_frame_below(const ucontext_t *uc)
{
	return (uintptr_t)uc->uc_mcontext.gregs[REG_RSP] - RED_ZONE;
}

void signal_frame_move(siginfo_t *info, ucontext_t *uc, uintptr_t top, signal_frame_handler *handler)
{
	const struct frame *from = (const struct frame *)((char *)uc - offsetof(struct frame, uc));
	const void *registers = uc->uc_mcontext.fpregs;
	size_t size = registers ? registers_size(registers) : 0;
	uintptr_t high = (top - size) & ~(uintptr_t)63;
	struct frame *to = (struct frame *)((((high - sizeof(*to)) & ~(uintptr_t)15)) - 8);
	int sig = info->si_signo;

	moving = true;
	bytes_copy((void *)high, registers, size);
	bytes_copy(to, from, sizeof(*to));
	moving = false;
	if (registers)
		((ucontext_t *)to->uc)->uc_mcontext.fpregs = (fpregset_t)high;
	__asm__ volatile("mov %[frame], %%rsp\n\t"
			 "jmp *%[handler]"
			 :
			 : [frame] "r"(to), [handler] "a"(handler), "D"(sig), "S"(&to->info), "d"(to->uc)
			 : "memory");
	__builtin_unreachable();
}

bool signal_frame_is_moving(void)
{
	return moving;
}
