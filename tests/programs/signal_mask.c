/* Masks and pending sets are each thread's own; a directed signal reaches its thread, there and then. */
#include "signal_test.h"

static pthread_t hit;
static volatile sig_atomic_t count, code, last;
static pthread_barrier_t barrier;

static void record(int sig, siginfo_t *info, void *context)
{
	(void)context;
	hit = pthread_self();
	count++;
	last = sig;
	code = info->si_code;
}

static const char *who(pthread_t thread)
{
	return pthread_equal(hit, thread) ? "the right thread" : "another thread";
}

static void show_mask(const char *whose)
{
	sigset_t set;

	pthread_sigmask(SIG_BLOCK, NULL, &set);
	printf("%s:", whose);
	for (int sig = 1; sig < 32; sig++)
		if (sigismember(&set, sig))
			printf(" %s", sigabbrev_np(sig));
	puts("");
}

static void *inherits(void *arg)
{
	sigset_t set = set_of(SIGUSR2);

	show_mask(arg);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	show_mask("changed");
	return NULL;
}

static void inheritance(void)
{
	sigset_t set = set_of(SIGUSR1), old;

	pthread_sigmask(SIG_BLOCK, &set, &old);
	pthread_join(spawn(inherits, "inherited"), NULL);
	show_mask("creator's");
	sigaddset(&set, SIGKILL);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	show_mask("KILL cannot be blocked");
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	printf("bad how: %s\n", name_of(pthread_sigmask(17, &set, NULL)));
}

static void *receiver(void *arg)
{
	sigset_t set = set_of(SIGUSR1), pending;

	(void)arg;
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier); /* sent, three times */
	sigpending(&pending);
	printf("pending in the thread: %d, handled %d\n", sigismember(&pending, SIGUSR1), (int)count);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	printf("unblocked: handled %d by %s, SI_TKILL %d\n", (int)count, who(pthread_self()), code == SI_TKILL);
	pthread_barrier_wait(&barrier);
	return NULL;
}

static void pending(void)
{
	pthread_t t;
	sigset_t set;

	pthread_barrier_init(&barrier, NULL, 2);
	t = spawn(receiver, NULL);
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < 3; i++)
		pthread_kill(t, SIGUSR1);
	sigpending(&set);
	printf("pending in main: %d\n", sigismember(&set, SIGUSR1));
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	pthread_join(t, NULL);
}

static void *raises(void *arg)
{
	(void)arg;
	count = 0;
	raise(SIGUSR1);
	printf("raise: %d, %s\n", (int)count, who(pthread_self()));
	pthread_kill(pthread_self(), SIGUSR1);
	printf("pthread_kill: %d, %s\n", (int)count, who(pthread_self()));
	return NULL;
}

static pthread_t main_thread;

static void *kills_process(void *arg)
{
	(void)arg;
	count = 0;
	kill(getpid(), SIGUSR1);
	while (!count)
		sched_yield();
	printf("kill from a thread: main took it: %d\n", pthread_equal(hit, main_thread));
	return NULL;
}

/* Main blocks it: before kill returns somebody has it, and only the caller can. */
static void *only_one_unblocked(void *arg)
{
	sigset_t set = set_of(SIGUSR1);

	(void)arg;
	count = 0;
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	kill(getpid(), SIGUSR1);
	printf("kill, all others block: %d, %s\n", (int)count, who(pthread_self()));
	return NULL;
}

/* Nobody takes it until one unblocks. */
static void *unblocks_later(void *arg)
{
	sigset_t set = set_of(SIGUSR1), pending;

	(void)arg;
	count = 0;
	kill(getpid(), SIGUSR1);
	sigpending(&pending);
	printf("kill, all block: %d, pending %d\n", (int)count, sigismember(&pending, SIGUSR1));
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	printf("unblocked: %d, %s\n", (int)count, who(pthread_self()));
	return NULL;
}

int main(void)
{
	sigset_t set = set_of(SIGUSR1), old;

	main_thread = pthread_self();
	inheritance();
	handle(SIGUSR1, record, 0);
	pending();
	pthread_join(spawn(raises, NULL), NULL);
	count = 0;
	raise(SIGUSR1);
	printf("raise in main: %d, %s\n", (int)count, who(pthread_self()));
	pthread_join(spawn(kills_process, NULL), NULL);
	pthread_sigmask(SIG_BLOCK, &set, &old);
	pthread_join(spawn(only_one_unblocked, NULL), NULL);
	pthread_join(spawn(unblocks_later, NULL), NULL);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	printf("pthread_kill 0: %d, bad: %s\n", pthread_kill(main_thread, 0), name_of(pthread_kill(main_thread, 99)));
	return 0;
}
