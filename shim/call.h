/* call.h - one intercepted system call, as entry-x86_64.S hands it to a handler.
 *
 * A handler runs on the program's own stack (keep frames small: 32 KiB stacks exist), with the program's thread
 * pointer, in its own time: it must not touch a vector register, libc beyond the vDSO, or errno. It returns the kernel's
 * result (negative errno), or CALL_PASS to have the original instruction executed natively at its site.
 *
 * Interrupted calls speak the kernel's own language (include/linux/errno.h): a park that a signal ended returns
 * -EINTR; a handler turns it into the code that the kernel's implementation of the call would return:
 *   -ERESTARTSYS     EINTR, or restarted when the signal's handler has SA_RESTART (read, accept, wait4, flock ...)
 *   -ERESTARTNOINTR  made again in any case: nothing has been done (LOCK_PI, open by a helper that had not begun ...)
 *   -ERESTARTNOHAND  EINTR once a handler has run (poll, select, pause, nanosleep, sigsuspend ...)
 *   -EINTR           EINTR in any case
 * dispatch() and the signal family turn these into what the program sees. */
#ifndef SHIM_CALL_H
#define SHIM_CALL_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#define CALL_PASS LONG_MIN
/* The same for calls whose child runs in our memory (vfork): entry-x86_64.S executes them itself. */
#define CALL_PASS_VFORK (LONG_MIN + 1)

#define ERESTARTSYS 512
#define ERESTARTNOINTR 513
#define ERESTARTNOHAND 514

/* Mirrored by offsets in entry-x86_64.S. The program's stack pointer at the site is (char *)(c + 1) + RED_ZONE. */
struct call {
	long arg[6]; /* rdi rsi rdx r10 r8 r9 */
	unsigned long rbx, rbp, r12, r13, r14, r15;
	long nr;
	uintptr_t pass;	       /* a `syscall` instruction that carries on natively; the program resumes at pass + 2 */
	uintptr_t ret;	       /* address after the original syscall instruction */
	unsigned long flags;   /* rflags, kept only for sites outside libc */
	unsigned long vectors; /* enum fiber_vectors */
};

#define RED_ZONE 128

_Static_assert(sizeof(struct call) == 136, "entry-x86_64.S");

static inline uintptr_t call_sp(const struct call *c)
{
	return (uintptr_t)(c + 1) + RED_ZONE;
}

typedef long call_handler(struct call *c);

/* The table: calls.def. */
#define CALL(name, handler, waits) call_handler handler;
#include "calls.def"
#undef CALL

#define CALL_LIMIT 512

bool call_is_intercepted(long nr);
call_handler *call_handler_of(long nr); /* NULL: it is not */
const char *call_name(long nr);		/* "futex"; NULL when not in the table */
/* The real call, with the call's own arguments, from the shim's text. It must not block (or says so in the statistics). */
long call_native(const struct call *c);
/* Ends the frame c as if its system call had returned `result`. */
void call_return(struct call *c, long result) __attribute__((noreturn));

/* For the site patcher: where stubs jump to (entry-x86_64.S). */
extern char shim_entry[] __attribute__((visibility("hidden")));
extern char shim_entry_full[] __attribute__((visibility("hidden")));
extern char shim_entry_end[] __attribute__((visibility("hidden")));

#endif
