/* signal_frame.h - what is x86-64's about signals: the kernel-made frame (struct rt_sigframe, asm/sigcontext.h), and how
 * a greenlet that is at the end of a call gets one that shows it at its site. */
#ifndef SHIM_SIGNAL_FRAME_H
#define SHIM_SIGNAL_FRAME_H

#include "signal_state.h"

/* Marks the signal that a greenlet sends to itself, as its si_uid. */
#define SIGNAL_FRAME_MARK 0x67736869u

/* glibc's sigset_t is wider than the kernel's. */
static inline uint64_t signal_frame_mask(const ucontext_t *uc)
{
	return *(const uint64_t *)&uc->uc_sigmask;
}

static inline void signal_frame_set_mask(ucontext_t *uc, uint64_t mask)
{
	*(uint64_t *)&uc->uc_sigmask = mask;
}

/* How the program goes on after the handler. */
struct signal_return {
	bool again;	 /* make the call again */
	uintptr_t shown; /* the instruction pointer that the handler saw */
	uintptr_t pass, ret;
	long nr;
	unsigned long vectors;
};

/* Sends the calling greenlet a signal that arrives at once, all others blocked. Returns if another one of the same
 * number came first. */
void signal_frame_send(int sig);
bool signal_frame_is_ours(const siginfo_t *info, const ucontext_t *uc);
/* Edits the frame: interrupted at c's site, after the call, or before it if it is to be made again. */
void signal_frame_at_site(ucontext_t *uc, const struct call *c, bool again, long result, struct signal_return *back);
/* After the handlers: where sigreturn is to go in fact, unless a handler sent it elsewhere. */
void signal_frame_resume(ucontext_t *uc, const struct signal_return *back);

/* The frame as the kernel would have put it below top, and there the handler. Where there is no room the process gets
 * SIGSEGV, as from the kernel: signal_frame_is_moving is true then. */
typedef void signal_frame_handler(int sig, siginfo_t *info, void *context);
void signal_frame_move(siginfo_t *info, ucontext_t *uc, uintptr_t top, signal_frame_handler *handler)
	__attribute__((noreturn));
uintptr_t signal_frame_below(const ucontext_t *uc); /* the interrupted stack, its red zone spared */
bool signal_frame_is_moving(void);

/* The instruction pointer is in the shim's own text. */
bool signal_frame_in_shim(const ucontext_t *uc);

#endif
