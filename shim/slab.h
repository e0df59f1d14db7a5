/* slab.h - the stacks that the C library maps for threads, cut from large mappings: two mappings for each thread would
 * stop at vm.max_map_count, and making and unmapping them is most of what a thread costs. A guard is
 * MADV_GUARD_INSTALL (madvise(2), Linux 6.13); without it, and wherever limits or locked memory would tell the
 * difference, stacks are mapped as the C library asks.
 *
 * A piece is what one mmap asked for. What else a program does to it is the kernel's to do: the piece is odd from then
 * on, and is really unmapped at its end.
 *
 * Under the hub's lock, as all handlers are; only the last two may be called by a signal's. */
#ifndef SHIM_SLAB_H
#define SHIM_SLAB_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SLAB_ARENA (32UL << 40)

extern uintptr_t slab_arena __attribute__((visibility("hidden"))); /* 0: none was made yet */

/* For handlers, before anything else: most memory is none of ours. */
static inline bool slab_has(uintptr_t at, size_t size)
{
	return slab_arena && at < slab_arena + SLAB_ARENA && size > 0 && at + size > slab_arena;
}

/* Readable and writable, and zero where the C library has what belongs to a thread, at the end; if it is to be opened, it is
 * not of use before slab_protect says so. 0: map it. */
uintptr_t slab_take(size_t size, bool to_be_opened);
/* Each is true where the call has its answer. */
bool slab_give(uintptr_t at, size_t size, long *ret);
bool slab_protect(uintptr_t at, size_t size, int prot);
bool slab_guard(uintptr_t at, size_t size);
/* Something else is about to be done to it. */
void slab_disturb(uintptr_t at, size_t size);
/* A thread that has run for ran_ns, with its stack pointer at sp, wants this memory dropped. True: it stays for the next one,
 * as there cannot be much in so short a time, and for the kernel to look for it takes longer than all else of a thread. */
bool slab_keep(uintptr_t at, size_t size, uintptr_t sp, uint64_t ran_ns);
/* A thread has ended, with its stack pointer there. */
void slab_left(uintptr_t sp);
/* From now on the process's memory is limited, or locked: nothing may be mapped but what the program asks for. */
void slab_retire(void);
/* In the child. */
void slab_forked(void);

/* What `at` is on: from its guard to its end. False where it is not one of these. */
bool slab_stack_of(uintptr_t at, uintptr_t *start, uintptr_t *end);
/* The kernel calls a guard of its own unmapped; the C library's is a mapping without access. */
void slab_fault(siginfo_t *info);

#endif
