/* Faults of each kind, with and without another stack, in the thread that causes them: signal, code, address, and that
 * others are not disturbed; each death by its default action, with a core if there may be one; abort, SIGTRAP, quick_exit. */
#include <fcntl.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <ucontext.h>

#include "thread_test.h"

static _Thread_local sigjmp_buf back;
static _Thread_local void *at;
#define HERE ((void *)-1) /* at the instruction */
static char cores[] = "/tmp/signal_kinds.XXXXXX";
static char *unreadable, *beyond;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	if (at == HERE)
		at = (void *)uc->uc_mcontext.gregs[REG_RIP];
	printf("SIG%s code %d %s", sigabbrev_np(sig), info->si_code,
	       info->si_addr == at ? "at the right address" : "ELSEWHERE");
	siglongjmp(back, sig);
}

static void by_null(void)
{
	at = (void *)0x10;
	*(volatile char *volatile)at = 1;
}

static void by_protection(void)
{
	at = unreadable + 5;
	*(volatile char *volatile)at = 1;
}

static void by_end_of_file(void)
{
	at = beyond;
	if (*(volatile char *volatile)at)
		puts("read");
}

static void by_division(void)
{
	volatile int zero = 0, one = 1;
	register int low __asm__("eax") = one, high __asm__("edx") = 0;

	at = HERE;
	__asm__ volatile("idivl %2" : "+a"(low), "+d"(high) : "m"(zero));
}

static void by_illegal(void)
{
	at = HERE;
	__asm__ volatile("ud2");
}

/* Neither canonical nor told. */
static void by_general_protection(void)
{
	at = NULL;
	*(volatile char *volatile)0x8000000000000000 = 1;
}

static void by_jump(void)
{
	at = (void *)0x1000;
	((void (*volatile)(void))at)();
}

static void by_no_execution(void)
{
	static char code[64] = {(char)0xc3};

	at = code;
	((void (*volatile)(void))at)();
}

static const struct kind {
	const char *name;
	void (*make)(void);
} kinds[] = {
	{"write to nothing", by_null},	     {"write to what is protected", by_protection},
	{"beyond a file", by_end_of_file},   {"division by zero", by_division},
	{"illegal instruction", by_illegal}, {"general protection", by_general_protection},
	{"jump to nothing", by_jump},	     {"jump to data", by_no_execution},
};

#define KINDS ((int)(sizeof(kinds) / sizeof(*kinds)))

static void trap(int sig, siginfo_t *info, void *context)
{
	(void)context;
	printf("SIG%s code %d\n", sigabbrev_np(sig), info->si_code);
}

static void *each_kind(void *arg)
{
	static char stack[64 << 10];
	stack_t ss = {.ss_sp = stack, .ss_size = sizeof(stack)};

	if (arg)
		sigaltstack(&ss, NULL);
	for (volatile int i = 0; i < KINDS; i++) {
		printf("%s: ", kinds[i].name);
		if (!sigsetjmp(back, 1))
			kinds[i].make();
		puts("");
	}
	printf("int3: ");
	__asm__ volatile("int3");
	ss.ss_flags = SS_DISABLE;
	sigaltstack(&ss, NULL);
	return arg;
}

static void handle_faults(int flags)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL};
	struct sigaction act = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | flags};

	for (int i = 0; i < 4; i++)
		sigaction(signals[i], &act, NULL);
	act.sa_sigaction = trap;
	sigaction(SIGTRAP, &act, NULL);
}

static void *dies_by(void *arg)
{
	((const struct kind *)arg)->make();
	return NULL;
}

static void *aborts(void *arg)
{
	abort();
	return arg;
}

static void *raises(void *arg)
{
	raise((int)(long)arg);
	return NULL;
}

static void *traps(void *arg)
{
	__asm__ volatile("int3");
	return arg;
}

static void report(const char *what, pid_t pid)
{
	int status = 0;

	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status))
		printf("%s: killed by SIG%s%s\n", what, sigabbrev_np(WTERMSIG(status)),
		       WCOREDUMP(status) ? ", core" : "");
	else
		printf("%s: exit status %d\n", what, WEXITSTATUS(status));
}

/* By a thread of a child that has others, parked; `block`: with the signal blocked. */
static void dies(const char *what, void *(*run)(void *), const void *arg, bool block)
{
	pid_t pid = fork();
	sigset_t all;

	if (!pid) {
		alarm(50);
		go(tick, NULL);
		ticking = true;
		if (block) {
			sigfillset(&all);
			pthread_sigmask(SIG_SETMASK, &all, NULL);
		}
		done(go(run, (void *)arg));
		_exit(3);
	}
	report(what, pid);
}

static void all_die(void)
{
	static const int fatal[] = {SIGHUP,    SIGINT,	SIGQUIT, SIGILL,  SIGTRAP, SIGABRT, SIGBUS,    SIGFPE,	SIGKILL,
				    SIGUSR1,   SIGSEGV, SIGUSR2, SIGPIPE, SIGALRM, SIGTERM, SIGSTKFLT, SIGXCPU, SIGXFSZ,
				    SIGVTALRM, SIGPROF, SIGIO,	 SIGPWR,  SIGSYS,  34,	    64};
	static const int ignored[] = {SIGCHLD, SIGURG, SIGWINCH, SIGCONT};

	for (int i = 0; i < KINDS; i++)
		dies(kinds[i].name, dies_by, &kinds[i], i % 2);
	dies("int3", traps, NULL, false);
	dies("int3, blocked", traps, NULL, true);
	dies("abort", aborts, NULL, false);
	dies("abort, blocked", aborts, NULL, true);
	for (size_t i = 0; i < sizeof(fatal) / sizeof(*fatal); i++)
		dies(strsignal(fatal[i]), raises, (void *)(long)fatal[i], false);
	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		dies(strsignal(ignored[i]), raises, (void *)(long)ignored[i], false);
}

static void prepare(void)
{
	struct rlimit core;
	char name[] = "/tmp/signal_kinds.XXXXXX";
	int fd = mkstemp(name);

	unlink(name);
	getrlimit(RLIMIT_CORE, &core);
	core.rlim_cur = core.rlim_max;
	setrlimit(RLIMIT_CORE, &core);
	if (!mkdtemp(cores) || chdir(cores))
		perror("chdir");
	unreadable = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	beyond = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0);
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	prepare();
	ticker_start();
	handle_faults(0);
	done(go(each_kind, NULL));
	each_kind(NULL);
	handle_faults(SA_ONSTACK);
	done(go(each_kind, "stack"));
	ticker_stop();
	for (int sig = 1; sig < 32; sig++)
		signal(sig, SIG_DFL);
	all_die();
	unlink("core");
	rmdir(cores);
	return 0;
}
