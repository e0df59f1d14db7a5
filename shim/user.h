/* user.h - the program's memory, as its calls name it: it may not be there, and then the call's answer is EFAULT. Every
 * handler reads and writes it by these functions alone. A fault within them ends them (user_fault, from signal_entry),
 * as the kernel's own exception table does; one anywhere else in the shim is a defect.
 *
 * SIGSEGV and SIGBUS must not be really blocked meanwhile. */
#ifndef SHIM_USER_H
#define SHIM_USER_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 0 or -EFAULT; then a part may have been copied. user-x86_64.S. */
long user_copy(void *to, const void *from, size_t size) __attribute__((visibility("hidden")));
long user_load32(uint32_t *value, const uint32_t *at) __attribute__((visibility("hidden")));
long user_store32(uint32_t *at, uint32_t value) __attribute__((visibility("hidden")));
/* 0: *at was *expected and is desired now; 1: *expected is what it is; -EFAULT. */
long user_cas32(uint32_t *at, uint32_t *expected, uint32_t desired) __attribute__((visibility("hidden")));

/* One object of the shim's, from the program's memory or to it. */
#define user_get(object, at) user_copy((object), (at), sizeof(*(object)))
#define user_put(at, object) user_copy((at), (object), sizeof(*(object)))

/* Beyond what any program can have: the kernel looks at no more than that, where it need not follow the pointer. */
static inline bool user_has(const void *at)
{
	return (uintptr_t)at < (uintptr_t)1 << 47;
}

/* True: it was a fault in one of the functions above, which now returns -EFAULT. */
bool user_fault(const siginfo_t *info, void *ucontext);

#endif
