/* System calls in code that the program makes itself, as a just-in-time compiler does. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "thread_test.h"

#define THREADS 8
#define ROUNDS 20
#define SITES 5000

typedef long made_call(long nr, long a, long b, long c, long d, long e);

/* mov %rdi,%rax; mov %rsi,%rdi; mov %rdx,%rsi; mov %rcx,%rdx; mov %r8,%r10; mov %r9,%r8; syscall; ret */
static const uint8_t code[] = {0x48, 0x89, 0xf8, 0x48, 0x89, 0xf7, 0x48, 0x89, 0xd6, 0x48, 0x89,
			       0xca, 0x4d, 0x89, 0xc2, 0x4d, 0x89, 0xc8, 0x0f, 0x05, 0xc3};
/* pop %rdx; mov $vfork,%eax; syscall; push %rdx; ret */
static const uint8_t vfork_code[] = {0x5a, 0xb8, SYS_vfork, 0, 0, 0, 0x0f, 0x05, 0x52, 0xc3};

static made_call *call;
static int pipes[THREADS][2];
static volatile sig_atomic_t handled;

static void *make(const uint8_t *bytes, size_t size, size_t copies)
{
	uint8_t *at = mmap(NULL, size * copies, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t i = 0; i < copies; i++)
		memcpy(at + i * size, bytes, size);
	mprotect(at, size * copies, PROT_READ | PROT_EXEC);
	return at;
}

/* What it reads is written by the next one only after it has read itself. */
static void *pass_on(void *arg)
{
	long self = (long)arg, sum = 0;
	char c;

	for (int i = 0; i < ROUNDS; i++) {
		if (call(SYS_read, pipes[self][0], (long)&c, 1, 0, 0) != 1)
			return NULL;
		sum += c;
		c++;
		if (self + 1 < THREADS || i + 1 < ROUNDS)
			call(SYS_write, pipes[(self + 1) % THREADS][1], (long)&c, 1, 0, 0);
	}
	return (void *)sum;
}

static void ring(void)
{
	pthread_t t[THREADS];
	char c = 1;

	for (long i = 0; i < THREADS; i++)
		if (pipe(pipes[i]))
			abort();
	for (long i = 0; i < THREADS; i++)
		pthread_create(&t[i], NULL, pass_on, (void *)i);
	call(SYS_write, pipes[0][1], (long)&c, 1, 0, 0);
	for (long i = 0; i < THREADS; i++) {
		void *sum;

		pthread_join(t[i], &sum);
		printf("ring %ld: %ld\n", i, (long)sum);
	}
}

static void on_signal(int sig)
{
	handled = sig;
}

static void *interrupt(void *arg)
{
	settle();
	while (!handled) {
		pthread_kill(*(pthread_t *)arg, SIGUSR1);
		usleep(2000);
	}
	usleep(50000);
	if (write(pipes[0][1], "x", 1) != 1)
		abort();
	return NULL;
}

static void interrupted(int flags)
{
	struct sigaction act = {.sa_handler = on_signal, .sa_flags = flags};
	pthread_t self = pthread_self(), t;
	char c;
	long ret;

	handled = 0;
	sigaction(SIGUSR1, &act, NULL);
	pthread_create(&t, NULL, interrupt, &self);
	ret = call(SYS_read, pipes[0][0], (long)&c, 1, 0, 0);
	printf("interrupted %s: %ld, handled %d\n", flags ? "restarts" : "ends", ret, handled == SIGUSR1);
	pthread_join(t, NULL);
	if (ret < 0 && read(pipes[0][0], &c, 1) != 1)
		abort();
}

/* The signal that such calls raise under greenshim is the program's all the same. */
static void sigsys(void)
{
	struct sigaction act = {.sa_handler = on_signal};
	uint64_t all = ~UINT64_C(0), none = 0, before;

	signal(SIGSYS, SIG_IGN);
	printf("ignored: %d", call(SYS_getppid, 0, 0, 0, 0, 0) == getppid());
	raise(SIGSYS);
	sigaction(SIGSYS, &act, NULL);
	handled = 0;
	printf(", blocked: %ld", call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, (long)&before, 8, 0));
	raise(SIGSYS);
	printf(" %d %d", call(SYS_getppid, 0, 0, 0, 0, 0) == getppid(), (int)handled);
	printf(", open: %ld", call(SYS_rt_sigprocmask, SIG_SETMASK, (long)&none, 0, 8, 0));
	printf(" %d\n", (int)handled);
	signal(SIGSYS, SIG_DFL);
}

static void children(void)
{
	long (*made_vfork)(void) = (long (*)(void))make(vfork_code, sizeof(vfork_code), 1);
	int status;
	long pid = call(SYS_fork, 0, 0, 0, 0, 0);

	if (!pid)
		call(SYS_exit_group, call(SYS_getppid, 0, 0, 0, 0, 0) > 0 ? 3 : 4, 0, 0, 0, 0);
	printf("fork: %d", call(SYS_wait4, pid, (long)&status, 0, 0, 0) == pid);
	printf(" %d\n", WEXITSTATUS(status));
	pid = made_vfork();
	if (!pid)
		_exit(5);
	printf("vfork: %d", waitpid((pid_t)pid, &status, 0) == pid);
	printf(" %d\n", WEXITSTATUS(status));
}

static void errors(void)
{
	struct timespec bad = {0, -1}, nap = {0, 1000000};

	printf("errors: %ld %ld %ld", call(SYS_read, -1, 0, 1, 0, 0), call(SYS_nanosleep, (long)&bad, 0, 0, 0, 0),
	       call(100000, 0, 0, 0, 0, 0));
	printf(", nap %ld\n", call(SYS_nanosleep, (long)&nap, 0, 0, 0, 0));
}

/* More than can be kept in mind. */
static void many(void)
{
	uint8_t *at = make(code, sizeof(code), SITES);
	long right = 0;

	for (int i = 0; i < 2 * SITES; i++)
		right += ((made_call *)(at + i % SITES * sizeof(code)))(SYS_getppid, 0, 0, 0, 0, 0) == getppid();
	printf("sites: %ld right\n", right);
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	call = (made_call *)make(code, sizeof(code), 1);
	ring();
	interrupted(0);
	interrupted(SA_RESTART);
	sigsys();
	children();
	errors();
	many();
	ring();
	return 0;
}
