/* Robust futexes: what a thread that dies leaves behind. get_robust_list(2), Documentation/locking/robust-futex-ABI.rst. */
#include <linux/futex.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "futex.h"
#include "sys.h"
#include "user.h"

static void wake_heir(uint32_t *word)
{
	futex_wake(word, 1, FUTEX_BITSET_MATCH_ANY);
	sys_call(SYS_futex, word, FUTEX_WAKE, 1);
}

/* Marks a held robust mutex as its owner's estate and wakes one heir; false: there is no memory. get_robust_list(2). */
static bool bequeath(uint32_t *word, int tid, bool pending)
{
	uint32_t old;
	long ret;

	if ((uintptr_t)word & 3 || user_load32(&old, word))
		return false;
	if (pending && !old) { /* died between unlocking and waking */
		wake_heir(word);
		return true;
	}
	do {
		if ((old & FUTEX_TID_MASK) != (uint32_t)tid)
			return true;
		ret = user_cas32(word, &old, (old & FUTEX_WAITERS) | FUTEX_OWNER_DIED);
	} while (ret > 0);
	if (!ret && old & FUTEX_WAITERS) {
		futex_pi_bequeath(word);
		wake_heir(word);
	}
	return !ret;
}

/* Where an entry is, or the next one: the program's pointers, which may be anything. */
static uintptr_t without_flag(const void *entry)
{
	return (uintptr_t)entry & ~1UL; /* bit 0: PI */
}

/* It may lead anywhere, and in circles: followed as far as the kernel would. */
void futex_exit_robust_list(void *list, int tid)
{
	struct robust_list_head *at = list, head;
	struct robust_list next;
	uintptr_t entry, pending, offset;
	long left = ROBUST_LIST_LIMIT;

	if (!at || user_get(&head, at))
		return;
	offset = (uintptr_t)head.futex_offset;
	pending = without_flag(head.list_op_pending);
	for (entry = without_flag(head.list.next); entry != (uintptr_t)list && left--;
	     entry = without_flag(next.next)) {
		bool more = !user_get(&next, (void *)entry);

		if (entry != pending && !bequeath((uint32_t *)(entry + offset), tid, false))
			return;
		if (!more)
			return;
	}
	if (pending)
		bequeath((uint32_t *)(pending + offset), tid, true);
}
