#include "tls.h"

#include <locale.h>

#include "../core/reserve.h"
#include "thread.h"
#include "user.h"

#define ABOVE (TLS_SIZE - TLS_BELOW)
#define PIECE 64 /* a thread's own may end anywhere; blocks are aligned to that */

uintptr_t tls_blank(void *memory)
{
	uintptr_t *tp = (uintptr_t *)((char *)memory + TLS_BELOW);

	tp[0] = tp[2] = (uintptr_t)tp; /* psABI: %fs:0; glibc: THREAD_SELF */
	return (uintptr_t)tp;
}

static void copy(char *tp, const char *from)
{
	for (long at = 0; at < ABOVE; at += PIECE)
		if (user_copy(tp + at, from + at, PIECE))
			break;
	for (long at = -PIECE; at >= -TLS_BELOW; at -= PIECE)
		if (user_copy(tp + at, from + at, PIECE))
			break;
}

uintptr_t tls_like_this(void)
{
	static uintptr_t made;
	char *memory = made ? NULL : reserve_map(TLS_SIZE);
	locale_t own;

	if (!memory)
		return made;
	own = uselocale(LC_GLOBAL_LOCALE); /* the thread may free its own */
	copy(memory + TLS_BELOW, (char *)context_thread_pointer());
	uselocale(own);
	made = tls_blank(memory);
	*(struct fiber **)context_thread_local(made, &fiber_self) = NULL;
	return made;
}
