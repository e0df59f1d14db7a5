/* Numbers of threads where calls take those of processes: of oneself, of another thread, of one that is gone. And what a
 * process with several threads must not do. Numbers are never printed. */
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/ioprio.h>
#include <linux/kcmp.h>
#include <linux/perf_event.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "sched_test.h"
#include "thread_test.h"

#define SHOW_CALL(name, ...) printf("%s %s: %s\n", who, #name, outcome(syscall(SYS_##name, ##__VA_ARGS__)))

static int other_tid;
static pthread_barrier_t barrier;

/* A descriptor's number says nothing. */
static const char *made(long fd)
{
	if (fd < 0)
		return outcome(fd);
	close((int)fd);
	return "made";
}

/* The list of what semaphores are to undo is a process's with threads, and none of its child's. */
static const char *undoes_in_child(void)
{
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(syscall(SYS_kcmp, getppid(), getpid(), KCMP_SYSVSEM, 0, 0) == 0);
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status) ? "the same" : "others";
}

static void descriptors(const char *who, int tid)
{
	int ends[2];

	printf("%s pidfd_open: %s", who, made(syscall(SYS_pidfd_open, tid, 0)));
	printf(" nonblocking %s", made(syscall(SYS_pidfd_open, tid, O_NONBLOCK)));
	printf(" bad flags %s\n", made(syscall(SYS_pidfd_open, tid, 5)));
	if (pipe(ends))
		return;
	SHOW_CALL(kcmp, tid, getpid(), KCMP_FILE, ends[0], ends[0]);
	SHOW_CALL(kcmp, getpid(), tid, KCMP_FILE, ends[1], ends[1]);
	SHOW_CALL(kcmp, getpid(), tid, KCMP_FILE, ends[1], 9999);
	SHOW_CALL(kcmp, tid, tid, KCMP_VM, 0, 0);
	printf("undone at the end: %s\n", undoes_in_child());
	SHOW_CALL(kcmp, tid, getpid(), KCMP_FILES, 0, 0);
	SHOW_CALL(kcmp, tid, getpid(), 99, 0, 0);
	printf("%s F_SETOWN: %s", who, outcome(fcntl(ends[0], F_SETOWN, tid)));
	printf(" EX %s\n", outcome(fcntl(ends[0], F_SETOWN_EX, &(struct f_owner_ex){F_OWNER_PID, tid})));
	close(ends[0]);
	close(ends[1]);
}

static void counter(const char *who, int tid)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
				       .size = sizeof(attr),
				       .config = PERF_COUNT_SW_TASK_CLOCK,
				       .exclude_kernel = 1};

	printf("%s perf_event_open: %s\n", who, made(syscall(SYS_perf_event_open, &attr, tid, -1, -1, 0)));
}

static void memory(const char *who, int tid)
{
	char from[4] = "abc", to[4] = "";
	struct iovec remote = {from, 4}, local = {to, 4};

	printf("%s readv: %s", who, outcome(process_vm_readv(tid, &local, 1, &remote, 1, 0)));
	printf(" %s", to);
	strcpy(to, "new");
	printf(", writev: %s", outcome(process_vm_writev(tid, &local, 1, &remote, 1, 0)));
	printf(" %s\n", from);
	SHOW_CALL(migrate_pages, tid, 0L, NULL, NULL);
	SHOW_CALL(move_pages, tid, 0L, NULL, NULL, NULL, 0);
}

static void rights(const char *who, int tid)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, tid};
	struct __user_cap_data_struct data[2], mine[2];
	struct rlimit limit;

	header.pid = 0;
	syscall(SYS_capget, &header, mine);
	header.pid = tid;
	printf("%s capget: %s", who, outcome(syscall(SYS_capget, &header, data)));
	printf(", capset: %s", outcome(syscall(SYS_capset, &header, mine)));
	header.version = 77;
	printf(", another version: %s", outcome(syscall(SYS_capget, &header, data)));
	printf(" %d\n", header.version == _LINUX_CAPABILITY_VERSION_3);
	printf("%s prlimit: %s\n", who, outcome(prlimit(tid, RLIMIT_NOFILE, NULL, &limit)));
}

static void priorities(const char *who, int tid)
{
	const int values[] = {IOPRIO_PRIO_VALUE(2, 5), IOPRIO_PRIO_VALUE(3, 0), IOPRIO_PRIO_VALUE(7, 0),
			      IOPRIO_PRIO_VALUE(0, 1), IOPRIO_PRIO_VALUE(0, 0)};

	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
		printf("%s ioprio %d: %s", who, values[i],
		       outcome(syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, tid, values[i])));
		printf(" %s", outcome(syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, tid)));
		printf(" mine %s", outcome(syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0)));
		printf(" main's %s\n", outcome(syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, getpid())));
	}
	SHOW_CALL(ioprio_get, IOPRIO_WHO_PGRP, tid);
	SHOW_CALL(ioprio_set, 9, tid, 0);
	SHOW_CALL(getpriority, PRIO_PGRP, tid);
	SHOW_CALL(setpriority, PRIO_PGRP, tid, 3);
}

static void *nothing(void *arg)
{
	return arg;
}

static void deadline(const char *who, int tid)
{
	struct attr a = {.size = sizeof(a), .policy = SCHED_DEADLINE, .runtime = 1000000, .deadline = 30000000};
	pthread_t t;
	int ret;

	SHOW_CALL(sched_setattr, tid, &a, 0);
	memset(&a, 0, sizeof(a));
	SHOW_CALL(sched_getattr, tid, &a, sizeof(a), 0);
	printf("%s: policy %u", who, a.policy);
	if (a.policy == SCHED_DEADLINE) {
		printf(" %ld %ld %ld", (long)a.runtime, (long)a.deadline, (long)a.period);
		ret = pthread_create(&t, NULL, nothing, NULL);
		printf(", a thread: %s", error_name(ret));
		if (!ret)
			done(t);
	}
	puts("");
	a = (struct attr){.size = sizeof(a), .policy = SCHED_DEADLINE, .runtime = 30, .deadline = 20};
	SHOW_CALL(sched_setattr, tid, &a, 0);
	SHOW_CALL(sched_setscheduler, tid, SCHED_OTHER, &(struct sched_param){0});
}

static void namespaces(const char *who)
{
	static const char *const files[] = {"user", "mnt", "time"};
	char path[64];

	SHOW_CALL(unshare, CLONE_NEWUSER);
	SHOW_CALL(unshare, CLONE_VM);
	SHOW_CALL(unshare, CLONE_THREAD);
	SHOW_CALL(unshare, 1 << 30 | 1);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(path, sizeof(path), "/proc/self/ns/%s", files[i]);
		int fd = open(path, O_RDONLY);

		printf("%s setns %s: %s\n", who, files[i], outcome(setns(fd, 0)));
		close(fd);
	}
}

static void all(const char *who, int tid)
{
	descriptors(who, tid);
	counter(who, tid);
	memory(who, tid);
	rights(who, tid);
	priorities(who, tid);
	deadline(who, tid);
}

static void *other(void *arg)
{
	other_tid = gettid();
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	printf("it: ioprio %s\n", outcome(syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0)));
	return arg;
}

static void *of_itself(void *arg)
{
	namespaces("a thread");
	all("myself", gettid());
	all("main", getpid());
	return arg;
}

/* Who has parted with the others may enter it, where it has the right. In a child: the namespace's root becomes its own,
 * which in a chroot is another. */
static void *enters(void *arg)
{
	int fd = open("/proc/self/ns/mnt", O_RDONLY);

	printf("unshare: %s", outcome(unshare(CLONE_FS)));
	printf(", setns: %s\n", outcome(setns(fd, CLONE_NEWNS)));
	close(fd);
	return arg;
}

/* What is left is written back, unless the personality says otherwise. */
static void sticky(void)
{
	struct timeval tv = {0, 20000};

	select(0, NULL, NULL, NULL, &tv);
	printf("left: %ld\n", (long)tv.tv_usec);
	personality(STICKY_TIMEOUTS);
	tv.tv_usec = 20000;
	select(0, NULL, NULL, NULL, &tv);
	printf("sticky: %ld\n", (long)tv.tv_usec);
	personality(0);
	select(0, NULL, NULL, NULL, &tv);
	printf("left: %ld\n", (long)tv.tv_usec);
}

int main(void)
{
	pthread_t t;

	pthread_barrier_init(&barrier, NULL, 2);
	t = go(other, NULL);
	pthread_barrier_wait(&barrier);
	namespaces("main");
	all("another", other_tid);
	done(go(of_itself, NULL));
	sticky();
	pthread_barrier_wait(&barrier);
	done(t);
	while (!syscall(SYS_tgkill, getpid(), other_tid, 0)) /* the kernel takes its time after the join */
		nap(1);
	settle();
	all("nobody", other_tid);
	child_again(enters);
	return 0;
}
