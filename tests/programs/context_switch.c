/* Coroutines of the program's own (makecontext, swapcontext) in several threads: they block inside, are resumed by another
 * thread, are interrupted by signals, use alternate stacks, leave through longjmp, and fault. */
#include <poll.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "thread_test.h"

#define STACK (64 << 10)
#define ROUNDS 5

struct coroutine {
	ucontext_t here, back;
	char *stack;
	int (*run)(struct coroutine *);
	int value;
	bool over;
};

static int ends[2];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local int own;

static void begin(unsigned high, unsigned low)
{
	struct coroutine *c = (void *)((uintptr_t)high << 32 | low);

	c->value = c->run(c);
	c->over = true;
}

static void make(struct coroutine *c, int (*run)(struct coroutine *))
{
	*c = (struct coroutine){.run = run};
	c->stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	getcontext(&c->here);
	c->here.uc_stack.ss_sp = c->stack;
	c->here.uc_stack.ss_size = STACK;
	c->here.uc_link = &c->back;
	makecontext(&c->here, (void (*)(void))begin, 2, (unsigned)((uintptr_t)c >> 32), (unsigned)(uintptr_t)c);
}

static int resume(struct coroutine *c)
{
	if (swapcontext(&c->back, &c->here))
		puts("swapcontext failed");
	return c->value;
}

static void yield(struct coroutine *c, int value)
{
	c->value = value;
	swapcontext(&c->here, &c->back);
}

static void end(struct coroutine *c)
{
	munmap(c->stack, STACK);
}

/* Sleeps, takes locks, and is resumed between. */
static int blocks(struct coroutine *c)
{
	int sum = 0;

	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&lock);
		nap(1);
		pthread_mutex_unlock(&lock);
		sum += own;
		errno = i;
		yield(c, sum);
		if (errno != i)
			return -1;
	}
	return sum;
}

static void *interleaves(void *arg)
{
	struct coroutine c[3];
	int sum = 0;

	own = (int)(long)arg;
	for (int i = 0; i < 3; i++)
		make(&c[i], blocks);
	while (!c[0].over) {
		for (int i = 0; i < 3; i++) {
			int saved = errno;

			sum += resume(&c[i]);
			errno = saved;
		}
	}
	for (int i = 0; i < 3; i++)
		end(&c[i]);
	return (void *)(long)sum;
}

static void many(void)
{
	pthread_t t[4];

	for (long i = 0; i < 4; i++)
		t[i] = go(interleaves, (void *)(i + 1));
	for (int i = 0; i < 4; i++)
		printf("thread %d: %ld\n", i, done(t[i]));
}

/* Reads from a pipe on the coroutine's stack, while another thread gets on. */
static int reads(struct coroutine *c)
{
	char byte = 0;
	long n;

	while ((n = read(ends[0], &byte, 1)) == 1 && byte != '.')
		yield(c, byte);
	return n < 0 ? -errno : 0;
}

static void *writes(void *text)
{
	for (const char *s = text; *s; s++) {
		nap(5);
		if (write(ends[1], s, 1) != 1)
			puts("write failed");
	}
	return NULL;
}

static void pipes(void)
{
	struct coroutine c;
	pthread_t t = go(writes, "abc.");

	make(&c, reads);
	printf("read:");
	while (resume(&c) > 0)
		printf(" %c", c.value);
	printf(" over %d %d\n", c.over, c.value);
	done(t);
	end(&c);
}

static struct coroutine passed;

static void *resumes(void *arg)
{
	own = 100;
	printf("by another thread: %d", resume(&passed));
	printf(" %d\n", own);
	return arg;
}

static int looks(struct coroutine *c)
{
	pthread_t first = pthread_self();

	yield(c, 1);
	nap(1);
	return pthread_equal(first, pthread_self()) ? 2 : 3;
}

static void handed_over(void)
{
	make(&passed, looks);
	printf("here: %d\n", resume(&passed));
	done(go(resumes, NULL));
	printf("over: %d\n", passed.over);
	end(&passed);
}

static volatile sig_atomic_t handled, on_coroutine;
static struct coroutine *interrupted;

static void on_signal(int sig)
{
	char here;

	(void)sig;
	on_coroutine = &here >= interrupted->stack && &here < interrupted->stack + STACK;
	handled++;
}

static int is_interrupted(struct coroutine *c)
{
	struct pollfd p = {ends[0], POLLIN, 0};

	(void)c;
	return poll(&p, 1, 20000) < 0 ? errno : 0;
}

static void *sends(void *arg)
{
	settle();
	pthread_kill(*(pthread_t *)arg, SIGUSR1);
	return NULL;
}

static void *gets_signal(void *arg)
{
	struct sigaction act = {.sa_handler = on_signal};
	struct coroutine c;
	pthread_t self = pthread_self(), t;

	sigaction(SIGUSR1, &act, NULL);
	make(&c, is_interrupted);
	interrupted = &c;
	t = go(sends, &self);
	printf("signal: %s", error_name(resume(&c)));
	printf(", handled %d, on its stack %d\n", (int)handled, (int)on_coroutine);
	done(t);
	handled = 0;
	end(&c);
	return arg;
}

/* swapcontext carries the mask. */
static int masks(struct coroutine *c)
{
	sigset_t set, now;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	yield(c, 1);
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	return sigismember(&now, SIGUSR2);
}

static void *mask_travels(void *arg)
{
	struct coroutine c;
	sigset_t now;

	make(&c, masks);
	resume(&c);
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	printf("mask outside: %d", sigismember(&now, SIGUSR2));
	printf(", inside: %d", resume(&c));
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	printf(", outside: %d\n", sigismember(&now, SIGUSR2));
	end(&c);
	return arg;
}

static sigjmp_buf out;
static struct coroutine handler_runs;

/* A handler that lets a coroutine run, which blocks; and one that leaves by setcontext. */
static void switches(int sig)
{
	(void)sig;
	resume(&handler_runs);
}

static int sleeps_inside(struct coroutine *c)
{
	nap(5);
	yield(c, 1);
	nap(5);
	return 2;
}

static ucontext_t way_out;

static void leaves(int sig)
{
	(void)sig;
	setcontext(&way_out);
}

static void *handler_switches(void *arg)
{
	struct sigaction act = {.sa_handler = switches};
	volatile int times = 0;

	make(&handler_runs, sleeps_inside);
	sigaction(SIGUSR1, &act, NULL);
	raise(SIGUSR1);
	printf("handler: %d", handler_runs.value);
	raise(SIGUSR1);
	printf(" %d\n", handler_runs.value);
	end(&handler_runs);
	act.sa_handler = leaves;
	sigaction(SIGUSR1, &act, NULL);
	getcontext(&way_out);
	if (times++ < 3)
		raise(SIGUSR1);
	printf("left the handler %d times\n", times - 1);
	return arg;
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
	(void)context;
	printf("fault %d at %lx", sig, (unsigned long)info->si_addr);
	siglongjmp(out, 1);
}

static int *volatile nowhere = (int *)0x123000;

static int faults(struct coroutine *c)
{
	(void)c;
	*nowhere = 1;
	return 0;
}

static void *fault_inside(void *arg)
{
	struct sigaction act = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	static char alternate[STACK];
	stack_t ss = {.ss_sp = alternate, .ss_size = STACK};
	struct coroutine c;

	sigaction(SIGSEGV, &act, NULL);
	if (arg)
		sigaltstack(&ss, NULL);
	make(&c, faults);
	if (!sigsetjmp(out, 1))
		resume(&c);
	printf(", out\n");
	end(&c);
	ss.ss_flags = SS_DISABLE;
	sigaltstack(&ss, NULL);
	return arg;
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (pipe(ends))
		return 1;
	ticker_start();
	many();
	pipes();
	handed_over();
	done(go(gets_signal, NULL));
	gets_signal(NULL);
	done(go(mask_travels, NULL));
	mask_travels(NULL);
	done(go(handler_switches, NULL));
	handler_switches(NULL);
	done(go(fault_inside, NULL));
	done(go(fault_inside, "alternate"));
	fault_inside("alternate");
	ticker_stop();
	return 0;
}
