/* Semaphores: every function, the errors that are documented, names, values, many waiters, handlers, a child. */
#include <fcntl.h>
#include <limits.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "thread_test.h"

static char name[64];

static sem_t *show_open(const char *what, const char *path, int flags, mode_t mode, unsigned value)
{
	sem_t *sem = sem_open(path, flags, mode, value);

	printf("open %s: %s\n", what, sem == SEM_FAILED ? error_name(errno) : "a semaphore");
	return sem;
}

static int value_of(sem_t *sem)
{
	int value = -99;

	return sem_getvalue(sem, &value) ? -98 : value;
}

static void names(void)
{
	char longer[300];
	sem_t *a, *b;
	int fd;

	snprintf(name, sizeof(name), "/sem_all.%d", (int)getpid());
	memset(longer, 'x', sizeof(longer));
	longer[0] = '/';
	longer[299] = 0;
	show_open("missing", name, 0, 0, 0);
	show_open("no name", "", O_CREAT, 0600, 0);
	show_open("a slash", "/", O_CREAT, 0600, 0);
	show_open("a path", "/a/b", O_CREAT, 0600, 0);
	show_open("a long name", longer, O_CREAT, 0600, 0);
	show_open("too large a value", name, O_CREAT, 0600, (unsigned)SEM_VALUE_MAX + 1);
	a = show_open("new", name, O_CREAT | O_EXCL, 0600, 2);
	show_open("exclusively again", name, O_CREAT | O_EXCL, 0600, 5);
	b = show_open("again", name, O_CREAT, 0600, 5);
	printf("the same: %d, value %d\n", a == b, value_of(b));
	SHOW_ERRNO(sem_wait(a));
	printf("value %d\n", value_of(b));
	SHOW_ERRNO(sem_close(b));
	SHOW_ERRNO(sem_post(a));
	SHOW_ERRNO(sem_unlink(name));
	SHOW_ERRNO(sem_unlink(name));
	SHOW_ERRNO(sem_unlink("/a/b"));
	SHOW_ERRNO(sem_unlink(longer));
	SHOW_ERRNO(sem_post(a));
	printf("unlinked, value %d\n", value_of(a));
	SHOW_ERRNO(sem_close(a));
	SHOW_ERRNO(sem_close(a));
	snprintf(longer, sizeof(longer), "/dev/shm/sem.%s", name + 1);
	fd = open(longer, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	show_open("an empty file", name, 0, 0, 0);
	unlink(longer);
	close(fd);
}

static void values(void)
{
	sem_t sem;

	SHOW_ERRNO(sem_init(&sem, 0, SEM_VALUE_MAX));
	SHOW_ERRNO(sem_post(&sem));
	printf("value %d\n", value_of(&sem) == SEM_VALUE_MAX);
	SHOW_ERRNO(sem_trywait(&sem));
	SHOW_ERRNO(sem_post(&sem));
	SHOW_ERRNO(sem_destroy(&sem));
	SHOW_ERRNO(sem_init(&sem, 0, (unsigned)SEM_VALUE_MAX + 1));
	SHOW_ERRNO(sem_init(&sem, 0, 1));
	SHOW_ERRNO(sem_trywait(&sem));
	SHOW_ERRNO(sem_trywait(&sem));
	printf("value %d\n", value_of(&sem));
	SHOW_ERRNO(sem_destroy(&sem));
}

static sem_t shared_sem, *ours = &shared_sem, answered;
static volatile int waits;

static void *waiter(void *arg)
{
	__atomic_add_fetch(&waits, 1, __ATOMIC_SEQ_CST);
	while (sem_wait(ours))
		sem_post(&answered);
	return arg;
}

#define MANY 20
static void many(void)
{
	pthread_t t[MANY];

	handle(SIGUSR1, 0);
	sem_init(ours, 0, 0);
	sem_init(&answered, 0, 0);
	waits = 0;
	for (long i = 0; i < MANY; i++)
		t[i] = go(waiter, (void *)i);
	while (waits < MANY)
		nap(1);
	settle();
	printf("with waiters: %d\n", value_of(ours));
	pthread_kill(t[3], SIGUSR1);
	sem_wait(&answered);
	handle(SIGUSR1, SA_RESTART);
	pthread_kill(t[4], SIGUSR1);
	settle();
	printf("restarted: %d\n", value_of(&answered));
	for (int i = 0; i < MANY - 1; i++)
		sem_post(ours);
	pthread_cancel(t[0]);
	sem_post(ours);
	for (int i = 1; i < MANY; i++)
		done(t[i]);
	done(t[0]);
	printf("left: %d\n", value_of(ours) <= 1);
}

static void on_alarm(int sig)
{
	(void)sig;
	sem_post(ours);
}

static void handlers(void)
{
	struct sigaction act = {.sa_handler = on_alarm};

	sem_init(ours, 0, 0);
	sigaction(SIGALRM, &act, NULL);
	ualarm(20000, 0);
	while (sem_wait(ours))
		printf("%s, and again\n", error_name(errno));
	printf("from a handler: %d\n", value_of(ours));
}

/* A child takes what its parent gives, and the other way round. */
static void children(void)
{
	sem_t *two = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	sem_t *named = show_open("for both", name, O_CREAT | O_EXCL, 0600, 0);
	int status;
	pid_t pid;

	sem_init(&two[0], 1, 0);
	sem_init(&two[1], 1, 0);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		sem_wait(&two[0]);
		many();
		sem_post(named);
		sem_wait(&two[0]);
		sem_post(&two[1]);
		fflush(stdout);
		_exit(sem_destroy(&two[1]));
	}
	nap(5);
	sem_post(&two[0]);
	SHOW_ERRNO(sem_wait(named));
	sem_post(&two[0]);
	SHOW_ERRNO(sem_wait(&two[1]));
	waitpid(pid, &status, 0);
	printf("child %d\n", WEXITSTATUS(status));
	sem_unlink(name);
}

static void *all(void *arg)
{
	names();
	values();
	many();
	handlers();
	children();
	return arg;
}

int main(void)
{
	all(NULL);
	done(go(all, NULL));
	return 0;
}
