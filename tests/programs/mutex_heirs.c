/* Robust mutexes that processes share, held by a thread that is not the main one while its process ends: by exit, by a
 * thread's exit, by its own signal. */
#include <sys/mman.h>
#include <sys/wait.h>

#include "thread_test.h"

static struct shared {
	pthread_mutex_t mutex[3];
	volatile int held;
} * s;

static void *holds(void *arg)
{
	for (int i = 0; i < 3; i++)
		pthread_mutex_lock(&s->mutex[i]);
	s->held++;
	for (;;)
		pause();
	return arg;
}

static void *exits(void *arg)
{
	exit((int)(long)arg);
}

static void by_return(void)
{
	_exit(3);
}

static void by_thread(void)
{
	done(go(exits, (void *)4));
}

static void by_raise(void)
{
	raise(SIGTERM);
}

static void by_abort(void)
{
	abort();
}

static const struct end {
	const char *name;
	void (*call)(void);
} ends[] = {{"exit", by_return}, {"exit of a thread", by_thread}, {"raise", by_raise}, {"abort", by_abort}};

static void make(void)
{
	pthread_mutexattr_t a;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	for (int i = 0; i < 3; i++) {
		pthread_mutexattr_settype(&a, i == 1 ? PTHREAD_MUTEX_ERRORCHECK : PTHREAD_MUTEX_NORMAL);
		pthread_mutexattr_setprotocol(&a, i == 2 ? PTHREAD_PRIO_INHERIT : PTHREAD_PRIO_NONE);
		pthread_mutex_init(&s->mutex[i], &a);
	}
	s->held = 0;
}

static void *waits(void *arg)
{
	struct timespec until = in_ms(CLOCK_REALTIME, 10000);
	long ret = pthread_mutex_timedlock(arg, &until);

	if (ret == EOWNERDEAD)
		pthread_mutex_consistent(arg);
	if (ret == EOWNERDEAD || !ret)
		pthread_mutex_unlock(arg);
	return (void *)ret;
}

static void one(const struct end *end)
{
	int status;
	pthread_t waiter;
	pid_t pid;

	make();
	fflush(stdout);
	pid = fork();
	if (!pid) {
		go(holds, NULL);
		while (!s->held)
			nap(1);
		nap(20);
		end->call();
		_exit(9);
	}
	while (!s->held)
		nap(1);
	waiter = go(waits, &s->mutex[0]); /* already when it ends */
	waitpid(pid, &status, 0);
	printf("%s: %d, waiter %s", end->name, WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status),
	       error_name((int)done(waiter)));
	for (int i = 0; i < 3; i++)
		printf(", %s", error_name((int)done(go(waits, &s->mutex[i]))));
	puts("");
}

int main(void)
{
	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		one(&ends[i]);
	return 0;
}
