/* kernel.h - raw system calls: no errno, no cancellation point, no vector register. Result: the kernel's, -errno on
 * failure. Used wherever libc's own wrappers must not be (libc's text is what the shim patches). syscall(2). */
#ifndef CORE_KERNEL_H
#define CORE_KERNEL_H

#include <sys/syscall.h>

#if defined(__x86_64__)
static inline long kernel_call6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}
#elif defined(__aarch64__)
static inline long kernel_call6(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
	return x0;
}
#else
#error "x86-64 and aarch64 only"
#endif

/* kernel_call(nr, ...): up to six arguments, integers or pointers. */
#define KERNEL_CALL_(nr, a, b, c, d, e, f, ...) \
	kernel_call6((nr), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define kernel_call(...) KERNEL_CALL_(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

static inline int kernel_failed(long ret)
{
	return (unsigned long)ret >= (unsigned long)-4095;
}

#endif
