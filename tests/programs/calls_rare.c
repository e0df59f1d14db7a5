/* Calls that libc makes seldom or never, by syscall(2): credentials, scheduling, exec by descriptor, openat2, pwritev2. */
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "sched_test.h"
#include "wait_test.h"

#define CALL(name, ...) printf("%s: %s\n", #name, outcome(syscall(SYS_##name, ##__VA_ARGS__)))

/* To what they are already. */
static void credentials(void)
{
	long uid = getuid(), gid = getgid();

	CALL(setreuid, uid, -1L);
	CALL(setregid, gid, -1L);
	CALL(setresuid, -1L, uid, -1L);
	CALL(setresgid, -1L, gid, -1L);
	printf("setfsuid: %d\n", syscall(SYS_setfsuid, uid) == uid);
	printf("setfsgid: %d\n", syscall(SYS_setfsgid, gid) == gid);
	printf("still: %d %d\n", getuid() == uid, getgid() == gid);
}

static void scheduling(void)
{
	struct attr a = {.size = sizeof(a)};
	struct sched_param p = {0}, high = {99};
	struct timespec slice;

	CALL(sched_getattr, 0L, &a, sizeof(a), 0L);
	printf("policy %u nice %d\n", a.policy, a.nice);
	a.policy = SCHED_BATCH;
	CALL(sched_setattr, 0L, &a, 0L);
	memset(&a, 0, sizeof(a));
	CALL(sched_getattr, 0L, &a, sizeof(a), 0L);
	printf("policy %u\n", a.policy);
	CALL(sched_getattr, 0L, &a, 1L, 0L);
	CALL(sched_setparam, 0L, &p);
	CALL(sched_setparam, 0L, &high);
	CALL(sched_rr_get_interval, 0L, &slice);
	CALL(sched_rr_get_interval, -1L, &slice);
}

static int child_status(pid_t pid)
{
	int status = 0;

	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void executes(void)
{
	char *words[] = {"sh", "-c", "exit 7", NULL}, *none[] = {NULL};
	int fd = open("/bin/sh", O_RDONLY | O_CLOEXEC);

	printf("execve of nothing: %s\n", outcome(execve("/nowhere/at all", words, none)));
	CALL(execveat, AT_FDCWD, "/nowhere/at all", words, none, 0L);
	if (!vfork()) {
		syscall(SYS_execveat, fd, "", words, none, AT_EMPTY_PATH);
		_exit(1);
	}
	printf("execveat: %d\n", child_status(-1));
	if (!fork()) {
		execve("/bin/sh", words, none);
		_exit(1);
	}
	printf("execve: %d\n", child_status(-1));
	close(fd);
}

static void *other_end(void *path)
{
	int fd;

	nap_for_ticks();
	fd = open(path, O_WRONLY);
	close(fd);
	return NULL;
}

static void opens(void)
{
	struct open_how how = {.flags = O_RDONLY};
	char path[] = "/tmp/calls_rare.XXXXXX";
	unsigned long before = ticks;
	pthread_t t;

	if (!mkdtemp(path) || chdir(path) || mkfifo("fifo", 0600))
		return;
	t = go(other_end, "fifo");
	printf("openat2 of a FIFO: %d", syscall(SYS_openat2, AT_FDCWD, "fifo", &how, sizeof(how)) >= 0);
	printf(", %s\n", went_on(before));
	done(t);
#ifdef SYS_open
	t = go(other_end, "fifo");
	printf("open of a FIFO: %d\n", syscall(SYS_open, "fifo", O_RDONLY) >= 0);
	done(t);
#endif
	CALL(openat2, AT_FDCWD, "nothing", &how, sizeof(how));
	unlink("fifo");
	chdir("/");
	rmdir(path);
}

static void *drain(void *fd)
{
	static char all[200000];
	long got = 0, n;

	nap(20);
	while ((n = read(*(int *)fd, all, sizeof(all))) > 0)
		got += n;
	return (void *)got;
}

static void writes(void)
{
	static char much[150000];
	struct iovec v[2] = {{much, 100000}, {much, 50000}};
	pthread_t t;
	int ends[2];

	if (pipe(ends))
		return;
	t = go(drain, &ends[0]);
	printf("pwritev2: %s\n", outcome(pwritev2(ends[1], v, 2, -1, 0)));
	printf("pwritev2 with a position: %s\n", outcome(pwritev2(ends[1], v, 1, 5, 0)));
	close(ends[1]);
	printf("read: %ld\n", done(t));
	printf("pwritev2 on nothing: %s\n", outcome(pwritev2(ends[1], v, 1, -1, 0)));
	close(ends[0]);
}

static void *post(void *arg)
{
	struct sembuf up = {.sem_num = 0, .sem_op = 1};

	nap_for_ticks();
	syscall(SYS_semop, *(int *)arg, &up, 1L);
	return NULL;
}

static void semaphores(void)
{
	struct sembuf down = {.sem_num = 0, .sem_op = -1};
	int set = semget(IPC_PRIVATE, 1, 0600);
	unsigned long before = ticks;
	pthread_t t = go(post, &set);

	CALL(semop, set, &down, 1L);
	printf("semop: %s\n", went_on(before));
	done(t);
	down.sem_flg = IPC_NOWAIT;
	CALL(semop, set, &down, 1L);
	semctl(set, 0, IPC_RMID);
	CALL(semop, set, &down, 1L);
}

static volatile sig_atomic_t got;

static void on_signal(int sig)
{
	got = sig;
}

static void signals(void)
{
	signal(SIGUSR2, on_signal);
	CALL(tkill, syscall(SYS_gettid), SIGUSR2);
	printf("got it: %d\n", got == SIGUSR2);
	CALL(tkill, 0L, SIGUSR2);
	CALL(tkill, syscall(SYS_gettid), 99L);
}

/* What is refused before anything waits. */
static void refused(void)
{
	struct open_how bad = {.flags = O_RDONLY, .mode = S_IRUSR};
	struct clone_args lone = {.flags = CLONE_THREAD}, low = {.exit_signal = SIGCHLD, .stack = (uintptr_t)&bad};
	struct timespec time = {0, 1000};
	uint32_t word = 0;
	void *gap = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CALL(openat2, AT_FDCWD, "/none/such", &bad, sizeof(bad));
	CALL(clone3, &lone, sizeof(lone));
	CALL(clone3, &low, sizeof(low));
	CALL(clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &time, NULL);
	CALL(futex, &word, FUTEX_CMP_REQUEUE, 1, 1L, gap, 0);
	CALL(futex, &word, FUTEX_CMP_REQUEUE_PRIVATE, 1, 1L, gap, 0);
}

/* A child that shares descriptors, but no memory. */
static void shares_files(void)
{
	int status = 0, first = dup(0);
	long pid = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0L, 0L, 0L, 0L);

	if (!pid) {
		close(first);
		_exit(open("/dev/null", O_RDONLY) == first ? 0 : 1);
	}
	printf("clone: %d", waitpid((pid_t)pid, &status, 0) == pid);
	printf(", status %d, descriptor %s\n", status, fcntl(first, F_GETFD) < 0 ? "gone" : "shared");
	close(first);
	nap(20);
}

static void *in_a_thread(void *arg)
{
	refused();
	shares_files();
	scheduling();
	signals();
	return arg;
}

int main(void)
{
	ticker_start();
	credentials();
	done(go(in_a_thread, NULL));
	executes();
	opens();
	writes();
	semaphores();
	ticker_stop();
	return 0;
}
