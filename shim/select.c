#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "io.h"
#include "scratch.h"
#include "stats.h"
#include "sys.h"
#include "thread.h"
#include "timeout.h"
#include "user.h"
#include "waitset.h"

#define WORD_BITS (8 * sizeof(unsigned long))

/* The three sets: the program's, read once and written at the end; what they were; and the kernel's answer. */
struct sets {
	unsigned n;   /* descriptors below this */
	size_t words; /* in each set */
	unsigned long *user[3];
	unsigned long *asked, *answer;
};

/* fs/select.c: POLLIN_SET, POLLOUT_SET, POLLEX_SET. */
static const short set_events[3] = {POLLIN | POLLRDBAND, POLLOUT | POLLWRBAND, POLLPRI};

/* The kernel looks at no more than its table of descriptors holds; nor may we read beyond what the program has. */
static unsigned limit(unsigned n)
{
	struct rlimit files;

	if (n <= FD_SETSIZE || sys_call(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &files) < 0 || n < files.rlim_cur)
		return n;
	return (unsigned)files.rlim_cur;
}

static size_t sets_size(const struct sets *s)
{
	return 3 * s->words * sizeof(long);
}

static long sets_read(const struct sets *s)
{
	for (int i = 0; i < 3; i++)
		if (s->user[i] && user_copy(s->asked + (size_t)i * s->words, s->user[i], s->words * sizeof(long)))
			return -EFAULT;
	return 0;
}

static long sets_write(const struct sets *s)
{
	for (int i = 0; i < 3; i++)
		if (s->user[i] && user_copy(s->user[i], s->answer + (size_t)i * s->words, s->words * sizeof(long)))
			return -EFAULT;
	return 0;
}

static unsigned long asked_word(const struct sets *s, int set, size_t word)
{
	return s->user[set] ? s->asked[(size_t)set * s->words + word] : 0;
}

static unsigned long any_word(const struct sets *s, size_t word)
{
	unsigned long bits = asked_word(s, 0, word) | asked_word(s, 1, word) | asked_word(s, 2, word);

	if (word == s->n / WORD_BITS) /* the last one, when it is not whole */
		bits &= (1UL << s->n % WORD_BITS) - 1;
	return bits;
}

static unsigned sets_count(const struct sets *s)
{
	unsigned count = 0;

	for (size_t word = 0; word < s->words; word++)
		for (unsigned long bits = any_word(s, word); bits; bits &= bits - 1)
			count++;
	return count;
}

static short events_of(const struct sets *s, size_t word, unsigned long bit)
{
	short events = 0;

	for (int set = 0; set < 3; set++)
		if (asked_word(s, set, word) & bit)
			events |= set_events[set];
	/* Band data comes with ordinary readiness wherever it exists at all; asking for it would cost a second watcher. */
	return events & (POLLIN | POLLOUT | POLLPRI);
}

static long select_park(const struct sets *s, uint64_t deadline_ns)
{
	struct waitset w;
	long ret = waitset_open(&w, sets_count(s));

	if (ret)
		return ret;
	for (size_t word = 0; word < s->words; word++)
		for (unsigned long bits = any_word(s, word); bits; bits &= bits - 1)
			waitset_add(&w, (int)(word * WORD_BITS) + __builtin_ctzl(bits),
				    events_of(s, word, bits & -bits));
	ret = waitset_park(&w, "select", deadline_ns);
	waitset_close(&w);
	return ret;
}

static unsigned long *answer(const struct sets *s, int set)
{
	return s->user[set] ? s->answer + (size_t)set * s->words : NULL;
}

static long select_now(const struct sets *s)
{
	struct timespec zero = {0, 0};

	bytes_copy(s->answer, s->asked, sets_size(s));
	stats.kernel_calls++;
	return sys_call_at_once(SYS_pselect6, s->n, answer(s, 0), answer(s, 1), answer(s, 2), &zero, NULL);
}

/* Those that are closed by now: out of the answer's sets, or into them; how many. */
static long select_closed(const struct sets *s, bool into)
{
	long count = 0;

	for (size_t word = 0; word < s->words; word++)
		for (unsigned long bits = any_word(s, word); bits; bits &= bits - 1) {
			unsigned long bit = bits & -bits;

			if (!sys_failed(sys_call(SYS_fcntl, word * WORD_BITS + (size_t)__builtin_ctzl(bit), F_GETFD)))
				continue;
			for (int set = 0; set < 3; set++) {
				unsigned long *to = &s->answer[(size_t)set * s->words + word];

				*to &= ~bit;
				if (into && asked_word(s, set, word) & bit) {
					*to |= bit;
					count++;
				}
			}
		}
	return count;
}

/* Which descriptors there are counts at first: what is closed meanwhile is ready for all that was asked (fs/select.c,
 * EPOLLNVAL), and may be opened again. */
static long select_again(const struct sets *s)
{
	struct timespec zero = {0, 0};
	long ret = select_now(s);

	if (ret != -EBADF)
		return ret;
	bytes_copy(s->answer, s->asked, sets_size(s));
	select_closed(s, false);
	stats.kernel_calls++;
	ret = sys_call_at_once(SYS_pselect6, s->n, answer(s, 0), answer(s, 1), answer(s, 2), &zero, NULL);
	return ret < 0 ? ret : ret + select_closed(s, true);
}

/* SWITCHES. A hang-up or an error ends every wait for a descriptor, but counts only for what select asks about it: after
 * a few waits in vain it looks now and then, less and less often. */
static long select_wait(const struct sets *s, unsigned vain, uint64_t deadline_ns)
{
	unsigned doublings = vain < VAIN_LIMIT + VAIN_DOUBLINGS ? vain - VAIN_LIMIT : VAIN_DOUBLINGS;
	uint64_t until;
	long ret;

	if (vain < VAIN_LIMIT)
		return select_park(s, deadline_ns);
	until = deadline_in(VAIN_FIRST_NS << doublings);
	if (until >= deadline_ns)
		return thread_park("select", deadline_ns);
	ret = thread_park("select", until);
	return ret == -ETIMEDOUT ? 0 : ret;
}

static bool depends(const struct sets *s)
{
	for (size_t word = 0; word < s->words; word++)
		for (unsigned long bits = any_word(s, word); bits; bits &= bits - 1)
			if (waitset_depends((int)(word * WORD_BITS) + __builtin_ctzl(bits)))
				return true;
	return false;
}

/* SWITCHES. deadline_ns 0: do not wait. */
static long select_until(const struct sets *s, uint64_t deadline_ns, const uint64_t *mask)
{
	bool again = false;

	if (threads.hub.home_polls && depends(s))
		waitset_go_home();
	for (unsigned vain = 0;;) {
		long ret = again ? select_again(s) : select_now(s), why;

		if (!ret && waitset_let_in(mask))
			return -ERESTARTNOHAND;
		mask = NULL;
		if (ret || !deadline_ns) {
			thread_did_not_block();
			return ret;
		}
		why = select_wait(s, vain, deadline_ns);
		if (why == -ENOMEM)
			return why;
		if (why == -ETIMEDOUT)
			return select_again(s);
		if (why == -EINTR)
			return select_again(s) ?: -ERESTARTNOHAND; /* what is ready comes before a signal */
		again = true;
		vain += !(why > 0 && why & FD_GUESS);
	}
}

static long select_sets(struct call *c, uint64_t deadline_ns, const uint64_t *mask)
{
	struct sets s = {.n = limit((unsigned)c->arg[0])};
	long ret;

	if ((int)c->arg[0] < 0)
		return -EINVAL;
	s.words = (s.n + WORD_BITS - 1) / WORD_BITS;
	for (int i = 0; i < 3; i++)
		s.user[i] = (unsigned long *)c->arg[i + 1];
	s.asked = scratch_get(2 * sets_size(&s) + 1);
	if (!s.asked)
		return -ENOMEM;
	s.answer = s.asked + 3 * s.words;
	ret = sets_read(&s) ? CALL_PASS : select_until(&s, deadline_ns, mask); /* the kernel may look at less of them */
	if (ret >= 0 && sets_write(&s))
		ret = -EFAULT;
	scratch_put(s.asked, 2 * sets_size(&s) + 1);
	return ret;
}

#ifdef SYS_select
/* select(2): microseconds beyond a second are carried; the time that is left is written back. */
long sys_select(struct call *c)
{
	void *timeout = (void *)c->arg[4];
	uint64_t deadline_ns = DEADLINE_NEVER;
	struct timespec ts;
	struct timeval tv;
	long ret;

	if (timeout && user_get(&tv, timeout))
		return -EFAULT;
	if (timeout) {
		ts.tv_sec = tv.tv_sec + tv.tv_usec / 1000000;
		ts.tv_nsec = tv.tv_usec % 1000000 * 1000;
		if (ts.tv_sec < 0 || ts.tv_nsec < 0)
			return -EINVAL;
		deadline_ns = timespec_ns(&ts) ? deadline_in(timespec_ns(&ts)) : 0;
	}
	ret = select_sets(c, deadline_ns, NULL);
	return waitset_finish(ret, timeout, 1000, deadline_ns);
}
#endif

long sys_pselect6(struct call *c)
{
	struct {
		const uint64_t *mask;
		size_t size;
	} sig = {NULL, 0};
	uint64_t deadline_ns, mask;
	long ret;

	if (c->arg[5] && user_get(&sig, (void *)c->arg[5]))
		return -EFAULT;
	ret = timeout_from_now((void *)c->arg[4], &deadline_ns);
	if (ret)
		return ret;
	if (sig.mask && sig.size != sizeof(mask))
		return -EINVAL;
	if (sig.mask && user_get(&mask, sig.mask))
		return -EFAULT;
	ret = select_sets(c, deadline_ns, sig.mask ? &mask : NULL);
	return waitset_finish(ret, (void *)c->arg[4], 1, deadline_ns);
}
