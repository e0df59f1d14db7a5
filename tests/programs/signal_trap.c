/* What an instruction raises is its own thread's, whatever the kernel calls it: a breakpoint and a privileged instruction
 * have no si_code of their own, and a breakpoint does not happen again. */
#include <sys/wait.h>
#include <ucontext.h>

#include "signal_test.h"

#ifdef __x86_64__

#define THREADS 4
#define ROUNDS 200
#define INSTRUCTION(name, text, code...)     \
	static void run_##name(void)         \
	{                                    \
		__asm__ volatile(text code); \
	}

INSTRUCTION(int3, "int3")
INSTRUCTION(int_3, ".byte 0xcd, 3")
INSTRUCTION(ud2, "ud2")
INSTRUCTION(hlt, "hlt; nop")
INSTRUCTION(divide, "xorl %%ecx, %%ecx; divl %%ecx", ::: "eax", "ecx", "edx")
INSTRUCTION(unaligned, "movaps 1(%%rsp), %%xmm0", ::: "xmm0")

static const struct {
	const char *name;
	void (*run)(void);
	int after; /* bytes from where the handler is told to where the function goes on */
} table[] = {
	{"int3", run_int3, 0}, {"int $3", run_int_3, 0},  {"ud2", run_ud2, 2},
	{"hlt", run_hlt, 1},   {"divide", run_divide, 2}, {"unaligned", run_unaligned, 5},
};
#define KINDS (int)(sizeof(table) / sizeof(*table))

static __thread struct {
	int count, kind, code, fault;
} mine;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	mine.count++;
	mine.code = info->si_code;
	mine.fault = sig * 100 + (int)uc->uc_mcontext.gregs[REG_TRAPNO];
	uc->uc_mcontext.gregs[REG_RIP] += table[mine.kind].after;
}

static void *run_each(void *arg)
{
	for (int i = 0; i < ROUNDS; i++)
		for (mine.kind = 0; mine.kind < KINDS; mine.kind++) {
			table[mine.kind].run();
			if (i == 0 && arg)
				printf("%s: signal and trap %d, code %d\n", table[mine.kind].name, mine.fault,
				       mine.code);
			if (i % 50 == 0)
				sched_yield();
		}
	return (void *)(long)mine.count;
}

static void *run_one(void *arg)
{
	table[*(int *)arg].run();
	return NULL;
}

static void dies(int kind, const char *how, void (*handler)(int), bool blocked)
{
	int status;
	pid_t child = fork();

	if (!child) {
		sigset_t all;

		wake_shim();
		sigfillset(&all);
		for (int i = 0; i < 4; i++)
			signal(((int[]){SIGTRAP, SIGILL, SIGSEGV, SIGFPE})[i], handler);
		if (blocked)
			pthread_sigmask(SIG_SETMASK, &all, NULL);
		pthread_join(spawn(run_one, &kind), NULL);
		_exit(0);
	}
	waitpid(child, &status, 0);
	printf("%s, %s: %s\n", table[kind].name, how, WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : "lives");
}

static void unheard(int sig)
{
	(void)sig;
}

int main(void)
{
	struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
	pthread_t t[THREADS];

	setvbuf(stdout, NULL, _IONBF, 0);
	sigaction(SIGTRAP, &sa, NULL);
	sigaction(SIGILL, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	sigaction(SIGFPE, &sa, NULL);
	for (int i = 0; i < THREADS; i++)
		t[i] = spawn(run_each, NULL);
	printf("main: %ld\n", (long)run_each(t));
	for (int i = 0; i < THREADS; i++) {
		void *count;

		pthread_join(t[i], &count);
		printf("thread: %ld\n", (long)count);
	}
	for (int kind = 0; kind < KINDS; kind++) {
		dies(kind, "no handler", SIG_DFL, false);
		dies(kind, "ignored", SIG_IGN, false);
		dies(kind, "blocked", unheard, true);
	}
	return 0;
}

#else
#include "for_x86_64.h"
#endif
