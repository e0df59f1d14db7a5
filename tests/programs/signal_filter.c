/* A sandbox as browsers have it: a filter traps calls, and a SIGSYS handler answers them. What greenshim itself calls is
 * not the program's: the handler never sees it, and everything goes on although much is refused. */
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>

#include "signal_test.h"

#ifdef __x86_64__

#define ROUNDS 20

static int trapped, last;
static __thread int signalled;

static void on_trap(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)sig;
	__atomic_add_fetch(&trapped, 1, __ATOMIC_SEQ_CST);
	last = info->si_syscall;
	uc->uc_mcontext.gregs[REG_RAX] = info->si_syscall == SYS_getppid ? 4711 : -EACCES;
}

static void on_signal(int sig)
{
	(void)sig;
	signalled++;
}

#define TRAP(nr) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP)

/* On all threads, as they are natively. */
static bool filter(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		TRAP(SYS_getppid),
		TRAP(SYS_acct),
		TRAP(SYS_preadv2),
		TRAP(SYS_pwritev2),
		TRAP(SYS_rt_tgsigqueueinfo),
		TRAP(SYS_timerfd_settime),
		TRAP(SYS_timer_settime),
		TRAP(SYS_statx),
		TRAP(SYS_getsockopt),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program);
}

/* Gives back what comes. */
static void *echo(void *arg)
{
	int *fds = arg, got = 0;
	char c;

	while (read(fds[0], &c, 1) == 1 && write(fds[1], &c, 1) == 1)
		got++;
	return (void *)(long)got;
}

static void exchange(const char *what, int in[2], int out[2])
{
	int fds[] = {in[0], out[1]}, good = 0;
	pthread_t t = spawn(echo, fds);
	void *got;

	for (int i = 0; i < ROUNDS; i++) {
		char sent = (char)('a' + i), c = 0;

		good += write(in[1], &sent, 1) == 1 && read(out[0], &c, 1) == 1 && c == sent;
	}
	close(in[1]);
	pthread_join(t, &got);
	printf("%s: %d there, %d and back\n", what, (int)(long)got, good);
}

static void *wait_for_signals(void *arg)
{
	while (signalled < ROUNDS)
		poll(NULL, 0, 1);
	return arg;
}

static void signals(void)
{
	pthread_t t = spawn(wait_for_signals, NULL);
	struct timespec before, after;

	for (int i = 0; i < ROUNDS * 10 && !pthread_kill(t, SIGUSR1); i++) {
		clock_gettime(CLOCK_MONOTONIC, &before);
		poll(NULL, 0, 5);
		clock_gettime(CLOCK_MONOTONIC, &after);
		if ((after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec < 5000000)
			puts("woke too early");
		if (pthread_tryjoin_np(t, NULL) == 0) {
			puts("signals: all arrived");
			return;
		}
	}
	puts("signals: lost");
}

static void *own_calls(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		long parent = syscall(SYS_getppid), refused = syscall(SYS_acct, NULL);

		if (parent != 4711 || refused != -1 || errno != EACCES)
			printf("getppid %ld, acct %ld %s\n", parent, refused, name_of(errno));
	}
	return arg;
}

int main(void)
{
	struct sigaction trap = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO}, usr = {.sa_handler = on_signal};
	int in[2], out[2], a[2], b[2];
	pthread_t t;

	setvbuf(stdout, NULL, _IONBF, 0);
	wake_shim();
	sigaction(SIGSYS, &trap, NULL);
	sigaction(SIGUSR1, &usr, NULL);
	if (pipe(in) || pipe(out) || socketpair(AF_UNIX, SOCK_STREAM, 0, a) || socketpair(AF_UNIX, SOCK_STREAM, 0, b))
		return 1;
	if (!filter()) {
		puts("no filter can be set here");
		return 77;
	}
	t = spawn(own_calls, NULL);
	own_calls(NULL);
	pthread_join(t, NULL);
	printf("own calls: %d trapped\n", trapped);
	exchange("pipes", in, out);
	exchange("sockets", (int[]){a[0], a[1]}, (int[]){b[0], b[1]});
	signals();
	printf("in the end: %d trapped, the last %s\n", trapped, last == SYS_acct ? "acct" : "another");
	syscall(SYS_pwritev2, 1, NULL, 0, 0L, 0L, 0);
	printf("pwritev2 of our own: %d trapped, the last %s\n", trapped, last == SYS_pwritev2 ? "it" : "another");
	return 0;
}

#else
#include "for_x86_64.h"
#endif
