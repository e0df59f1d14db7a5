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
#include "timeout.h"
#include "user.h"

#define PAGE ((uintptr_t)4096)
#define HUGE_PAGE ((uintptr_t)2 << 20)

/* FUTEX_WAKE_OP(2const): op on *addr2, then wake at addr, and at addr2 if its old value compares. */
static uint32_t operated(uint32_t old, unsigned op, uint32_t arg)
{
	switch (op & 7) {
	case FUTEX_OP_SET:
		return arg;
	case FUTEX_OP_ADD:
		return old + arg;
	case FUTEX_OP_OR:
		return old | arg;
	case FUTEX_OP_ANDN:
		return old & ~arg;
	default:
		return old ^ arg;
	}
}

static long operate(uint32_t *addr2, unsigned op, uint32_t arg, uint32_t *old)
{
	long ret = user_load32(old, addr2);

	if (ret)
		return ret;
	do
		ret = user_cas32(addr2, old, operated(*old, op, arg));
	while (ret > 0);
	return ret;
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

/* The kernel counts after it has woken one: 0 and less wake one too. */
static long at_least_one(long n)
{
	return n < 1 ? 1 : n;
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
	if (operate(addr2, op, (uint32_t)op_arg, &old))
		return -EFAULT;
	woken = futex_wake(addr, at_least_one(n), FUTEX_BITSET_MATCH_ANY);
	if (compare((int32_t)old, cmp, cmp_arg))
		woken += futex_wake(addr2, at_least_one(n2), FUTEX_BITSET_MATCH_ANY);
	return woken;
}

static bool waits(int cmd)
{
	return cmd == FUTEX_WAIT || cmd == FUTEX_WAIT_BITSET;
}

static bool takes_timeout(int cmd)
{
	return waits(cmd) || cmd == FUTEX_WAIT_REQUEUE_PI || cmd == FUTEX_LOCK_PI || cmd == FUTEX_LOCK_PI2;
}

/* By value, for the same reason. */
struct limit {
	long err;
	uint64_t deadline_ns;
};

static struct limit read_timeout(int op, const struct timespec *user)
{
	int cmd = op & FUTEX_CMD_MASK;
	bool monotonic = cmd != FUTEX_LOCK_PI && !(op & FUTEX_CLOCK_REALTIME);
	struct limit limit = {0, DEADLINE_NEVER};

	if (!user || !takes_timeout(cmd))
		return limit;
	limit.err = cmd == FUTEX_WAIT
			    ? timeout_from_now(user, &limit.deadline_ns)
			    : timeout_at(monotonic ? CLOCK_MONOTONIC : CLOCK_REALTIME, user, &limit.deadline_ns);
	return limit;
}

/* glibc joins by a shared wait on the tid that the kernel clears: that one is ours. */
static bool is_joining(const uint32_t *addr, uint32_t expected)
{
	struct thread *t = thread_find((int)(expected & FUTEX_TID_MASK));

	return t && t->clear_tid == addr;
}

long futex_wake_up(uint32_t *addr, long n, uint32_t bitset)
{
	long woken = futex_wake(addr, at_least_one(n), bitset);

	if (woken)
		thread_did_wake();
	return woken;
}

/* Among those that wait to be given a lock nobody may wait otherwise. */
static long requeue_pi(uint32_t *addr, long n, uint32_t *lock, long m, uint32_t expected)
{
	long ret;

	if (n != 1 || m < 0 || addr == lock)
		return -EINVAL;
	ret = futex_compare(addr, expected);
	if (ret)
		return ret;
	return futex_has_waiters(addr) ? -EINVAL : futex_pi_requeue(addr, m, lock);
}

static long wake_or_move(const struct call *c, int cmd, uint64_t deadline_ns)
{
	uint32_t *addr = (uint32_t *)c->arg[0], *addr2 = (uint32_t *)c->arg[4];
	uint32_t val = (uint32_t)c->arg[2], val3 = (uint32_t)c->arg[5];
	long n = (int)c->arg[2], m = (int)c->arg[3], ret;

	switch (cmd) {
	case FUTEX_WAKE:
		return futex_wake_up(addr, n, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_WAKE_BITSET:
		return val3 ? futex_wake_up(addr, n, val3) : -EINVAL;
	case FUTEX_CMP_REQUEUE:
		ret = n < 0 || m < 0 ? -EINVAL : futex_compare(addr, val3);
		return ret ? ret : futex_requeue(addr, n, addr2, m);
	case FUTEX_REQUEUE:
		return futex_requeue(addr, n, addr2, m);
	case FUTEX_WAKE_OP:
		return wake_op(addr, n, addr2, m, val3);
	case FUTEX_WAIT_REQUEUE_PI:
		return futex_pi_wait(addr, val, addr2, deadline_ns);
	case FUTEX_CMP_REQUEUE_PI:
		return requeue_pi(addr, n, addr2, m, val3);
	default:
		return futex_pi(cmd, addr, deadline_ns);
	}
}

static long private(const struct call *c, int cmd, uint64_t deadline_ns)
{
	uint32_t bitset = cmd == FUTEX_WAIT ? FUTEX_BITSET_MATCH_ANY : (uint32_t)c->arg[5];

	if (waits(cmd))
		return futex_wait_restartable((uint32_t *)c->arg[0], (uint32_t)c->arg[2], bitset, deadline_ns);
	return wake_or_move(c, cmd, deadline_ns);
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
bool futex_in_own_memory(const uint32_t *addr)
{
	return duplicate((uintptr_t)addr, PAGE) == -EINVAL && sys_failed(duplicate((uintptr_t)addr, HUGE_PAGE));
}

static bool takes_second(int cmd)
{
	return cmd == FUTEX_REQUEUE || cmd == FUTEX_CMP_REQUEUE || cmd == FUTEX_WAKE_OP ||
	       cmd == FUTEX_WAIT_REQUEUE_PI || cmd == FUTEX_CMP_REQUEUE_PI;
}

/* Others may wait or wake in other processes: a real OS thread waits, and wakes are the kernel's. */
static long shared(struct call *c, int cmd, uint64_t deadline_ns)
{
	uint32_t *addr = (uint32_t *)c->arg[0];
	long ret = waits(cmd) ? futex_compare(addr, (uint32_t)c->arg[2]) : 0;
	uint32_t second;

	if (ret)
		return ret;
	if (cmd == FUTEX_WAKE || cmd == FUTEX_WAKE_BITSET)
		return futex_has_waiters(addr) ? private(c, cmd, deadline_ns) : call_native(c);
	if (takes_second(cmd) && user_load32(&second, (uint32_t *)c->arg[4]))
		return -EFAULT;
	if (futex_in_own_memory(addr))
		return private(c, cmd, deadline_ns);
	if (!waits(cmd))
		return call_native(c);
	ret = offload_call(c);
	return ret == -EINTR ? futex_interrupted(deadline_ns) : ret;
}

static bool is_pi(int cmd)
{
	return cmd == FUTEX_LOCK_PI || cmd == FUTEX_LOCK_PI2 || cmd == FUTEX_TRYLOCK_PI || cmd == FUTEX_UNLOCK_PI ||
	       cmd == FUTEX_WAIT_REQUEUE_PI || cmd == FUTEX_CMP_REQUEUE_PI;
}

/* Others know no clock but their own. */
static bool takes_clock(int cmd)
{
	return cmd == FUTEX_WAIT_BITSET || cmd == FUTEX_WAIT_REQUEUE_PI || cmd == FUTEX_LOCK_PI2;
}

static bool is_address(long at)
{
	return user_has((void *)at) && !(at & 3);
}

long sys_futex(struct call *c)
{
	int op = (int)c->arg[1], cmd = op & FUTEX_CMD_MASK;
	struct limit limit;

	if (cmd > FUTEX_LOCK_PI2 || cmd == FUTEX_FD || !is_address(c->arg[0]) ||
	    (takes_second(cmd) && !is_address(c->arg[4])))
		return call_native(c);
	if (op & FUTEX_CLOCK_REALTIME && !takes_clock(cmd))
		return -ENOSYS;
	limit = read_timeout(op, (void *)c->arg[3]);
	if (limit.err)
		return limit.err;
	if (op & FUTEX_PRIVATE_FLAG || is_pi(cmd) ||
	    (waits(cmd) && is_joining((uint32_t *)c->arg[0], (uint32_t)c->arg[2])))
		return private(c, cmd, limit.deadline_ns);
	return shared(c, cmd, limit.deadline_ns);
}
