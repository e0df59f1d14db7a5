/* The older functions of <signal.h>, those on sets, and messages about signals: BSD's, System V's, in main and in a thread. */
#include <setjmp.h>
#include <sys/wait.h>

#include "signal_test.h"

/* Declared deprecated; still there. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"

/* BSD's, of a mask, to which no header leads. */
int bsd_sigpause(int mask) __asm__("sigpause");

static volatile sig_atomic_t handled, blocked_inside;

static void on_signal(int sig)
{
	sigset_t now;

	pthread_sigmask(SIG_BLOCK, NULL, &now);
	blocked_inside = sigismember(&now, sig);
	handled++;
}

static const char *disposition(void (*old)(int))
{
	return old == SIG_ERR	 ? strerrorname_np(errno)
	       : old == SIG_DFL	 ? "SIG_DFL"
	       : old == SIG_IGN	 ? "SIG_IGN"
	       : old == SIG_HOLD ? "SIG_HOLD"
				 : "the handler";
}

static const char *failure(int ret)
{
	return ret ? name_of(errno) : "0";
}

/* Of the standard signals; the first eight are told. */
static unsigned mask_now(void)
{
	sigset_t now;
	unsigned bits = 0;

	pthread_sigmask(SIG_BLOCK, NULL, &now);
	for (int sig = 1; sig < 32; sig++)
		bits |= sigismember(&now, sig) ? 1U << (sig - 1) : 0;
	return bits;
}

static void bsd(void)
{
	int old;

	signal(SIGUSR1, on_signal);
	old = sigblock(1 << (SIGUSR1 - 1));
	printf("sigblock: %x, now %x", (unsigned)old, mask_now());
	handled = 0;
	raise(SIGUSR1);
	printf(", handled %d", (int)handled);
	printf(", sigsetmask %x", (unsigned)sigsetmask(old));
	printf(", handled %d, now %x\n", (int)handled, mask_now());
	printf("gsignal: %s", failure(gsignal(SIGUSR1)));
	printf(", handled %d", (int)handled);
	printf(", of 99: %s\n", failure(gsignal(99)));
	printf("ssignal: %s", disposition(ssignal(SIGUSR1, SIG_IGN)));
	printf(", %s", disposition(ssignal(SIGUSR1, on_signal)));
	printf(", SIGKILL %s\n", disposition(ssignal(SIGKILL, SIG_IGN)));
}

static void system_v(void)
{
	struct sigaction sa;

	handled = 0;
	printf("sysv_signal: %s", disposition(sysv_signal(SIGUSR1, on_signal)));
	raise(SIGUSR1);
	sigaction(SIGUSR1, NULL, &sa);
	printf(", handled %d, then %s, blocked inside %d\n", (int)handled, disposition(sa.sa_handler),
	       (int)blocked_inside);
	printf("sigset: %s", disposition(sigset(SIGUSR1, on_signal)));
	printf(", %s", disposition(sigset(SIGUSR1, SIG_HOLD)));
	raise(SIGUSR1);
	printf(", held %d, mask %x", (int)handled, mask_now());
	printf(", %s", disposition(sigset(SIGUSR1, on_signal)));
	printf(", handled %d, blocked inside %d, mask %x\n", (int)handled, (int)blocked_inside, mask_now());
	printf("sighold: %s", failure(sighold(SIGUSR1)));
	raise(SIGUSR1);
	printf(", handled %d, sigrelse: %s", (int)handled, failure(sigrelse(SIGUSR1)));
	printf(", handled %d", (int)handled);
	printf(", bad: %s", failure(sighold(99)));
	printf(" %s", failure(sigrelse(0)));
	printf(" %s", failure(sigignore(SIGSTOP)));
	printf(" %s\n", disposition(sigset(99, SIG_IGN)));
	printf("sigignore: %s", failure(sigignore(SIGUSR1)));
	raise(SIGUSR1);
	printf(", handled %d\n", (int)handled);
	signal(SIGUSR1, on_signal);
}

static void *sends(void *arg)
{
	settle();
	pthread_kill(*(pthread_t *)arg, SIGUSR1);
	return NULL;
}

static void pauses(void)
{
	pthread_t self = pthread_self(), t;
	int ret;

	handled = 0;
	sighold(SIGUSR1);
	raise(SIGUSR1);
	ret = sigpause(SIGUSR1);
	printf("sigpause: %s, handled %d, mask %x\n", failure(ret), (int)handled, mask_now());
	t = spawn(sends, &self);
	ret = sigpause(SIGUSR1);
	printf("sigpause: %s, handled %d, mask %x\n", failure(ret), (int)handled, mask_now());
	pthread_join(t, NULL);
	raise(SIGUSR1);
	ret = bsd_sigpause(0);
	printf("BSD's sigpause: %s, handled %d, mask %x\n", failure(ret), (int)handled, mask_now());
	sigrelse(SIGUSR1);
}

static int pipe_fds[2];

static void *interrupts(void *arg)
{
	settle();
	pthread_kill(*(pthread_t *)arg, SIGUSR1);
	settle();
	if (write(pipe_fds[1], "x", 1) != 1)
		perror("write");
	return NULL;
}

static void interrupt_or_not(int flag)
{
	pthread_t self = pthread_self(), t;
	char byte;
	long ret;

	printf("siginterrupt(%d): %s", flag, failure(siginterrupt(SIGUSR1, flag)));
	t = spawn(interrupts, &self);
	ret = read(pipe_fds[0], &byte, 1);
	printf(", read %ld %s\n", ret, ret < 0 ? name_of(errno) : "");
	pthread_join(t, NULL);
	if (ret < 0 && read(pipe_fds[0], &byte, 1) != 1)
		puts("nothing there");
}

static void sets(void)
{
	sigset_t one = set_of(SIGUSR1), two = set_of(SIGUSR2), both, out;

	sigemptyset(&both);
	printf("empty: %d", sigisemptyset(&both));
	printf(", or: %d", sigorset(&both, &one, &two));
	printf(" %d%d", sigismember(&both, SIGUSR1), sigismember(&both, SIGUSR2));
	printf(", and: %d", sigandset(&out, &both, &two));
	printf(" %d%d", sigismember(&out, SIGUSR1), sigismember(&out, SIGUSR2));
	printf(", del: %d %d", sigdelset(&both, SIGUSR1), sigismember(&both, SIGUSR1));
	sigfillset(&both);
	printf(", full: %d%d%d", sigismember(&both, SIGKILL), sigismember(&both, 32), sigismember(&both, 64));
	printf(", bad: %s", failure(sigaddset(&both, 65)));
	printf(" %s", failure(sigdelset(&both, 0)));
	printf(" %s\n", failure(sigismember(&both, -1)));
	printf("real-time: %d %d\n", SIGRTMIN, SIGRTMAX);
	printf("blocking libc's own: %s", failure(pthread_sigmask(SIG_SETMASK, &both, NULL)));
	pthread_sigmask(SIG_SETMASK, NULL, &out);
	printf(" %d%d%d%d\n", sigismember(&out, 32), sigismember(&out, 33), sigismember(&out, 34),
	       sigismember(&out, SIGSTOP));
	sigemptyset(&both);
	pthread_sigmask(SIG_SETMASK, &both, NULL);
	printf("how: %s\n", name_of(pthread_sigmask(77, &both, NULL)));
}

/* They write to stderr. */
static void messages(void)
{
	siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_QUEUE},
		  fault = {.si_signo = SIGSEGV, .si_code = SEGV_MAPERR};
	int saved = dup(2), ends[2];
	char text[1024];
	ssize_t n;

	if (pipe(ends))
		return;
	dup2(ends[1], 2);
	psignal(SIGTERM, "psignal");
	psignal(SIGRTMIN + 1, NULL);
	psignal(99, "");
	info.si_pid = 5;
	info.si_uid = 6;
	psiginfo(&info, "psiginfo");
	fault.si_addr = (void *)0x1234;
	psiginfo(&fault, NULL);
	info.si_code = SI_TKILL;
	psiginfo(&info, "");
	dup2(saved, 2);
	close(saved);
	close(ends[1]);
	n = read(ends[0], text, sizeof(text) - 1);
	printf("%.*s", n > 0 ? (int)n : 0, text);
	close(ends[0]);
}

static void direct(void)
{
	sigjmp_buf jump;
	jmp_buf plain;
	volatile int times = 0;

	handled = 0;
	printf("tgkill: %s", failure(tgkill(getpid(), gettid(), SIGUSR1)));
	printf(", handled %d", (int)handled);
	printf(", nobody: %s", failure(tgkill(getpid(), 0x3fffffff, 0)));
	printf(", another's: %s", failure(tgkill(1, gettid(), 0)));
	printf(", bad: %s", failure(tgkill(getpid(), gettid(), 65)));
	printf(" %s", failure(tgkill(-1, gettid(), 0)));
	printf(" %s\n", failure(tgkill(getpid(), -1, 0)));
	printf("killpg: %s", failure(killpg(0, 0)));
	printf(", -1: %s", failure(killpg(-1, 0)));
	printf(", bad: %s\n", failure(killpg(0, 65)));
	if (!(setjmp)(plain) && !times++)
		longjmp(plain, 3);
	if (!_setjmp(plain) && times++ < 2)
		_longjmp(plain, 3);
	if (!sigsetjmp(jump, 0) && times++ < 3)
		siglongjmp(jump, 3);
	printf("jumps: %d\n", times);
}

/* The whole group, of which the child is a member too, in a session of its own. */
static void group(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		if (setpgid(0, 0))
			_exit(9);
		signal(SIGUSR1, on_signal);
		handled = 0;
		killpg(getpgrp(), SIGUSR1);
		killpg(0, SIGUSR1);
		_exit(handled);
	}
	waitpid(pid, &status, 0);
	printf("killpg of its group: %d\n", WEXITSTATUS(status));
}

static void *all(void *arg)
{
	printf("in %s\n", (const char *)arg);
	bsd();
	system_v();
	pauses();
	interrupt_or_not(1);
	interrupt_or_not(0);
	sets();
	messages();
	direct();
	group();
	return NULL;
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	if (pipe(pipe_fds))
		return 1;
	pthread_join(spawn(all, "a thread"), NULL);
	all("main");
	return 0;
}
