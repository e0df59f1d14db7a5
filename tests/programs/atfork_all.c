/* Around fork: the order of handlers, what they may do, who calls it; and what was there before is used in the child by the
 * thread that made it, whatever the others were at. */
#include <semaphore.h>
#include <sys/wait.h>

#include "thread_test.h"

static char order[200];
static pthread_mutex_t library = PTHREAD_MUTEX_INITIALIZER;
static pthread_t forker;

static void note(const char *what)
{
	strncat(order, what, sizeof(order) - strlen(order) - 1);
}

#define HANDLER(name, ...)                                                \
	static void name(void)                                            \
	{                                                                 \
		note(#name);                                              \
		note(pthread_equal(pthread_self(), forker) ? " " : "? "); \
		__VA_ARGS__;                                              \
	}

HANDLER(before1, pthread_mutex_lock(&library))
HANDLER(parent1, pthread_mutex_unlock(&library))
HANDLER(child1, pthread_mutex_unlock(&library))
HANDLER(before2, nap(1))
HANDLER(parent2, sched_yield())
HANDLER(child2, nap(1))
HANDLER(before3, (void)0)
HANDLER(child3, (void)0)

static volatile bool busy = true;

static void *uses_library(void *arg)
{
	while (busy) {
		pthread_mutex_lock(&library);
		nap(1);
		pthread_mutex_unlock(&library);
		sched_yield();
	}
	return arg;
}

static pthread_mutex_t mine = PTHREAD_MUTEX_INITIALIZER, check, recursive, robust, inherit;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT, once_before = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static pthread_spinlock_t spin;
static sem_t sem;
static int once_runs;

static void run_once(void)
{
	once_runs++;
}

static void make(pthread_mutex_t *m, int type, int protocol, int robustness)
{
	pthread_mutexattr_t a;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_settype(&a, type);
	pthread_mutexattr_setprotocol(&a, protocol);
	pthread_mutexattr_setrobust(&a, robustness);
	pthread_mutex_init(m, &a);
	pthread_mutexattr_destroy(&a);
}

static void *signals_cond(void *arg)
{
	pthread_mutex_lock(&mine);
	*(bool *)arg = true;
	pthread_cond_broadcast(&cond);
	pthread_mutex_unlock(&mine);
	return arg;
}

static void *takes(void *arg)
{
	return (void *)(long)pthread_mutex_trylock(arg);
}

static void in_the_child(void)
{
	bool signalled = false;
	pthread_t t;

	printf("order: %s\n", order);
	SHOW(pthread_mutex_trylock(&check));
	SHOW(pthread_mutex_unlock(&check)); /* a child's threads are others */
	SHOW(pthread_mutex_unlock(&recursive));
	SHOW(pthread_mutex_trylock(&recursive));
	SHOW(pthread_mutex_trylock(&inherit));
	SHOW(pthread_mutex_trylock(&robust));
	SHOW(pthread_rwlock_trywrlock(&rwlock));
	SHOW(pthread_rwlock_unlock(&rwlock));
	SHOW_ERRNO(sem_trywait(&sem));
	SHOW_ERRNO(sem_trywait(&sem));
	printf("key %ld\n", (long)pthread_getspecific(key));
	SHOW(pthread_once(&once_before, run_once));
	SHOW(pthread_once(&once, run_once));
	printf("once %d\n", once_runs);
	SHOW(pthread_spin_trylock(&spin));
	SHOW(pthread_spin_unlock(&spin));
	t = go(signals_cond, &signalled);
	while (!signalled)
		pthread_cond_wait(&cond, &mine);
	SHOW(pthread_mutex_unlock(&mine));
	done(t);
	printf("in another thread: %s\n", error_name((int)done(go(takes, &mine))));
}

static void *forks(void *arg)
{
	int status = 0;
	pid_t pid;

	forker = pthread_self();
	order[0] = 0;
	pthread_mutex_lock(&mine);
	pthread_mutex_lock(&check);
	pthread_mutex_lock(&recursive);
	pthread_mutex_lock(&recursive);
	pthread_mutex_lock(&inherit);
	pthread_rwlock_wrlock(&rwlock);
	pthread_spin_lock(&spin);
	sem_init(&sem, 0, 1);
	pthread_setspecific(key, (void *)17);
	pthread_once(&once_before, run_once);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		in_the_child();
		fflush(stdout);
		_exit(4);
	}
	waitpid(pid, &status, 0);
	printf("child %d\norder: %s\n", WIFEXITED(status) ? WEXITSTATUS(status) : -status, order);
	pthread_mutex_unlock(&mine);
	pthread_mutex_unlock(&check);
	pthread_mutex_unlock(&recursive);
	pthread_mutex_unlock(&recursive);
	pthread_mutex_unlock(&inherit);
	pthread_rwlock_unlock(&rwlock);
	pthread_spin_unlock(&spin);
	return arg;
}

/* vfork and system call no handlers; a child's child calls them again. */
static void others(void)
{
	int status;
	pid_t pid;

	order[0] = 0;
	forker = pthread_self();
	printf("system: %d, order: %s\n", system("true"), order);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		order[0] = 0;
		pid = fork();
		if (!pid)
			_exit(5);
		waitpid(pid, &status, 0);
		printf("child's child %d, order: %s\n", WEXITSTATUS(status), order);
		fflush(stdout);
		_exit(6);
	}
	waitpid(pid, &status, 0);
	printf("child %d\n", WEXITSTATUS(status));
	order[0] = 0;
	pid = _Fork();
	if (!pid)
		_exit(order[0] != 0);
	waitpid(pid, &status, 0);
	printf("_Fork: %d, order: %s\n", WEXITSTATUS(status), order);
}

int main(void)
{
	pthread_t t;

	make(&check, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED);
	make(&recursive, PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED);
	make(&inherit, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_STALLED);
	make(&robust, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST);
	pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
	pthread_key_create(&key, NULL);
	SHOW(pthread_atfork(before1, parent1, child1));
	SHOW(pthread_atfork(before2, parent2, child2));
	SHOW(pthread_atfork(before3, NULL, child3));
	SHOW(pthread_atfork(NULL, NULL, NULL));
	forks(NULL);
	t = go(uses_library, NULL);
	nap(5);
	for (int i = 0; i < 3; i++)
		done(go(forks, NULL));
	forks(NULL);
	others();
	busy = false;
	done(t);
	return 0;
}
