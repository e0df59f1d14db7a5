/* futex(2) by syscall(2): counts of nobody, clocks, priority inheritance with requeueing, errors; and the calls that came
 * after it: futex_waitv, futex_wake, futex_wait, futex_requeue. */
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "thread_test.h"

#ifndef SYS_futex_wake
#define SYS_futex_wake 454
#define SYS_futex_wait 455
#define SYS_futex_requeue 456
#endif

#define U32 2U
#define PRIVATE 128U
#define WORDS 130

static uint32_t words[WORDS], *shared_words;
static int handled;

#define RESULT(call)                                                                        \
	do {                                                                                \
		long result = (call);                                                       \
		printf("%s: %ld %s\n", #call, result, result < 0 ? error_name(errno) : ""); \
	} while (0)

/* Nothing tells when the others wait: long enough on a busy machine. */
static void parked(void)
{
	nap(120);
}

static long old(uint32_t *at, int op, unsigned val, long val2, uint32_t *at2, unsigned val3)
{
	return syscall(SYS_futex, at, op, val, val2, at2, val3);
}

static void *wait_at_zero(void *arg)
{
	return (void *)old(&words[0], FUTEX_WAIT_PRIVATE, 0, 0, NULL, 0) + (arg != NULL);
}

static void counts(void)
{
	pthread_t t[6];

	printf("-- counts\n");
	for (int i = 0; i < 6; i++)
		t[i] = go(wait_at_zero, NULL);
	parked();
	RESULT(old(words, FUTEX_WAKE_PRIVATE, 0, 0, NULL, 0));
	RESULT(old(words, FUTEX_WAKE_PRIVATE, -1, 0, NULL, 0));
	RESULT(old(words, FUTEX_REQUEUE_PRIVATE, 0, 0, &words[1], 0));
	RESULT(old(words, FUTEX_REQUEUE_PRIVATE, -1, 1, &words[1], 0));
	RESULT(old(words, FUTEX_REQUEUE_PRIVATE, 1, -1, &words[1], 0));
	RESULT(old(words, FUTEX_REQUEUE_PRIVATE, 1, 1, &words[1], 0));
	RESULT(old(words, FUTEX_WAKE_OP_PRIVATE, 0, 0, &words[2], FUTEX_OP(FUTEX_OP_SET, 0, FUTEX_OP_CMP_EQ, 1)));
	RESULT(old(words, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, 1, &words[1], 0));
	RESULT(old(words, FUTEX_WAKE_PRIVATE, INT_MAX, 0, NULL, 0));
	RESULT(old(&words[1], FUTEX_WAKE_PRIVATE, INT_MAX, 0, NULL, 0));
	for (int i = 0; i < 6; i++)
		done(t[i]);
}

static void errors(void)
{
	uint32_t *odd = (uint32_t *)((char *)words + 1);

	printf("-- errors\n");
	RESULT(old(words, FUTEX_WAIT_PRIVATE | FUTEX_CLOCK_REALTIME, 0, 0, NULL, 0));
	RESULT(old(words, FUTEX_WAKE_PRIVATE | FUTEX_CLOCK_REALTIME, 0, 0, NULL, 0));
	RESULT(old(words, FUTEX_FD, 0, 0, NULL, 0));
	RESULT(old(words, 14, 0, 0, NULL, 0));
	RESULT(old(odd, FUTEX_WAKE_PRIVATE, 1, 0, NULL, 0));
	RESULT(old(words, FUTEX_WAKE_OP_PRIVATE, 1, 1, odd, 0));
	RESULT(old(words, FUTEX_WAKE_BITSET_PRIVATE, 1, 0, NULL, 0));
	RESULT(old(words, FUTEX_WAKE_OP_PRIVATE, 1, 1, &words[1], 0x70000000));
	RESULT(old(words, FUTEX_CMP_REQUEUE_PI_PRIVATE, 2, 1, &words[1], 0));
	RESULT(old(words, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, 1, words, 0));
	RESULT(old(words, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, 1, &words[1], 7));
	RESULT(old(words, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, 1, &words[1], 0));
	RESULT(old(words, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 7, 0, &words[1], 0));
	RESULT(old(words, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, 0, words, 0));
	RESULT(syscall(SYS_set_robust_list, words, 23L));
}

/* Each gets the lock from the one before, in turn. */
static void *locked(void *arg)
{
	long ret = old(&words[3], FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, 0, &words[4], 0);
	bool mine = (words[4] & FUTEX_TID_MASK) == (uint32_t)gettid();

	words[5]++;
	if (!__atomic_compare_exchange_n(&words[4], &(uint32_t){(uint32_t)gettid()}, 0, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST))
		ret += old(&words[4], FUTEX_UNLOCK_PI_PRIVATE, 0, 0, NULL, 0);
	return (void *)(ret * 10 + mine + (long)arg);
}

static void inherit(int held)
{
	struct timespec until = in_ms(CLOCK_MONOTONIC, 10);
	pthread_t t[4];
	long sum = 0;

	printf("-- requeue with priority inheritance, %s\n", held ? "held" : "free");
	RESULT(syscall(SYS_futex, &words[3], FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, &until, &words[4], 0));
	for (int i = 0; i < 4; i++)
		t[i] = go(locked, NULL);
	parked();
	if (held)
		RESULT(old(&words[4], FUTEX_LOCK_PI_PRIVATE, 0, 0, NULL, 0));
	RESULT(old(&words[3], FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, 1, &words[6], 0));
	RESULT(old(&words[3], FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, 1, &words[4], 0));
	RESULT(old(&words[3], FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, INT_MAX, &words[4], 0));
	if (held) {
		printf("ran: %u\n", words[5]);
		RESULT(old(&words[4], FUTEX_UNLOCK_PI_PRIVATE, 0, 0, NULL, 0));
	}
	for (int i = 0; i < 4; i++)
		sum += done(t[i]);
	printf("each had it: %ld, left %u, ran %u\n", sum, words[4], words[5]);
	words[5] = 0;
}

static struct futex_waitv vector[WORDS];
static unsigned vector_count;

static long waitv(unsigned count, const struct timespec *until, int clock)
{
	return syscall(SYS_futex_waitv, vector, count, 0L, until, clock);
}

static void vector_at(unsigned i, uint32_t *word, unsigned flags)
{
	vector[i] = (struct futex_waitv){.uaddr = (uintptr_t)word, .flags = flags};
}

static void *wait_for_any(void *arg)
{
	long ret = waitv(vector_count, NULL, CLOCK_MONOTONIC);

	return (void *)(ret < 0 ? -errno : ret + (arg != NULL));
}

static void any_of_several(void)
{
	pthread_t t;

	printf("-- any of several\n");
	for (unsigned i = 0; i < 128; i++)
		vector_at(i, &words[i], U32 | PRIVATE);
	vector_count = 128;
	t = go(wait_for_any, NULL);
	parked();
	RESULT(old(&words[128], FUTEX_WAKE_PRIVATE, 1, 0, NULL, 0));
	RESULT(old(&words[77], FUTEX_WAKE_PRIVATE, 1, 0, NULL, 0));
	printf("index %ld\n", done(t));
	t = go(wait_for_any, NULL);
	parked();
	RESULT(old(&words[0], FUTEX_REQUEUE_PRIVATE, 0, 1, &words[128], 0));
	RESULT(old(&words[128], FUTEX_WAKE_PRIVATE, 1, 0, NULL, 0));
	printf("moved, index %ld\n", done(t));
	vector_at(1, &words[0], U32 | PRIVATE);
	vector_count = 3;
	t = go(wait_for_any, NULL);
	parked();
	RESULT(old(&words[0], FUTEX_WAKE_PRIVATE, 2, 0, NULL, 0));
	printf("twice at one word, index %ld\n", done(t));
}

static void vector_errors(void)
{
	struct timespec until = in_ms(CLOCK_MONOTONIC, 10), real = in_ms(CLOCK_REALTIME, 10), bad = {0, 1000000000};

	printf("-- futex_waitv\n");
	vector_at(0, &words[0], U32 | PRIVATE);
	vector_at(1, &words[1], U32 | PRIVATE);
	RESULT(waitv(2, &until, CLOCK_MONOTONIC));
	printf("%s\n", waited(CLOCK_MONOTONIC, until));
	RESULT(waitv(2, &real, CLOCK_REALTIME));
	printf("%s\n", waited(CLOCK_REALTIME, real));
	RESULT(waitv(2, &until, CLOCK_BOOTTIME));
	RESULT(waitv(2, &bad, CLOCK_MONOTONIC));
	RESULT(waitv(0, NULL, 0));
	RESULT(waitv(129, NULL, 0));
	RESULT(syscall(SYS_futex_waitv, NULL, 1L, 0L, NULL, 0L));
	RESULT(syscall(SYS_futex_waitv, vector, 1L, 1L, NULL, 0L));
	vector[1].val = 1;
	RESULT(waitv(2, NULL, 0));
	vector[1].val = 1ULL << 32;
	RESULT(waitv(2, NULL, 0));
	vector_at(1, &words[1], 1 | PRIVATE);
	RESULT(waitv(2, NULL, 0));
	vector_at(1, &words[1], U32 | PRIVATE | 256);
	RESULT(waitv(2, NULL, 0));
	vector_at(1, (uint32_t *)((char *)words + 2), U32 | PRIVATE);
	RESULT(waitv(2, NULL, 0));
	vector_at(1, (uint32_t *)0x10000, U32 | PRIVATE);
	RESULT(waitv(2, NULL, 0));
	vector_at(1, (uint32_t *)0x10000, U32);
	RESULT(waitv(2, NULL, 0));
	vector_at(1, &words[1], U32 | PRIVATE);
	vector[1].__reserved = 1;
	RESULT(waitv(2, NULL, 0));
	RESULT(syscall(SYS_futex_waitv, 0x10000L, 1L, 0L, NULL, 0L));
}

static void on_signal(int sig)
{
	handled += sig == SIGUSR1;
}

static void interrupted(int flags)
{
	struct sigaction act = {.sa_handler = on_signal, .sa_flags = flags};
	pthread_t t;

	printf("-- a signal, %s\n", flags ? "restarted" : "not restarted");
	sigaction(SIGUSR1, &act, NULL);
	vector_at(0, &words[0], U32 | PRIVATE);
	vector_at(1, &words[1], U32 | PRIVATE);
	vector_count = 2;
	t = go(wait_for_any, NULL);
	parked();
	pthread_kill(t, SIGUSR1);
	parked();
	RESULT(old(&words[1], FUTEX_WAKE_PRIVATE, 1, 0, NULL, 0));
	printf("%ld, handled %d\n", done(t), handled);
}

/* From another process, and from a thread of this one. */
static void shared_too(void)
{
	pthread_t t;
	pid_t child;

	printf("-- shared and private\n");
	vector_at(0, &words[0], U32 | PRIVATE);
	vector_at(1, &shared_words[0], U32);
	vector_at(2, &words[1], U32);
	vector_at(3, &shared_words[1], U32);
	vector_count = 4;
	t = go(wait_for_any, NULL);
	parked();
	child = fork();
	if (!child)
		_exit((int)old(&shared_words[1], FUTEX_WAKE, 1, 0, NULL, 0));
	printf("by the child, index %ld\n", done(t));
	waitpid(child, NULL, 0);
	t = go(wait_for_any, NULL);
	parked();
	RESULT(old(&words[0], FUTEX_WAKE_PRIVATE, 1, 0, NULL, 0));
	printf("index %ld\n", done(t));
	t = go(wait_for_any, NULL);
	parked();
	RESULT(old(&words[1], FUTEX_WAKE, 1, 0, NULL, 0));
	printf("index %ld\n", done(t));
	t = go(wait_for_any, NULL);
	parked();
	RESULT(old(&shared_words[0], FUTEX_WAKE, 1, 0, NULL, 0));
	printf("index %ld\n", done(t));
}

static long new_wait(uint32_t *at, unsigned long val, unsigned long mask, unsigned flags, const struct timespec *until,
		     int clock)
{
	return syscall(SYS_futex_wait, at, val, mask, flags, until, clock);
}

static void *wait_new(void *arg)
{
	long ret = new_wait(arg, 0, 6, (uint32_t *)arg == shared_words ? U32 : U32 | PRIVATE, NULL, 0);

	return (void *)(ret < 0 ? -errno : ret);
}

static void new_calls(void)
{
	struct timespec until = in_ms(CLOCK_MONOTONIC, 10);
	pthread_t t[3];

	printf("-- futex_wait, futex_wake, futex_requeue\n");
	RESULT(new_wait(words, 0, 1, U32 | PRIVATE, &until, CLOCK_MONOTONIC));
	RESULT(new_wait(words, 1, 1, U32 | PRIVATE, NULL, 0));
	RESULT(new_wait(words, 0, 0, U32 | PRIVATE, NULL, 0));
	RESULT(new_wait(words, 0, 1, 0, NULL, 0));
	RESULT(new_wait(words, 1UL << 32, 1, U32, NULL, 0));
	RESULT(new_wait(words, 0, 1, U32, &until, 77));
	RESULT(syscall(SYS_futex_wake, words, 0L, 1L, U32 | PRIVATE));
	RESULT(syscall(SYS_futex_wake, words, 1L, 1L, 1L));
	for (int i = 0; i < 3; i++)
		t[i] = go(wait_new, words);
	parked();
	RESULT(syscall(SYS_futex_wake, words, 1L, 1L, U32 | PRIVATE));
	RESULT(syscall(SYS_futex_wake, words, 2L, 0L, U32 | PRIVATE));
	RESULT(syscall(SYS_futex_wake, words, 2L, 1L, U32 | PRIVATE));
	vector_at(0, &words[0], U32 | PRIVATE);
	vector_at(1, &words[1], U32 | PRIVATE);
	RESULT(syscall(SYS_futex_requeue, vector, 0L, 0L, 1L));
	RESULT(syscall(SYS_futex_requeue, vector, 1L, 0L, 1L));
	RESULT(syscall(SYS_futex_requeue, vector, 0L, -1L, 1L));
	vector[0].val = 1;
	RESULT(syscall(SYS_futex_requeue, vector, 0L, 0L, 1L));
	vector[1].flags = U32;
	RESULT(syscall(SYS_futex_requeue, vector, 0L, 0L, 1L));
	RESULT(syscall(SYS_futex_requeue, NULL, 0L, 0L, 1L));
	RESULT(syscall(SYS_futex_wake, &words[1], 6L, 9L, U32 | PRIVATE));
	RESULT(syscall(SYS_futex_wake, words, 6L, 9L, U32 | PRIVATE));
	for (int i = 0; i < 3; i++)
		printf("%ld\n", done(t[i]));
	t[0] = go(wait_new, shared_words);
	parked();
	RESULT(syscall(SYS_futex_wake, shared_words, 6L, 1L, U32));
	printf("shared: %ld\n", done(t[0]));
}

static void *nothing(void *arg)
{
	return arg;
}

int main(void)
{
	done(go(nothing, NULL));
	shared_words = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	counts();
	errors();
	inherit(0);
	inherit(1);
	any_of_several();
	vector_errors();
	interrupted(0);
	interrupted(SA_RESTART);
	shared_too();
	new_calls();
	return 0;
}
