/* process_verdicts.c - what seccomp filters of single threads say: every action, what they compute, which of several counts,
 * and what the kernel says to bad ones. Each part in a child of its own. */
#include <signal.h>
#include <stdint.h>
#include <ucontext.h>

#include "sandbox_test.h"

#ifdef __x86_64__

static void on_trap(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	printf("signal %d, code %d, call %d, errno %d, arch %x, %s, rax %s\n", sig, info->si_code, info->si_syscall,
	       info->si_errno, (unsigned)info->si_arch,
	       (long)info->si_call_addr == (long)uc->uc_mcontext.gregs[REG_RIP] ? "behind the call" : "elsewhere",
	       uc->uc_mcontext.gregs[REG_RAX] == info->si_syscall ? "the call's number" : "another");
	if (info->si_syscall == SYS_getpriority)
		uc->uc_mcontext.gregs[REG_RAX] = 4711;
	else
		uc->uc_mcontext.gregs[REG_RAX] = -EXFULL;
}

static void *answered(void *arg)
{
	struct sock_fprog program = PROGRAM(LOAD(NR), ON(SYS_getpriority, SECCOMP_RET_TRAP | 77),
					    ON(SYS_getppid, SECCOMP_RET_TRAP | 12), ON(SYS_sysinfo, SECCOMP_RET_TRACE),
					    ON(SYS_times, SECCOMP_RET_LOG), ON(SYS_getpgid, SECCOMP_RET_USER_NOTIF),
					    ON(SYS_acct, FAIL(0)), ON(SYS_getsid, FAIL(0xffff)), ANSWER(ALLOW));
	struct sigaction act = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
	long ret;

	sigaction(SIGSYS, &act, NULL);
	printf("set: %s\n", result(set_alone(&program)));
	printf("trap: %ld, ", syscall(SYS_getpriority, 0, 0));
	printf("%s\n", result(syscall(SYS_getppid)));
	printf("trace: %s\n", result(syscall(SYS_sysinfo, NULL)));
	printf("log: %s\n", result(syscall(SYS_times, NULL)));
	printf("nobody to ask: %s\n", result(syscall(SYS_getpgid, 0)));
	printf("no error: %ld\n", syscall(SYS_acct, "/"));
	ret = syscall(SYS_getsid, 0);
	printf("the largest: %ld, %d\n", ret, errno);
	return arg;
}

static void answers(void)
{
	pthread_join(spawn(answered, NULL), NULL);
}

static void *ends(void *arg)
{
	const unsigned *what = arg;
	struct sock_fprog program = PROGRAM(LOAD(NR), ON(what[0], what[1]), ANSWER(ALLOW));

	if (set_alone(&program))
		abort();
	syscall((long)what[0], 0, 0, 0);
	puts("goes on");
	return arg;
}

/* By a call that greenlets answer, and one that they do not; the others go on if it is the thread's end. */
static void end(const char *who, unsigned call, unsigned what)
{
	unsigned both_of[] = {call, what};
	pid_t child = fork();
	void *value = NULL;

	if (!child) {
		alarm(60);
		if (pthread_join(spawn(ends, both_of), &value) || value)
			puts("not ended");
		puts("the others live");
		exit(3);
	}
	show_end(who, child);
}

static void ends_of_threads(void)
{
	end("thread, getppid", SYS_getppid, SECCOMP_RET_KILL_THREAD);
	end("thread, getpriority", SYS_getpriority, SECCOMP_RET_KILL_THREAD);
	end("process, getppid", SYS_getppid, SECCOMP_RET_KILL_PROCESS);
	end("process, getpriority", SYS_getpriority, SECCOMP_RET_KILL_PROCESS);
	end("trap without a handler", SYS_getppid, SECCOMP_RET_TRAP);
	end("an unknown action", SYS_getpriority, 0x12340000);
}

static void *computes(void *arg)
{
	struct sock_fprog program = PROGRAM(
		LOAD(NR), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getsid, 1, 0), ANSWER(ALLOW), /* of this alone */
		LOAD(ARGUMENT(0)), BPF_STMT(BPF_MISC | BPF_TAX, 0), BPF_STMT(BPF_ST, 3), LOAD(ARGUMENT(1)),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0), BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, 3), /* 3 * (a + b) */
		BPF_STMT(BPF_STX, 5), BPF_STMT(BPF_LDX | BPF_W | BPF_MEM, 3), BPF_STMT(BPF_ALU | BPF_SUB | BPF_X, 0),
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 1), BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, 5),
		BPF_STMT(BPF_LDX | BPF_W | BPF_LEN, 0), BPF_JUMP(BPF_JMP | BPF_JGT | BPF_X, 0, 0, 1),
		BPF_STMT(BPF_ALU | BPF_SUB | BPF_X, 0), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0x7f),
		BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, 2), BPF_STMT(BPF_ALU | BPF_DIV | BPF_X, 0),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 1, 0, 1), BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 1),
		BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO), BPF_STMT(BPF_RET | BPF_A, 0));

	printf("set: %s\n", result(set_alone(&program)));
	for (long i = 1; i < 100; i += 9) {
		long ret = syscall(SYS_getsid, i, 2 * i + 1);

		printf("%ld: %ld %d\n", i, ret, errno);
	}
	printf("another: %s\n", result(syscall(SYS_getpriority, 0, 0)));
	return arg;
}

/* The strictest of several; of equals the latest. */
static void *several(void *arg)
{
	struct sock_fprog mild = PROGRAM(LOAD(NR), ON(SYS_getppid, FAIL(1)), ON(SYS_getpriority, FAIL(3)),
					 ANSWER(ALLOW)),
			  later = PROGRAM(LOAD(NR), ON(SYS_getppid, FAIL(2)), ON(SYS_getpriority, SECCOMP_RET_LOG),
					  ANSWER(ALLOW));

	set_alone(&mild);
	set_alone(&later);
	syscall(SYS_getppid);
	printf("the later: %d, ", errno);
	syscall(SYS_getpriority, 0, 0);
	printf("the stricter: %d\n", errno);
	return arg;
}

static void program(void)
{
	pthread_join(spawn(computes, NULL), NULL);
	pthread_join(spawn(several, NULL), NULL);
}

static void *bad_ones(void *arg)
{
	struct sock_filter many[] = {ANSWER(ALLOW)};
	struct sock_fprog endless = PROGRAM(LOAD(NR)),
			  wild = PROGRAM(BPF_JUMP(BPF_JMP | BPF_JA, 7, 0, 0), ANSWER(ALLOW)),
			  packet = PROGRAM(BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), ANSWER(ALLOW)),
			  outside = PROGRAM(LOAD(64), ANSWER(ALLOW)), none = {0, many}, nowhere = {1, NULL},
			  unset = PROGRAM(BPF_STMT(BPF_LD | BPF_MEM, 1), ANSWER(ALLOW)), good = PROGRAM(ANSWER(ALLOW)),
			  zero = PROGRAM(BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), ANSWER(ALLOW));

	printf("%s: no end %s, ", (char *)arg, result(set(0, &endless)));
	printf("a jump too far %s, ", result(set(0, &wild)));
	printf("bytes %s, ", result(set(0, &packet)));
	printf("outside %s, ", result(set(0, &outside)));
	printf("nothing %s, ", result(set(0, &none)));
	printf("nowhere %s, ", result(set(0, &nowhere)));
	printf("no program %s, ", result(set(0, NULL)));
	printf("unset %s, ", result(set(0, &unset)));
	printf("by zero %s, ", result(set(0, &zero)));
	printf("unknown flag %s, ", result(set(1U << 30, &good)));
	printf("both flags %s, ", result(set(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_NEW_LISTENER, &good)));
	printf("unknown operation %s, ", result(syscall(SYS_seccomp, 99, 0, NULL)));
	printf("strict with a flag %s, ", result(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, NULL)));
	printf("unknown mode %s, ", result(prctl(PR_SET_SECCOMP, 7, NULL)));
	printf("by prctl %s, ", result(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &wild)));
	printf("privileges 2 %s, ", result(prctl(PR_SET_NO_NEW_PRIVS, 2, 0, 0, 0)));
	printf("and more %s, ", result(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0)));
	printf("in use %s; ", result(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &(uint32_t){SECCOMP_RET_TRAP})));
	printf("mode %d, good %s\n", prctl(PR_GET_SECCOMP), result(set(0, &good)));
	printf("strict after it %s\n", result(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)));
	return NULL;
}

static void bad(void)
{
	pthread_join(spawn(bad_ones, "with rights"), NULL);
	if (!geteuid() && setresuid(65534, 65534, 65534))
		abort();
	pthread_join(spawn(bad_ones, "without"), NULL);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	pthread_join(spawn(bad_ones, "no new ones"), NULL);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	pthread_join(spawn(nothing, NULL), NULL);
	part("answers", answers);
	part("ends", ends_of_threads);
	part("program", program);
	part("bad", bad);
	return 0;
}

#else
#include "for_x86_64.h"
#endif
