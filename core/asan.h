/* asan.h - tells AddressSanitizer about switches between stacks (sanitizer/common_interface_defs.h). Without it, nothing. */
#ifndef CORE_ASAN_H
#define CORE_ASAN_H

#include <stdbool.h>
#include <stddef.h>

#include "fiber.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>

extern _Thread_local struct fiber *asan_left; /* the fiber that switched last: a thread's own stack is learnt from it */

static inline void asan_leave(struct fiber *from, const struct fiber *to)
{
	asan_left = from;
	__sanitizer_start_switch_fiber(from->state == FIBER_DEAD ? NULL : &from->asan_fake, to->asan_low,
				       to->asan_size);
}

static inline void asan_arrive(struct fiber *self)
{
	const void *low;
	size_t size;

	__sanitizer_finish_switch_fiber(self->asan_fake, &low, &size);
	self->asan_fake = NULL;
	if (!asan_left->asan_size) {
		asan_left->asan_low = low;
		asan_left->asan_size = size;
	}
}

static inline void asan_stack(struct fiber *f, const void *low, size_t size)
{
	__asan_unpoison_memory_region(low, size); /* of who ran there before */
	f->asan_low = low;
	f->asan_size = size;
}

static inline void asan_forget(const void *low, size_t size)
{
	__asan_unpoison_memory_region(low, size);
}

/* Memory straight from the kernel that may hold pointers: no leak is what can be reached from it. */
static inline void asan_root(const void *low, size_t size)
{
	__lsan_register_root_region(low, size);
}

static inline void asan_unroot(const void *low, size_t size)
{
	__lsan_unregister_root_region(low, size);
}
#else
static inline void asan_leave(struct fiber *from, const struct fiber *to)
{
	(void)from, (void)to;
}

static inline void asan_arrive(struct fiber *self)
{
	(void)self;
}

static inline void asan_stack(struct fiber *f, const void *low, size_t size)
{
	(void)f, (void)low, (void)size;
}

static inline void asan_forget(const void *low, size_t size)
{
	(void)low, (void)size;
}

static inline void asan_root(const void *low, size_t size)
{
	(void)low, (void)size;
}

static inline void asan_unroot(const void *low, size_t size)
{
	(void)low, (void)size;
}
#endif

#endif
