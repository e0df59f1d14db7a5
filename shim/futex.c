#include "futex.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "../core/check.h"
#include "offload.h"
#include "stats.h"
#include "sys.h"
#include "thread.h"

/* Waiters hang on the bucket of their address, first come, first served. */
#define BUCKETS 1024
#define PAGE ((uintptr_t)4096)
#define HUGE_PAGE ((uintptr_t)2 << 20)

struct waiter {
	struct list node;
	uint32_t *addr;
	uint32_t bitset;
	struct fiber *fiber;
};

static struct list buckets[BUCKETS];

void futex_init(void)
{
	for (int i = 0; i < BUCKETS; i++)
		list_init(&buckets[i]);
}

static struct list *bucket(const uint32_t *addr)
{
	uintptr_t key = (uintptr_t)addr >> 2;

	return &buckets[(key ^ key >> 10 ^ key >> 20) % BUCKETS];
}

static long wait_for_wake(uint32_t *addr, uint32_t expected, uint32_t bitset, uint64_t deadline_ns)
{
	struct waiter w = {.addr = addr, .bitset = bitset, .fiber = fiber_self};
	long ret;

	if (!bitset)
		return -EINVAL;
	if (__atomic_load_n(addr, __ATOMIC_SEQ_CST) != expected)
		return -EAGAIN;
	list_push(bucket(addr), &w.node);
	ret = thread_park("futex", deadline_ns);
	list_remove(&w.node);
	if (ret == -EINTR)
		return deadline_ns == DEADLINE_NEVER ? -ERESTARTSYS : -ERESTARTNOHAND;
	return ret;
}

long futex_wake(uint32_t *addr, long n, uint32_t bitset)
{
	struct list *head = bucket(addr);
	long woken = 0;

	LIST_EACH_SAFE(node, head) {
		struct waiter *w = LIST_ENTRY(node, struct waiter, node);

		if (woken >= n)
			break;
		if (w->addr != addr || !(w->bitset & bitset))
			continue;
		list_remove(node);
		woken += hub_wake(w->fiber, 0);
	}
	return woken;
}

/* Wakes n, and moves up to m of the rest to wait at `to`. Both numbers count, as FUTEX_CMP_REQUEUE says. */
static long requeue(uint32_t *addr, long n, uint32_t *to, long m)
{
	struct list *head = bucket(addr), moved;
	long woken = futex_wake(addr, n, FUTEX_BITSET_MATCH_ANY), count = 0;
	struct list *node;

	list_init(&moved);
	LIST_EACH_SAFE(p, head) {
		if (LIST_ENTRY(p, struct waiter, node)->addr != addr || count >= m)
			continue;
		list_remove(p);
		list_push(&moved, p);
		count++;
	}
	while ((node = list_pop(&moved))) {
		LIST_ENTRY(node, struct waiter, node)->addr = to;
		list_push(bucket(to), node);
	}
	return woken + count;
}

/* FUTEX_WAKE_OP(2const): op on *addr2, then wake at addr, and at addr2 if its old value compares. */
static uint32_t operate(uint32_t *addr2, unsigned op, uint32_t arg)
{
	switch (op & 7) {
	case FUTEX_OP_SET:
		return __atomic_exchange_n(addr2, arg, __ATOMIC_SEQ_CST);
	case FUTEX_OP_ADD:
		return __atomic_fetch_add(addr2, arg, __ATOMIC_SEQ_CST);
	case FUTEX_OP_OR:
		return __atomic_fetch_or(addr2, arg, __ATOMIC_SEQ_CST);
	case FUTEX_OP_ANDN:
		return __atomic_fetch_and(addr2, ~arg, __ATOMIC_SEQ_CST);
	default:
		return __atomic_fetch_xor(addr2, arg, __ATOMIC_SEQ_CST);
	}
}

static bool compare(int32_t old, unsigned cmp, int32_t arg)
{
	switch (cmp) {
	case FUTEX_OP_CMP_EQ:
		return old == arg;
	case FUTEX_OP_CMP_NE:
		return old != arg;
	case FUTEX_OP_CMP_LT:
		return old < arg;
	case FUTEX_OP_CMP_LE:
		return old <= arg;
	case FUTEX_OP_CMP_GT:
		return old > arg;
	default:
		return old >= arg;
	}
}

static long wake_op(uint32_t *addr, long n, uint32_t *addr2, long n2, uint32_t encoded)
{
	unsigned op = encoded >> 28 & 15, cmp = encoded >> 24 & 15;
	int32_t op_arg = (int32_t)(encoded << 8) >> 20, cmp_arg = (int32_t)(encoded << 20) >> 20;
	uint32_t old;
	long woken;

	if ((op & 7) > FUTEX_OP_XOR || cmp > FUTEX_OP_CMP_GE)
		return -ENOSYS;
	if (op & FUTEX_OP_OPARG_SHIFT)
		op_arg = 1 << (op_arg & 31);
	old = operate(addr2, op, (uint32_t)op_arg);
	woken = futex_wake(addr, n, FUTEX_BITSET_MATCH_ANY);
	if (compare((int32_t)old, cmp, cmp_arg))
		woken += futex_wake(addr2, n2, FUTEX_BITSET_MATCH_ANY);
	return woken;
}

/* The deadline that the call's timespec means, or 0 for one that is malformed. */
static uint64_t deadline_of(int op, const struct timespec *ts)
{
	int cmd = op & FUTEX_CMD_MASK;
	uint64_t now;

	if (!ts)
		return DEADLINE_NEVER;
	if (ts->tv_sec < 0 || (unsigned long)ts->tv_nsec >= NS_PER_SEC)
		return 0;
	if (cmd == FUTEX_WAIT)
		return deadline_in(timespec_ns(ts));
	if (cmd != FUTEX_LOCK_PI && !(op & FUTEX_CLOCK_REALTIME))
		return timespec_ns(ts) + !timespec_ns(ts);
	now = clock_ns(CLOCK_REALTIME);
	return timespec_ns(ts) <= now ? 1 : deadline_in(timespec_ns(ts) - now);
}

static bool waits(int cmd)
{
	return cmd == FUTEX_WAIT || cmd == FUTEX_WAIT_BITSET;
}

/* glibc joins by a shared wait on the tid that the kernel clears: that one is ours. */
static bool is_joining(const uint32_t *addr, uint32_t expected)
{
	struct thread *t = thread_find((int)(expected & FUTEX_TID_MASK));

	return t && t->clear_tid == addr;
}

static long wake(uint32_t *addr, long n, uint32_t bitset)
{
	long woken = futex_wake(addr, n, bitset);

	if (woken)
		thread_did_wake();
	return woken;
}

static long private(const struct call *c, int cmd, uint64_t deadline_ns)
{
	uint32_t *addr = (uint32_t *)c->arg[0], *addr2 = (uint32_t *)c->arg[4];
	uint32_t val = (uint32_t)c->arg[2], val3 = (uint32_t)c->arg[5];
	long n = (int)c->arg[2], m = (int)c->arg[3];

	switch (cmd) {
	case FUTEX_WAIT:
		return wait_for_wake(addr, val, FUTEX_BITSET_MATCH_ANY, deadline_ns);
	case FUTEX_WAIT_BITSET:
		return wait_for_wake(addr, val, val3, deadline_ns);
	case FUTEX_WAKE:
		return wake(addr, n, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAKE_BITSET:
		return val3 ? wake(addr, n, val3) : -EINVAL;
	case FUTEX_CMP_REQUEUE:
		if (__atomic_load_n(addr, __ATOMIC_SEQ_CST) != val3)
			return -EAGAIN;
		return requeue(addr, n, addr2, m);
	case FUTEX_REQUEUE:
		return requeue(addr, n, addr2, m);
	case FUTEX_WAKE_OP:
		return wake_op(addr, n, addr2, m, val3);
	default:
		return futex_pi(cmd, addr, deadline_ns);
	}
}

/* mremap(2): with an old size of 0 it doubles a shared mapping and refuses a private one, and so does it for huge
 * pages where told their size. */
static long duplicate(uintptr_t addr, uintptr_t page)
{
	long copy = sys_call(SYS_mremap, addr & ~(page - 1), 0, page, MREMAP_MAYMOVE);

	stats.kernel_calls++;
	if (!sys_failed(copy))
		sys_call(SYS_munmap, copy, page);
	return copy;
}

/* Many say shared and mean their own memory: glibc's robust mutexes, libstdc++'s futures. */
static bool in_own_memory(uintptr_t addr)
{
	return duplicate(addr, PAGE) == -EINVAL && sys_failed(duplicate(addr, HUGE_PAGE));
}

static bool has_waiters(uint32_t *addr)
{
	LIST_EACH(node, bucket(addr))
		if (LIST_ENTRY(node, struct waiter, node)->addr == addr)
			return true;
	return false;
}

/* Others may wait or wake in other processes: a real OS thread waits, and wakes are the kernel's. */
static long shared(struct call *c, int cmd, uint64_t deadline_ns)
{
	uint32_t *addr = (uint32_t *)c->arg[0];

	if (cmd == FUTEX_WAKE || cmd == FUTEX_WAKE_BITSET)
		return has_waiters(addr) ? private(c, cmd, deadline_ns) : call_native(c);
	if (waits(cmd) && __atomic_load_n(addr, __ATOMIC_SEQ_CST) != (uint32_t)c->arg[2])
		return -EAGAIN;
	if (in_own_memory((uintptr_t)addr))
		return private(c, cmd, deadline_ns);
	return waits(cmd) ? offload_call(c) : call_native(c);
}

static bool takes_timeout(int cmd)
{
	return waits(cmd) || cmd == FUTEX_LOCK_PI || cmd == FUTEX_LOCK_PI2;
}

static bool is_pi(int cmd)
{
	return cmd == FUTEX_LOCK_PI || cmd == FUTEX_LOCK_PI2 || cmd == FUTEX_TRYLOCK_PI || cmd == FUTEX_UNLOCK_PI;
}

long sys_futex(struct call *c)
{
	int op = (int)c->arg[1], cmd = op & FUTEX_CMD_MASK;
	uint64_t deadline_ns = DEADLINE_NEVER;

	if (cmd > FUTEX_LOCK_PI2 || cmd == FUTEX_FD || c->arg[0] & 3)
		return call_native(c);
	if (takes_timeout(cmd))
		deadline_ns = deadline_of(op, (const struct timespec *)c->arg[3]);
	if (!deadline_ns)
		return -EINVAL;
	if (op & FUTEX_PRIVATE_FLAG || is_pi(cmd) ||
	    (waits(cmd) && is_joining((uint32_t *)c->arg[0], (uint32_t)c->arg[2])))
		return private(c, cmd, deadline_ns);
	return shared(c, cmd, deadline_ns);
}

/* Marks a held robust mutex as its owner's estate and wakes one heir. get_robust_list(2). */
static void bequeath(uint32_t *word, int tid, bool pending)
{
	uint32_t old = __atomic_load_n(word, __ATOMIC_SEQ_CST);

	if (pending && !old) { /* died between unlocking and waking */
		futex_wake(word, 1, FUTEX_BITSET_MATCH_ANY);
		sys_call(SYS_futex, word, FUTEX_WAKE, 1);
		return;
	}
	do {
		if ((old & FUTEX_TID_MASK) != (uint32_t)tid)
			return;
	} while (!__atomic_compare_exchange_n(word, &old, (old & FUTEX_WAITERS) | FUTEX_OWNER_DIED, false,
					      __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
	if (old & FUTEX_WAITERS) {
		futex_pi_bequeath(word);
		futex_wake(word, 1, FUTEX_BITSET_MATCH_ANY);
		sys_call(SYS_futex, word, FUTEX_WAKE, 1);
	}
}

void futex_exit_robust_list(void *list, int tid)
{
	struct robust_list_head *head = list;
	struct robust_list *entry;
	struct robust_list *pending;
	long left = ROBUST_LIST_LIMIT;

	if (!head)
		return;
	pending = (struct robust_list *)((uintptr_t)head->list_op_pending & ~1UL);
	for (entry = head->list.next; entry != &head->list && left--;) {
		struct robust_list *at = (struct robust_list *)((uintptr_t)entry & ~1UL); /* bit 0: PI */

		entry = at->next;
		if (at != pending)
			bequeath((uint32_t *)((char *)at + head->futex_offset), tid, false);
	}
	if (pending)
		bequeath((uint32_t *)((char *)pending + head->futex_offset), tid, true);
}
