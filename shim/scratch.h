/* scratch.h - memory for the length of one call, where the program's stack has no room for it (shim's frames stay under
 * 1 KiB) and malloc must not be called (the program may be inside it). */
#ifndef SHIM_SCRATCH_H
#define SHIM_SCRATCH_H

#include <stddef.h>

/* Not cleared. NULL when there is no memory. */
void *scratch_get(size_t size);
void scratch_put(void *p, size_t size);

/* memcpy, without libc's vector registers. */
static inline void bytes_copy(void *to, const void *from, size_t size)
{
#if defined(__x86_64__)
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
#else
	for (size_t i = 0; i < size; i++)
		((volatile char *)to)[i] = ((const char *)from)[i];
#endif
}

#endif
