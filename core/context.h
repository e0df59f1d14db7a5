/* context.h - the hand-written switch: context-x86_64.S, context-aarch64.S.
 * A suspended context is its stack pointer (callee-saved registers and floating-point control are on its stack) and its
 * thread pointer (FS base, tpidr_el0). System V x86-64 psABI 3.2.1; AAPCS64 6.1. */
#ifndef CORE_CONTEXT_H
#define CORE_CONTEXT_H

#include <stdbool.h>
#include <stdint.h>

struct context {
	void *sp;
	uintptr_t tp;
};

/* Suspend `from` (the running context, whose tp must be current), resume `to`. Returns when something resumes `from`. */
void context_switch(struct context *from, struct context *to) __attribute__((visibility("hidden")));
/* Where context_switch_sse keeps xmm0-15 while `from` is suspended if on its stack that took one more page, which many a
 * thread that waits has no other use for. aarch64 has none for this. */
struct context_vectors {
	_Alignas(16) unsigned char xmm[256];
};
/* The same, with the vector registers kept too (aarch64: both are context_switch plus v0-v31). */
void context_switch_sse(struct context *from, struct context *to, struct context_vectors *room)
	__attribute__((visibility("hidden")));
void context_switch_xsave(struct context *from, struct context *to) __attribute__((visibility("hidden")));

/* A new context: entry(arg) on the stack that ends at `top`. entry must not return. */
void context_make(struct context *c, void *top, void (*entry)(void *), void *arg);

/* To be called once before the first switch between different thread pointers. */
void context_init(void);

static inline uintptr_t context_thread_pointer(void)
{
#if defined(__x86_64__)
	uintptr_t tp;

	__asm__("mov %%fs:0, %0" : "=r"(tp)); /* psABI: the TCB begins with its own address */
	return tp;
#else
	return (uintptr_t)__builtin_thread_pointer();
#endif
}
/* On x86-64 only where the kernel offers FSGSBASE. */
static inline void context_set_thread_pointer(uintptr_t tp)
{
#if defined(__x86_64__)
	__asm__ volatile("wrfsbase %0" : : "r"(tp) : "memory");
#else
	__asm__ volatile("msr tpidr_el0, %0" : : "r"(tp) : "memory");
#endif
}
/* What this thread-local variable (initial-exec) is for another thread pointer. */
static inline void *context_thread_local(uintptr_t tp, const void *here)
{
	return (char *)tp + ((const char *)here - (const char *)context_thread_pointer());
}

#if defined(__x86_64__)
enum context_tp_mode {
	CONTEXT_ARCH_PRCTL, /* the kernel is told of every change */
	CONTEXT_WRFSBASE,   /* context_tp is the last thread pointer that wrfsbase was given */
};
extern uint8_t context_tp_mode __attribute__((visibility("hidden")));
extern uintptr_t context_tp __attribute__((visibility("hidden")));
/* Not 0: the kernel has been told of this one too. Set before it is told, cleared before it is told to forget. */
extern uintptr_t context_published_tp __attribute__((visibility("hidden")));
/* Not 0: the kernel puts this into the FS base instead, whenever another OS thread has had the CPU (shim/fsbase.h). */
extern uintptr_t context_stale_tp __attribute__((visibility("hidden")));
#endif

/* Reads there, for nothing but to have it near: a suspended context's stack, its thread-local storage. */
static inline void context_touch(const void *at)
{
	__asm__ volatile("" : : "r"(*(const volatile char *)at));
}

/* After a system call that may have slept: the thread pointer is the running context's again. */
static inline void context_restore_tp(void)
{
#if defined(__x86_64__)
	if (context_stale_tp)
		__asm__ volatile("wrfsbase %0" : : "r"(context_tp));
#endif
}

#endif
