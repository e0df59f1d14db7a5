/* Stacks of many sizes, each with its guard, used again, by children too; what is done to them besides. */
#include <malloc.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "thread_test.h"

#define KIB 1024UL
#define MIB (1024 * KIB)

static __thread sigjmp_buf back;
static __thread siginfo_t fault;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	fault = *info;
	siglongjmp(back, 1);
}

static const char *code_name(void)
{
	return fault.si_code == SEGV_ACCERR ? "no access" : fault.si_code == SEGV_MAPERR ? "no mapping" : "another";
}

/* What becomes of a write there. */
static const char *touch(char *at)
{
	if (sigsetjmp(back, 1))
		return fault.si_addr == at ? code_name() : "elsewhere";
	*(volatile char *)at = 1;
	return "written";
}

struct stack {
	char *low;
	size_t size, guard;
};

static struct stack own_stack(void)
{
	pthread_attr_t attr;
	struct stack s;
	void *low;

	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstack(&attr, &low, &s.size);
	pthread_attr_getguardsize(&attr, &s.guard);
	pthread_attr_destroy(&attr);
	s.low = low;
	return s;
}

/* Both ends of the stack and of its guard. */
static void *look(void *arg)
{
	struct stack s = own_stack();
	char here;

	printf("%zu KiB, guard %zu: ", s.size / KIB, s.guard / KIB);
	printf("%s, %s; ", &here > s.low && &here < s.low + s.size ? "on it" : "NOT ON IT", touch(s.low));
	if (s.guard)
		printf("%s, %s", touch(s.low - 1), touch(s.low - s.guard));
	puts("");
	return arg;
}

static pthread_t with(size_t size, size_t guard, void *(*run)(void *))
{
	pthread_attr_t attr;
	pthread_t t;
	int error;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, size);
	pthread_attr_setguardsize(&attr, guard);
	error = pthread_create(&t, &attr, run, NULL);
	pthread_attr_destroy(&attr);
	if (error) {
		printf("%zu KiB: %s\n", size / KIB, error_name(error));
		return 0;
	}
	return t;
}

static void *sizes_and_guards(void *arg)
{
	static const size_t sizes[] = {32 * KIB, 64 * KIB, 256 * KIB, 8 * MIB, 100 * MIB};
	static const size_t guards[] = {4 * KIB, 0, 16 * KIB, 4 * KIB, 8 * KIB};

	for (int i = 0; i < 25; i++)
		done(with(sizes[i / 5], guards[i % 5], look));
	return arg;
}

static atomic_int found_zero;

/* All of it, page by page. */
static void *fill(void *arg)
{
	struct stack s = own_stack();
	volatile char *here = __builtin_frame_address(0);
	bool zero = true;

	for (volatile char *p = here - 4096; p > s.low; p -= 4096) {
		zero &= !*p;
		*p = 1;
	}
	found_zero += zero;
	return arg;
}

static pthread_barrier_t held;

static void *is_held(void *arg)
{
	pthread_barrier_wait(&held);
	return arg;
}

static void *fill_and_hold(void *arg)
{
	fill(NULL);
	return is_held(arg);
}

/* The C library keeps some of these, as they were left. */
static void zero_again(void)
{
	pthread_t t[20];

	pthread_barrier_init(&held, NULL, 20);
	for (int round = 0; round < 3; round++) {
		found_zero = 0;
		for (int i = 0; i < 20; i++)
			t[i] = with(8 * MIB, 4 * KIB, fill_and_hold);
		for (int i = 0; i < 20; i++)
			done(t[i]);
		printf("most were zero: %d\n", found_zero > 10);
	}
}

static void *nothing(void *arg)
{
	return arg;
}

static void many_at_once(size_t size)
{
	pthread_t t[300];

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 300; i++)
			t[i] = with(size, 4 * KIB, i % 3 ? fill : nothing);
		for (int i = 0; i < 300; i++)
			done(t[i]);
	}
	done(with(size, 4 * KIB, look));
}

/* More than there is, answered at once. */
static void of_everything(void)
{
	char *low = (char *)(64UL << 40);

	SHOW_ERRNO(madvise(low, 63UL << 40, MADV_NORMAL));
	SHOW_ERRNO(munmap(low, -1UL << 12));
	SHOW_ERRNO(mlock(low, 63UL << 40));
}

/* Its own stack is memory like any other. */
static void *changes(void *arg)
{
	struct stack s = own_stack();
	unsigned char in_memory = 0;

	SHOW_ERRNO(mprotect(s.low, 8192, PROT_READ));
	printf("%s\n", touch(s.low + 4096));
	SHOW_ERRNO(mprotect(s.low, 8192, PROT_READ | PROT_WRITE | PROT_EXEC));
	SHOW_ERRNO(pkey_mprotect(s.low, 4096, PROT_READ | PROT_WRITE, 0));
	printf("%s\n", touch(s.low + 4096));
	SHOW_ERRNO(mlock(s.low, 4096));
	SHOW_ERRNO(mlock2(s.low + 4096, 4096, MLOCK_ONFAULT));
	SHOW_ERRNO(mlock(s.low - s.guard, 8192));
	SHOW_ERRNO(munlock(s.low, 8192));
	SHOW_ERRNO(madvise(s.low, 8192, MADV_DONTNEED));
	printf("%d\n", s.low[4096]);
	SHOW_ERRNO(mincore(s.low, 4096, &in_memory));
	SHOW_ERRNO(mremap(s.low, 4096, 4096, MREMAP_MAYMOVE) == MAP_FAILED);
	SHOW_ERRNO(mmap(s.low, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED);
	printf("%s\n", touch(s.low));
	return arg;
}

/* The guard is opened: as natively, the stack goes on below. */
static void *opens(void *arg)
{
	struct stack s = own_stack();

	SHOW_ERRNO(mprotect(s.low - s.guard, s.guard, PROT_READ | PROT_WRITE));
	printf("%s, %s\n", touch(s.low - 1), touch(s.low - s.guard));
	return arg;
}

/* 16 of them, so that some are unmapped and not kept. */
static void changed(void *(*run)(void *))
{
	pthread_t t[16];

	for (int i = 0; i < 16; i++) {
		done(with(8 * MIB, 8 * KIB, i ? nothing : run));
		t[i] = with(8 * MIB, 8 * KIB, nothing);
	}
	for (int i = 0; i < 16; i++)
		done(t[i]);
	done(with(8 * MIB, 8 * KIB, look));
}

/* What was there before the limit comes back to be used again, too. */
static void *of_limit(void *arg)
{
	struct rlimit limit = {2048 * MIB, RLIM_INFINITY};
	pthread_t t[100];
	int n = 0;

	done(with(32 * MIB, 4 * KIB, look));
	pthread_barrier_init(&held, NULL, 21);
	for (; n < 20; n++)
		t[n] = with(32 * MIB, 4 * KIB, is_held);
	setrlimit(RLIMIT_AS, &limit);
	pthread_barrier_wait(&held);
	while (n)
		done(t[--n]);
	pthread_barrier_init(&held, NULL, 101);
	while (n < 100 && (t[n] = with(32 * MIB, 4 * KIB, is_held)))
		n++;
	printf("%s\n", n > 50 && n < 64 ? "about as many as there is room for" : "MORE OR LESS");
	return arg;
}

static void *of_locked(void *arg)
{
	done(with(256 * KIB, 4 * KIB, look));
	SHOW_ERRNO(mlockall(MCL_CURRENT | MCL_FUTURE));
	for (int i = 0; i < 3; i++)
		done(with(256 * KIB, i * 4 * KIB, look));
	SHOW_ERRNO(munlockall());
	done(with(256 * KIB, 4 * KIB, look));
	return arg;
}

static void in_child(void *(*run)(void *))
{
	printf("child: %d\n", child_runs(run, NULL));
}

int main(void)
{
	struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};

	mallopt(M_ARENA_MAX, 1); /* room is counted */
	sigaction(SIGSEGV, &sa, NULL);
	many_at_once(100000); /* no whole pages */
	sizes_and_guards(NULL);
	many_at_once(128 * KIB);
	zero_again();
	changed(changes);
	changed(opens);
	in_child(sizes_and_guards);
	in_child(of_limit);
	in_child(of_locked);
	of_everything();
	done(go(sizes_and_guards, NULL));
	return 0;
}
