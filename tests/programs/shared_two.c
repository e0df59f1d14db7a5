/* One of two processes, each its own program, that share a file with every process-shared object in it: shared_two FILE
 * a|b [apart], with the first to make it. Without arguments: both, by fork and exec. Each prints what it saw. */
#include <fcntl.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "thread_test.h"

#define THREADS 3
#define ROUNDS 100

static struct shared {
	volatile int made;
	pthread_mutex_t mutex, recursive, errorcheck, robust, inherit, robust_inherit;
	pthread_cond_t cond, monotonic;
	pthread_rwlock_t rwlock, writers_first;
	pthread_barrier_t barrier, all;
	pthread_spinlock_t spin;
	sem_t sems[2];
	long counter, turn, readers, written, spun, wrong;
	volatile int step, signalled;
} * s;
static int me;
static bool apart; /* no thread waits for a lock with priority inheritance of the other process's threads */

static void make_mutex(pthread_mutex_t *m, int type, int protocol, int robust)
{
	pthread_mutexattr_t a;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_settype(&a, type);
	pthread_mutexattr_setprotocol(&a, protocol);
	pthread_mutexattr_setrobust(&a, robust);
	pthread_mutex_init(m, &a);
}

static void make_all(void)
{
	pthread_condattr_t c;
	pthread_rwlockattr_t r;
	pthread_barrierattr_t b;

	make_mutex(&s->mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED);
	make_mutex(&s->recursive, PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED);
	make_mutex(&s->errorcheck, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED);
	make_mutex(&s->robust, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST);
	make_mutex(&s->inherit, PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_STALLED);
	make_mutex(&s->robust_inherit, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_INHERIT, PTHREAD_MUTEX_ROBUST);
	pthread_condattr_init(&c);
	pthread_condattr_setpshared(&c, PTHREAD_PROCESS_SHARED);
	pthread_cond_init(&s->cond, &c);
	pthread_condattr_setclock(&c, CLOCK_MONOTONIC);
	pthread_cond_init(&s->monotonic, &c);
	pthread_rwlockattr_init(&r);
	pthread_rwlockattr_setpshared(&r, PTHREAD_PROCESS_SHARED);
	pthread_rwlock_init(&s->rwlock, &r);
	pthread_rwlockattr_setkind_np(&r, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&s->writers_first, &r);
	pthread_barrierattr_init(&b);
	pthread_barrierattr_setpshared(&b, PTHREAD_PROCESS_SHARED);
	pthread_barrier_init(&s->barrier, &b, 2);
	pthread_barrier_init(&s->all, &b, 2 * THREADS);
	pthread_spin_init(&s->spin, PTHREAD_PROCESS_SHARED);
	sem_init(&s->sems[0], 1, 1);
	sem_init(&s->sems[1], 1, 0);
}

static void share(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || ftruncate(fd, sizeof(*s)))
		abort();
	s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (me == 0) {
		make_all();
		s->made = 1;
	}
	while (!s->made)
		nap(1);
}

static void meet(void)
{
	pthread_barrier_wait(&s->barrier);
}

static void add(pthread_mutex_t *m)
{
	pthread_mutex_lock(m);
	s->counter++;
	pthread_mutex_unlock(m);
}

static void *counts(void *arg)
{
	pthread_barrier_wait(&s->all);
	for (int i = 0; i < ROUNDS; i++) {
		long before;

		pthread_mutex_lock(&s->mutex);
		before = s->counter;
		if (i % 10 == 0)
			sched_yield();
		s->counter = before + 1;
		pthread_mutex_unlock(&s->mutex);
		if (!apart) {
			pthread_mutex_lock(&s->inherit);
			s->turn++;
			if (i % 10 == 0)
				sched_yield();
			pthread_mutex_unlock(&s->inherit);
		}
		pthread_mutex_lock(&s->recursive);
		pthread_mutex_lock(&s->recursive);
		s->written++;
		pthread_mutex_unlock(&s->recursive);
		pthread_mutex_unlock(&s->recursive);
		pthread_spin_lock(&s->spin);
		s->spun++;
		pthread_spin_unlock(&s->spin);
	}
	return arg;
}

static void each(void *(*run)(void *))
{
	pthread_t t[THREADS];

	for (long i = 0; i < THREADS; i++)
		t[i] = go(run, (void *)i);
	for (int i = 0; i < THREADS; i++)
		done(t[i]);
	meet();
}

static void *reads_and_writes(void *arg)
{
	pthread_rwlock_t *lock = (long)arg % 2 ? &s->rwlock : &s->writers_first;

	for (int i = 0; i < ROUNDS; i++) {
		if (i % 10 == 0) {
			pthread_rwlock_wrlock(lock);
			s->wrong += (long)arg % 2 && __atomic_load_n(&s->readers, __ATOMIC_SEQ_CST);
			sched_yield();
		} else {
			pthread_rwlock_rdlock(lock);
			if ((long)arg % 2) {
				__atomic_add_fetch(&s->readers, 1, __ATOMIC_SEQ_CST);
				__atomic_sub_fetch(&s->readers, 1, __ATOMIC_SEQ_CST);
			}
		}
		pthread_rwlock_unlock(lock);
	}
	return arg;
}

static void *turns(void *arg)
{
	if (arg)
		return arg;
	for (int i = 0; i < ROUNDS; i++) {
		sem_wait(&s->sems[me]);
		s->wrong += s->step % 2 != me;
		s->step++;
		sem_post(&s->sems[!me]);
	}
	for (int i = 0; i < ROUNDS; i++) {
		pthread_mutex_lock(&s->mutex);
		while (s->signalled % 2 != me)
			pthread_cond_wait(&s->cond, &s->mutex);
		s->signalled++;
		pthread_cond_broadcast(&s->cond);
		pthread_mutex_unlock(&s->mutex);
	}
	return arg;
}

static void *holds(void *arg)
{
	if (pthread_mutex_lock(arg))
		puts("not locked");
	return arg;
}

static void deadlines(void)
{
	struct timespec soon = in_ms(CLOCK_REALTIME, 5), mono = in_ms(CLOCK_MONOTONIC, 5);

	SHOW(pthread_mutex_timedlock(&s->mutex, &soon));
	SHOW(pthread_mutex_trylock(&s->mutex));
	SHOW(pthread_mutex_clocklock(&s->inherit, CLOCK_MONOTONIC, &mono));
	SHOW(pthread_mutex_unlock(&s->errorcheck));
	SHOW(pthread_rwlock_timedrdlock(&s->rwlock, &soon));
	SHOW_ERRNO(sem_timedwait(&s->sems[1], &soon));
	pthread_mutex_lock(&s->recursive);
	SHOW(pthread_cond_timedwait(&s->monotonic, &s->recursive, &mono));
	pthread_mutex_unlock(&s->recursive);
}

static void others_deadlines(void)
{
	if (me == 0) {
		while (!sem_trywait(&s->sems[0]) || !sem_trywait(&s->sems[1]))
			;
		pthread_mutex_lock(&s->mutex);
		pthread_mutex_lock(&s->inherit);
		pthread_mutex_lock(&s->errorcheck);
		pthread_rwlock_wrlock(&s->rwlock);
	}
	meet();
	if (me == 1)
		done(go((void *(*)(void *))(void *)deadlines, NULL));
	meet();
	if (me == 0) {
		pthread_mutex_unlock(&s->mutex);
		pthread_mutex_unlock(&s->inherit);
		pthread_mutex_unlock(&s->errorcheck);
		pthread_rwlock_unlock(&s->rwlock);
	}
}

/* Of the second, a thread ends with each; then the process, which the first waits for in lock. */
static void deaths(void)
{
	if (me == 1) {
		done(go(holds, &s->robust));
		done(go(holds, &s->robust_inherit));
	}
	meet();
	if (me == 0) {
		SHOW(pthread_mutex_lock(&s->robust));
		SHOW(pthread_mutex_consistent(&s->robust));
		SHOW(pthread_mutex_unlock(&s->robust));
		SHOW(pthread_mutex_lock(&s->robust_inherit));
		SHOW(pthread_mutex_consistent(&s->robust_inherit));
		SHOW(pthread_mutex_unlock(&s->robust_inherit));
	}
	meet();
	if (me == 1) {
		pthread_mutex_lock(&s->robust);
		pthread_mutex_lock(&s->robust_inherit);
		fflush(stdout);
		meet();
		nap(30);
		kill(getpid(), SIGKILL);
	}
	meet();
	SHOW(pthread_mutex_lock(&s->robust));
	SHOW(pthread_mutex_unlock(&s->robust));
	SHOW(pthread_mutex_lock(&s->robust));
	SHOW(pthread_mutex_lock(&s->robust_inherit));
	SHOW(pthread_mutex_consistent(&s->robust_inherit));
	add(&s->robust_inherit);
}

static void play(const char *path)
{
	share(path);
	each(counts);
	printf("%c: counted %ld %ld %ld %ld\n", 'a' + me, s->counter, s->turn, s->written, s->spun);
	meet();
	each(reads_and_writes);
	each(turns);
	printf("%c: wrong %ld, steps %d %d\n", 'a' + me, s->wrong, s->step, s->signalled);
	meet();
	others_deadlines();
	meet();
	deaths();
}

int main(int argc, char **argv)
{
	char path[64];
	pid_t pid;
	int status;

	if (argc > 2) {
		me = argv[2][0] - 'a';
		apart = argc > 3;
		play(argv[1]);
		return 0;
	}
	snprintf(path, sizeof(path), "/tmp/shared_two.%d", (int)getpid());
	pid = fork();
	if (!pid) {
		if (!freopen("/dev/null", "w", stdout))
			abort();
		execl(argv[0], argv[0], path, "b", NULL);
	}
	play(path);
	waitpid(pid, &status, 0);
	unlink(path);
	printf("the other: %d\n", WIFSIGNALED(status) ? WTERMSIG(status) : -status);
	return 0;
}
