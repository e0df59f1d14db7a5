/* CFLAGS: -Wno-infinite-recursion -Wno-dangling-pointer -Wno-clobbered */
/* Threads that use up their stacks, and where handlers run that ask for a stack that is not there. */
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "signal_test.h"

#define ALTERNATE (64 << 10)

static __thread sigjmp_buf back;
static __thread char *here; /* in the frame of the thread's first function */

static int __attribute__((noinline)) deeper(int n)
{
	volatile char frame[400];

	memset((void *)frame, n, sizeof(frame));
	return deeper(n + 1) + frame[n % 400];
}

static void *overflows(void *arg)
{
	deeper(1);
	return arg;
}

static const char *near(const void *address)
{
	return labs((const char *)address - here) < 32 << 10 ? "the thread's stack" : "another stack";
}

static void on_alternate(int sig, siginfo_t *info, void *context)
{
	(void)info, (void)context;
	printf("handler of %s: on %s\n", sigabbrev_np(sig), near(__builtin_frame_address(0)));
	siglongjmp(back, 1);
}

static void have_alternate(void)
{
	stack_t stack = {.ss_sp = malloc(ALTERNATE), .ss_size = ALTERNATE};

	if (sigaltstack(&stack, NULL))
		perror("sigaltstack");
}

/* As Ruby and libsigsegv do. */
static void *recovers(void *arg)
{
	char local;

	here = &local;
	have_alternate();
	for (volatile int i = 0; i < 3; i++)
		if (!sigsetjmp(back, 1))
			deeper(1);
	puts("recovered from three");
	return arg;
}

static void *uses_bad_pointer(void *arg)
{
	char local;

	here = &local;
	have_alternate();
	if (!sigsetjmp(back, 1))
		*(volatile int *)8 = 1;
	return arg;
}

/* The frame is on the thread's own stack, where the next function's will be. */
static void shows_stack(int sig, siginfo_t *info, void *context)
{
	stack_t stack;
	ucontext_t *uc = context;
	volatile double clobbers = (double)sig / 3;

	sigaltstack(NULL, &stack);
	printf("%s, signal %d: on %s, sigaltstack %s, context's %s\n", info->si_code > 0 ? "fault" : "sent", sig,
	       near(&stack), stack.ss_flags & SS_DISABLE ? "none" : "some",
	       uc->uc_stack.ss_flags & SS_DISABLE ? "none" : "some");
	settle(); /* others run */
	if (clobbers > 0 && info->si_code > 0)
		siglongjmp(back, 1);
}

static void *is_signalled(void *arg)
{
	char local;
	volatile double kept = 1.5, sum = 0;

	here = &local;
	if (!sigsetjmp(back, 1))
		*(volatile int *)8 = 1;
	raise(SIGUSR1);
	pthread_kill(pthread_self(), SIGUSR1);
	for (int i = 0; i < 1000; i++)
		sum += kept;
	printf("sum %.1f\n", sum);
	return arg;
}

static volatile bool spin;

static void ends_spin(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)info, (void)context;
	settle();
	spin = false;
}

/* A signal in the middle of the program's own code. */
static void *spins(void *arg)
{
	char local;

	here = &local;
	while (spin)
		;
	return arg;
}

/* What a child finds: a stack of the program's, or none. */
static void *makes_children(void *arg)
{
	for (int i = 0; i < 2; i++) {
		pid_t pid = i ? vfork() : fork();
		int status;
		stack_t stack;

		if (!pid) {
			sigaltstack(NULL, &stack);
			_exit(stack.ss_flags & SS_DISABLE ? 0 : 1);
		}
		waitpid(pid, &status, 0);
		printf("%s: %s\n", i ? "vfork" : "fork", status ? "a stack" : "no stack");
	}
	return arg;
}

static void *touches(void *arg)
{
	*(volatile int *)arg = 1;
	return arg;
}

/* arg: what stack size; 0 the default. */
static void in_thread(void *(*run)(void *), void *arg, size_t size)
{
	pthread_t t;
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	if (size)
		pthread_attr_setstacksize(&attr, size);
	pthread_create(&t, &attr, run, arg);
	pthread_join(t, NULL);
}

struct death {
	const char *what;
	void (*handler)(int, siginfo_t *, void *);
	int flags;
	void *(*run)(void *);
	size_t size;
	bool main_thread, ignored, blocked, core;
};

static const struct death deaths[] = {
	{.what = "by default", .run = overflows},
	{.what = "with a core file, if there may be one", .run = overflows, .core = true},
	{.what = "small", .run = overflows, .size = 64 << 10},
	{.what = "handler that wants another stack, none there",
	 .run = overflows,
	 .handler = on_alternate,
	 .flags = SA_ONSTACK},
	{.what = "handler on the same stack", .run = overflows, .handler = on_alternate},
	{.what = "ignored", .run = overflows, .ignored = true},
	{.what = "blocked", .run = overflows, .blocked = true},
	{.what = "the main thread", .run = overflows, .main_thread = true},
	{.what = "a pointer to nothing", .run = touches},
};

static void die(const struct death *d)
{
	struct rlimit stack = {256 << 10, 256 << 10}, core;
	sigset_t set = set_of(SIGSEGV);

	getrlimit(RLIMIT_CORE, &core);
	core.rlim_cur = d->core ? core.rlim_max : 0;
	setrlimit(RLIMIT_CORE, &core);
	wake_shim();
	if (d->handler)
		handle(SIGSEGV, d->handler, d->flags);
	if (d->ignored)
		signal(SIGSEGV, SIG_IGN);
	if (d->blocked)
		pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (d->main_thread) {
		setrlimit(RLIMIT_STACK, &stack);
		d->run(NULL);
	}
	in_thread(d->run, NULL, d->size);
	_exit(0);
}

static void dies(const struct death *d)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		die(d);
	waitpid(pid, &status, 0);
	printf("%s: %s%s\n", d->what, WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : "lives",
	       WIFSIGNALED(status) && WCOREDUMP(status) ? ", core" : "");
}

static void all_die(void)
{
	char dir[] = "/tmp/overflow.XXXXXX", remove[64];

	if (!mkdtemp(dir) || chdir(dir))
		perror(dir);
	snprintf(remove, sizeof(remove), "rm -rf %s", dir);
	for (size_t i = 0; i < sizeof(deaths) / sizeof(*deaths); i++)
		dies(&deaths[i]);
	if (chdir("/") || system(remove))
		perror(dir);
}

int main(void)
{
	pthread_t t;

	setvbuf(stdout, NULL, _IONBF, 0);
	all_die();
	handle(SIGSEGV, on_alternate, SA_ONSTACK);
	in_thread(recovers, NULL, 0);
	in_thread(recovers, NULL, 64 << 10);
	in_thread(uses_bad_pointer, NULL, 0);
	handle(SIGSEGV, on_alternate, 0);
	in_thread(uses_bad_pointer, NULL, 0);
	handle(SIGSEGV, shows_stack, SA_ONSTACK);
	handle(SIGUSR1, shows_stack, SA_ONSTACK);
	in_thread(is_signalled, NULL, 0);
	handle(SIGSEGV, shows_stack, 0);
	in_thread(is_signalled, NULL, 0);
	spin = true;
	handle(SIGUSR2, ends_spin, SA_ONSTACK);
	t = spawn(spins, NULL);
	settle();
	pthread_kill(t, SIGUSR2);
	pthread_join(t, NULL);
	in_thread(makes_children, NULL, 0);
	return 0;
}
