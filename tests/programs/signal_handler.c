/* What a handler sees and may do: order, sa_mask, SA_NODEFER, SA_RESETHAND, the alternate stack, jumps, its context. */
#include <setjmp.h>
#include <ucontext.h>

#include "signal_test.h"

static volatile sig_atomic_t n, depth, deepest;
static char trace[256];
static sigjmp_buf jump;
static char stack[65536];
static int pipe_fds[2];

static void note(const char *what)
{
	strcat(trace, what);
	strcat(trace, " ");
}

static void show(const char *what)
{
	printf("%s: %s\n", what, trace);
	trace[0] = 0;
}

static void traced(int sig, siginfo_t *info, void *context)
{
	char name[16];

	(void)info, (void)context;
	snprintf(name, sizeof(name), "<%s", sigabbrev_np(sig));
	note(name);
	note(">");
}

/* Two pending when both are unblocked: the lower number's frame is made first, so the higher one runs first. */
static void *order(void *arg)
{
	sigset_t set = set_of(SIGUSR1);

	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR2);
	raise(SIGUSR1);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	show(arg);
	return NULL;
}

static void masking(void)
{
	struct sigaction sa = {.sa_sigaction = traced, .sa_flags = SA_SIGINFO};

	handle(SIGUSR2, traced, 0);
	handle(SIGUSR1, traced, 0);
	pthread_join(spawn(order, "both pending"), NULL);
	order("both pending in main");
	sigaddset(&sa.sa_mask, SIGUSR2);
	sigaction(SIGUSR1, &sa, NULL);
	pthread_join(spawn(order, "the first masks the second"), NULL);
	order("the first masks the second, in main");
}

static void recursive(int sig, siginfo_t *info, void *context)
{
	(void)info, (void)context;
	if (++depth > deepest)
		deepest = depth;
	if (n++ < 3)
		raise(sig);
	depth--;
}

static void *deferral(void *arg)
{
	(void)arg;
	n = deepest = 0;
	handle(SIGUSR1, recursive, 0);
	raise(SIGUSR1);
	printf("deferred: %d handled, %d deep\n", (int)n, (int)deepest);
	n = deepest = 0;
	handle(SIGUSR1, recursive, SA_NODEFER);
	raise(SIGUSR1);
	printf("SA_NODEFER: %d handled, %d deep\n", (int)n, (int)deepest);
	return NULL;
}

static void *reset(void *arg)
{
	struct sigaction sa;

	(void)arg;
	handle(SIGURG, traced, SA_RESETHAND);
	raise(SIGURG);
	sigaction(SIGURG, NULL, &sa);
	raise(SIGURG);
	printf("SA_RESETHAND: default again %d, ", sa.sa_handler == SIG_DFL);
	show("handled");
	handle(SIGURG, traced, SA_RESTART | SA_ONSTACK);
	sigaction(SIGURG, NULL, &sa);
	printf("sigaction tells: handler %d, flags %d\n", sa.sa_sigaction == traced,
	       (sa.sa_flags & ~0x04000000) == (SA_SIGINFO | SA_RESTART | SA_ONSTACK));
	return NULL;
}

static void on_stack(int sig, siginfo_t *info, void *context)
{
	char here;
	stack_t now;

	(void)sig, (void)info, (void)context;
	note(&here >= stack && &here < stack + sizeof(stack) ? "on the alternate stack" : "on its own stack");
	sigaltstack(NULL, &now);
	note(now.ss_flags == SS_ONSTACK ? "SS_ONSTACK" : now.ss_flags == SS_DISABLE ? "SS_DISABLE" : "0");
}

static void *no_stack(void *arg)
{
	(void)arg;
	raise(SIGUSR1);
	show("another thread");
	return NULL;
}

static void *reads(void *arg)
{
	char byte;
	stack_t ss = {.ss_sp = stack, .ss_size = sizeof(stack)};

	if (arg)
		sigaltstack(&ss, NULL);
	if (read(pipe_fds[0], &byte, 1) < 0)
		note(name_of(errno));
	show("interrupted read");
	return NULL;
}

static void *alternate(void *arg)
{
	stack_t ss = {.ss_sp = stack, .ss_size = sizeof(stack)}, old;

	(void)arg;
	handle(SIGUSR1, on_stack, SA_ONSTACK);
	sigaltstack(&ss, &old);
	printf("no stack at first: %d\n", old.ss_flags == SS_DISABLE);
	raise(SIGUSR1);
	show("raise");
	kill(getpid(), SIGUSR1); /* main blocks it */
	show("kill");
	pthread_join(spawn(no_stack, NULL), NULL);
	raise(SIGUSR1);
	show("after the other thread");
	ss.ss_size = 100;
	sigaltstack(&ss, NULL);
	printf("too small: %s\n", name_of(errno));
	ss.ss_flags = SS_DISABLE;
	sigaltstack(&ss, NULL);
	raise(SIGUSR1);
	show("disabled");
	return NULL;
}

static void parked_on_stack(void)
{
	for (int i = 0; i < 2; i++) {
		pthread_t t = spawn(reads, i ? stack : NULL);

		settle();
		pthread_kill(t, SIGUSR1);
		pthread_join(t, NULL);
	}
}

static void jumps(int sig, siginfo_t *info, void *context)
{
	(void)info, (void)context;
	siglongjmp(jump, sig);
}

static void *jump_out(void *arg)
{
	char byte;
	int sig;

	handle(SIGUSR1, jumps, SA_RESTART);
	for (volatile int i = 0; i < 3; i++) {
		sig = sigsetjmp(jump, 1);
		if (!sig && arg)
			raise(SIGUSR1);
		else if (!sig && read(pipe_fds[0], &byte, 1) < 0)
			puts("read failed");
		printf("jumped out of the handler: %d\n", sig == SIGUSR1);
	}
	return NULL;
}

static void jump_from_read(void)
{
	pthread_t t = spawn(jump_out, NULL);

	for (int i = 0; i < 3; i++) {
		settle();
		pthread_kill(t, SIGUSR1);
	}
	pthread_join(t, NULL);
}

static void changes_mask(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig, (void)info;
	note(sigismember(&uc->uc_sigmask, SIGHUP) ? "HUP was blocked" : "HUP was open");
	sigaddset(&uc->uc_sigmask, SIGHUP);
}

static void *context_mask(void *arg)
{
	sigset_t now;

	(void)arg;
	handle(SIGUSR1, changes_mask, 0);
	for (int i = 0; i < 2; i++) {
		raise(SIGUSR1);
		pthread_sigmask(SIG_BLOCK, NULL, &now);
		note(sigismember(&now, SIGHUP) ? "and is now" : "and still is");
	}
	show("uc_sigmask");
	return NULL;
}

static void fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	printf("fault: %s at the right address %d\n", sigabbrev_np(sig), info->si_addr == (void *)64);
	siglongjmp(jump, sig);
}

static void *faults(void *arg)
{
	(void)arg;
	handle(SIGSEGV, fault, SA_ONSTACK);
	for (volatile int i = 0; i < 2; i++)
		if (!sigsetjmp(jump, 1))
			*(volatile int *)64 = 1;
	return NULL;
}

static void blocks_inside(int sig, siginfo_t *info, void *context)
{
	char byte;
	int saved = errno;

	(void)sig, (void)info, (void)context;
	note(read(pipe_fds[0], &byte, 1) == 1 ? "read in the handler" : "failed in the handler");
	errno = saved;
}

static void *blocks(void *arg)
{
	(void)arg;
	printf("sleep cut short: %d\n", sleep(20) > 0);
	show("a handler that blocks");
	return NULL;
}

static void blocking_handler(void)
{
	pthread_t t;

	handle(SIGUSR1, blocks_inside, 0);
	t = spawn(blocks, NULL);
	settle();
	pthread_kill(t, SIGUSR1);
	settle();
	if (write(pipe_fds[1], "x", 1) == 1)
		pthread_join(t, NULL);
}

int main(void)
{
	sigset_t set = set_of(SIGUSR1), old;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (pipe(pipe_fds))
		return 1;
	wake_shim();
	masking();
	pthread_join(spawn(deferral, NULL), NULL);
	deferral(NULL);
	pthread_join(spawn(reset, NULL), NULL);
	pthread_sigmask(SIG_BLOCK, &set, &old);
	pthread_t t;
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	pthread_attr_setsigmask_np(&attr, &old);
	pthread_create(&t, &attr, alternate, NULL);
	pthread_join(t, NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	parked_on_stack();
	jump_out("itself");
	jump_from_read();
	pthread_join(spawn(context_mask, NULL), NULL);
	pthread_join(spawn(faults, NULL), NULL);
	faults(NULL);
	blocking_handler();
	return 0;
}
