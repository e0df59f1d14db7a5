/* The futex calls that followed futex(2): futex_waitv (Linux 5.16), futex_wake, futex_wait and futex_requeue (6.7).
 * include/uapi/linux/futex.h, kernel/futex/syscalls.c. What they have in common is a word of flags, of which kernels allow
 * 32 bits alone, and NUMA nodes: those are the kernel's. */
#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>

#include "futex.h"
#include "offload.h"
#include "scratch.h"
#include "sys.h"
#include "thread.h"
#include "timeout.h"
#include "user.h"

#define SIZE_MASK 3U
#define SIZE_U32 2U
#define NUMA 4U
#define MPOL 8U
#define PRIVATE 128U

static bool is_valid(unsigned flags)
{
	return !(flags & ~(SIZE_MASK | NUMA | MPOL | PRIVATE)) && (flags & SIZE_MASK) == SIZE_U32;
}

static bool is_word(uint64_t value)
{
	return value <= UINT32_MAX;
}

static uint32_t *word_at(uint64_t address)
{
	return (uint32_t *)(uintptr_t)address;
}

/* Asked once: what this kernel does not have, the program is told by itself. */
static bool kernel_has(long nr)
{
	enum { UNKNOWN, THERE, MISSING };
	static uint8_t known[CALL_LIMIT];

	if (known[nr] == UNKNOWN)
		known[nr] = sys_call(nr, 0, 0, -1L, -1L) == -ENOSYS ? MISSING : THERE; /* no flags are like that */
	return known[nr] == THERE;
}

/* Keyed by address, among greenlets. */
static bool is_ours(unsigned flags, const uint32_t *addr)
{
	return !(flags & (NUMA | MPOL)) && (flags & PRIVATE || futex_in_own_memory(addr));
}

/* As kernel/futex/syscalls.c, futex2_setup_timeout. */
static long read_deadline(const struct call *c, uint64_t *deadline_ns)
{
	const struct timespec *at = (const struct timespec *)c->arg[3 + (c->nr == SYS_futex_wait)];
	int clock = (int)c->arg[4 + (c->nr == SYS_futex_wait)];

	if (at && clock != CLOCK_MONOTONIC && clock != CLOCK_REALTIME)
		return -EINVAL;
	return timeout_at(clock, at, deadline_ns);
}

long sys_futex_wake(struct call *c)
{
	uint32_t *addr = (uint32_t *)c->arg[0];
	unsigned flags = (unsigned)c->arg[3];

	if (!kernel_has(c->nr))
		return call_native(c);
	if (!is_valid(flags) || !is_word((uint64_t)c->arg[1]) || !c->arg[1] || (uintptr_t)addr & 3)
		return -EINVAL;
	if (!is_ours(flags, addr))
		return call_native(c);
	return (int)c->arg[2] ? futex_wake_up(addr, (int)c->arg[2], (uint32_t)c->arg[1]) : 0;
}

long sys_futex_wait(struct call *c)
{
	uint32_t *addr = (uint32_t *)c->arg[0];
	unsigned flags = (unsigned)c->arg[3];
	uint64_t deadline_ns;
	long ret;

	if (!kernel_has(c->nr))
		return call_native(c);
	if (!is_valid(flags) || !is_word((uint64_t)c->arg[1]) || !is_word((uint64_t)c->arg[2]))
		return -EINVAL;
	ret = read_deadline(c, &deadline_ns);
	if (ret || (uintptr_t)addr & 3)
		return ret ? ret : -EINVAL;
	if (!is_ours(flags, addr))
		return offload_restartable(offload_call(c));
	return offload_restartable(futex_wait(addr, (uint32_t)c->arg[1], (uint32_t)c->arg[2], deadline_ns));
}

static long parse(const struct futex_waitv *w, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (!is_valid(w[i].flags) || w[i].__reserved || !is_word(w[i].val))
			return -EINVAL;
	for (unsigned i = 0; i < count; i++)
		if (w[i].uaddr & 3)
			return -EINVAL;
	return 0;
}

long sys_futex_requeue(struct call *c)
{
	uint32_t *from, *to;
	struct futex_waitv w[2];
	long err;

	if (!kernel_has(c->nr))
		return call_native(c);
	if ((unsigned)c->arg[1] || !c->arg[0])
		return -EINVAL;
	if (user_get(&w, (void *)c->arg[0]))
		return -EFAULT;
	err = parse(w, 2);
	if (err || w[0].flags != w[1].flags || (int)c->arg[2] < 0 || (int)c->arg[3] < 0)
		return -EINVAL;
	from = word_at(w[0].uaddr);
	to = word_at(w[1].uaddr);
	if (!is_ours(w[0].flags, from))
		return call_native(c);
	err = futex_compare(from, (uint32_t)w[0].val);
	return err ? err : futex_requeue(from, (int)c->arg[2], to, (int)c->arg[3]);
}

/* What a greenlet waits for: among greenlets, and in the kernel, where a helper waits. */
struct vector {
	long woken;
	unsigned count, theirs;
	struct futex_waitv *asked;   /* behind the waiters */
	struct futex_waitv *kernels; /* behind these; the kernel looks at `theirs` of them */
	struct futex_waiter waiters[];
};

static size_t vector_size(unsigned count)
{
	return sizeof(struct vector) + count * (sizeof(struct futex_waiter) + 2 * sizeof(struct futex_waitv));
}

static long compare_all(const struct futex_waitv *w, unsigned count)
{
	long ret = 0;

	for (unsigned i = 0; i < count && !ret; i++)
		ret = futex_compare(word_at(w[i].uaddr), (uint32_t)w[i].val);
	return ret;
}

static long vector_read(struct vector *v, const struct futex_waitv *from, unsigned count)
{
	long ret;

	v->count = count;
	v->asked = (struct futex_waitv *)&v->waiters[count];
	v->kernels = v->asked + count;
	if (user_copy(v->asked, from, count * sizeof(*from)))
		return -EFAULT;
	ret = parse(v->asked, count);
	return ret ? ret : compare_all(v->asked, count);
}

static void vector_enlist(struct vector *v)
{
	const struct futex_waitv *w = v->asked;

	v->woken = -1;
	v->theirs = 0;
	for (unsigned i = 0; i < v->count; i++) {
		struct futex_waiter *waiter = &v->waiters[i];

		*waiter = (struct futex_waiter){
			.bitset = FUTEX_BITSET_MATCH_ANY, .index = (int)i, .woken = &v->woken, .fiber = fiber_self};
		if (is_ours(w[i].flags, word_at(w[i].uaddr))) {
			waiter->addr = word_at(w[i].uaddr);
			futex_enlist(waiter);
		} else {
			v->kernels[v->theirs++] = w[i];
		}
	}
}

/* The index of the kernel's n-th. */
static long index_of(const struct vector *v, long n)
{
	for (unsigned i = 0; i < v->count; i++)
		if (!v->waiters[i].addr && n-- == 0)
			return i;
	return -EINVAL;
}

/* SWITCHES. */
static long vector_wait(struct vector *v, const struct call *c, uint64_t deadline_ns)
{
	long arg[6] = {(long)v->kernels, v->theirs, 0, c->arg[3], c->arg[4]}, ret;

	ret = v->theirs ? offload("futex", c->nr, arg) : thread_park("futex", deadline_ns);
	for (unsigned i = 0; i < v->count; i++)
		futex_delist(&v->waiters[i]);
	if (v->woken >= 0)
		return v->woken;
	return v->theirs && ret >= 0 ? index_of(v, ret) : offload_restartable(ret);
}

long sys_futex_waitv(struct call *c)
{
	unsigned count = (unsigned)c->arg[1];
	uint64_t deadline_ns;
	struct vector *v;
	long ret;

	if (!kernel_has(c->nr))
		return call_native(c);
	if ((unsigned)c->arg[2] || !count || count > FUTEX_WAITV_MAX || !c->arg[0])
		return -EINVAL;
	ret = read_deadline(c, &deadline_ns);
	if (ret)
		return ret;
	v = scratch_get(vector_size(count));
	if (!v)
		return -ENOMEM;
	ret = vector_read(v, (void *)c->arg[0], count);
	if (!ret) {
		vector_enlist(v);
		ret = vector_wait(v, c, deadline_ns);
	}
	scratch_put(v, vector_size(count));
	return ret;
}
