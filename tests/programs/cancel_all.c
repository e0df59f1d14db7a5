/* Every function that POSIX or Linux makes a cancellation point: with a cancellation that is pending already, whether or not
 * it would wait; and where it waits, cancelled then, deferred and asynchronously. Those that are none go on. */
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
#include <aio.h>
#include <fcntl.h>
#include <mqueue.h>
#include <netinet/in.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <threads.h>

#include "ends.h"
#include "thread_test.h"

static int file, queue, full_queue, held, set_id;
static char buffer[4096], file_name[64], queue_name[64];
static struct iovec iov = {buffer, 1};
static struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
static struct mmsghdr messages[1];
static struct msgbuf1 {
	long type;
	char text[1];
} text = {1, ""};
static struct timespec longer = {100, 0};
static struct aiocb cb;
static sem_t sem;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pid_t child;
static sigset_t usr2;
static mqd_t posix_queue;
static void *page;

static struct timespec far(clockid_t clock)
{
	return in_ms(clock, 100000);
}

static long by_join(void)
{
	pthread_t t = go((void *(*)(void *))(void *)pause, NULL);
	long ret = -1;

	pthread_cleanup_push((void (*)(void *))(void *)pthread_cancel, (void *)t);
	ret = pthread_join(t, NULL);
	pthread_cleanup_pop(0);
	return ret;
}

static void unlock(void *arg)
{
	pthread_mutex_unlock(arg);
}

static long by_cond(const struct timespec *until)
{
	pthread_mutex_lock(&mutex);
	pthread_cleanup_push(unlock, &mutex);
	if (until)
		pthread_cond_timedwait(&cond, &mutex, until);
	else
		pthread_cond_wait(&cond, &mutex);
	pthread_cleanup_pop(1);
	return 0;
}

static long by_aio_suspend(void)
{
	const struct aiocb *list[] = {&cb};

	return aio_suspend(list, 1, NULL);
}

static long by_lock(int op)
{
	struct flock lock = {.l_type = F_WRLCK};

	return fcntl(held, op, &lock);
}

static long by_connect(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = 1, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	return connect(fd, (struct sockaddr *)&any, sizeof(any));
}

static long by_select(void)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(empty_pipe[0], &set);
	return select(empty_pipe[0] + 1, &set, NULL, NULL, NULL);
}

static long by_semop(void)
{
	struct sembuf op = {0, -1, 0};

	return semop(set_id, &op, 1);
}

static struct epoll_event got;
static struct pollfd polled;
static eventfd_t value;
static int status, sig;
static siginfo_t info;
static struct rusage usage;

#define CALLS                                                                                                     \
	WAITS(read, read(empty_pipe[0], buffer, 1))                                                               \
	WAITS(readv, readv(empty_pipe[0], &iov, 1))                                                               \
	WAITS(preadv2, preadv2(empty_pipe[0], &iov, 1, -1, 0))                                                    \
	WAITS(write, write(full_pipe[1], buffer, sizeof(buffer)))                                                 \
	WAITS(writev, writev(full_pipe[1], &iov, 1))                                                              \
	WAITS(recv, recv(pair[0], buffer, 1, 0))                                                                  \
	WAITS(recvfrom, recvfrom(pair[0], buffer, 1, 0, NULL, NULL))                                              \
	WAITS(recvmsg, recvmsg(pair[0], &message, 0))                                                             \
	WAITS(recvmmsg, recvmmsg(pair[0], messages, 1, 0, NULL))                                                  \
	WAITS(send, send(full_pair[0], buffer, sizeof(buffer), 0))                                                \
	WAITS(sendto, sendto(full_pair[0], buffer, sizeof(buffer), 0, NULL, 0))                                   \
	WAITS(sendmsg, sendmsg(full_pair[0], &message, 0))                                                        \
	WAITS(sendmmsg, sendmmsg(full_pair[0], messages, 1, 0))                                                   \
	WAITS(accept, accept(listener, NULL, NULL))                                                               \
	WAITS(accept4, accept4(listener, NULL, NULL, SOCK_CLOEXEC))                                               \
	WAITS(poll, poll(&polled, 1, -1))                                                                         \
	WAITS(ppoll, ppoll(&polled, 1, NULL, NULL))                                                               \
	WAITS(select, by_select())                                                                                \
	WAITS(pselect, pselect(0, NULL, NULL, NULL, NULL, NULL))                                                  \
	WAITS(epoll_wait, epoll_wait(epoll_fd, &got, 1, -1))                                                      \
	WAITS(epoll_pwait, epoll_pwait(epoll_fd, &got, 1, -1, NULL))                                              \
	WAITS(epoll_pwait2, epoll_pwait2(epoll_fd, &got, 1, NULL, NULL))                                          \
	WAITS(splice, splice(empty_pipe[0], NULL, full_pipe[1], NULL, 1, 0))                                      \
	WAITS(tee, tee(empty_pipe[0], full_pipe[1], 1, 0))                                                        \
	WAITS(vmsplice, vmsplice(full_pipe[1], &iov, 1, 0))                                                       \
	WAITS(nanosleep, nanosleep(&longer, NULL))                                                                \
	WAITS(clock_nanosleep, clock_nanosleep(CLOCK_MONOTONIC, 0, &longer, NULL))                                \
	WAITS(sleep, sleep(100))                                                                                  \
	WAITS(usleep, usleep(100000000))                                                                          \
	WAITS(thrd_sleep, thrd_sleep(&longer, NULL))                                                              \
	WAITS(pause, pause())                                                                                     \
	WAITS(sigsuspend, sigsuspend(&usr2))                                                                      \
	WAITS(sigpause, sigpause(SIGUSR2))                                                                        \
	WAITS(sigwait, sigwait(&usr2, &sig))                                                                      \
	WAITS(sigwaitinfo, sigwaitinfo(&usr2, &info))                                                             \
	WAITS(sigtimedwait, sigtimedwait(&usr2, &info, &longer))                                                  \
	WAITS(sem_wait, sem_wait(&sem))                                                                           \
	WAITS(sem_timedwait, sem_timedwait(&sem, &(struct timespec[]){far(CLOCK_REALTIME)}[0]))                   \
	WAITS(sem_clockwait, sem_clockwait(&sem, CLOCK_MONOTONIC, &(struct timespec[]){far(CLOCK_MONOTONIC)}[0])) \
	DEFERS(cond_wait, by_cond(NULL))                                                                          \
	DEFERS(cond_timedwait, by_cond(&(struct timespec[]){far(CLOCK_REALTIME)}[0]))                             \
	DEFERS(join, by_join())                                                                                   \
	WAITS(wait, wait(&status))                                                                                \
	WAITS(wait3, wait3(&status, 0, &usage))                                                                   \
	WAITS(wait4, wait4(child, &status, 0, &usage))                                                            \
	WAITS(waitpid, waitpid(child, &status, 0))                                                                \
	WAITS(waitid, waitid(P_PID, (id_t)child, &info, WEXITED))                                                 \
	WAITS(msgrcv, msgrcv(queue, &text, 1, 1, 0))                                                              \
	WAITS(msgsnd, msgsnd(full_queue, &text, 1, 0))                                                            \
	WAITS(mq_receive, mq_receive(posix_queue, buffer, sizeof(buffer), NULL))                                  \
	WAITS(mq_timedreceive, mq_timedreceive(posix_queue, buffer, sizeof(buffer), NULL,                         \
					       &(struct timespec[]){far(CLOCK_REALTIME)}[0]))                     \
	WAITS(setlkw, by_lock(F_SETLKW))                                                                          \
	WAITS(lockf, lockf(held, F_LOCK, 0))                                                                      \
	WAITS(aio_suspend, by_aio_suspend())                                                                      \
	WAITS(eventfd_read, eventfd_read(empty_pipe[0], &value))                                                  \
	WAITS(system, system("sleep 0.01; exit 1"))                                                               \
	PASSES(close, close(-1))                                                                                  \
	PASSES(open, open("/dev/null", O_RDONLY))                                                                 \
	PASSES(openat, openat(AT_FDCWD, "/dev/null", O_RDONLY))                                                   \
	PASSES(creat, creat("/dev/null", 0600))                                                                   \
	PASSES(fsync, fsync(file))                                                                                \
	PASSES(fdatasync, fdatasync(file))                                                                        \
	PASSES(msync, msync(page, 4096, MS_ASYNC))                                                                \
	PASSES(pread, pread(file, buffer, 1, 0))                                                                  \
	PASSES(pwrite, pwrite(file, buffer, 1, 0))                                                                \
	PASSES(preadv, preadv(file, &iov, 1, 0))                                                                  \
	PASSES(pwritev, pwritev(file, &iov, 1, 0))                                                                \
	PASSES(fallocate, fallocate(file, 0, 0, 1))                                                               \
	PASSES(sync_file_range, sync_file_range(file, 0, 1, 0))                                                   \
	PASSES(copy_file_range, copy_file_range(file, NULL, file, &(off_t[]){100}[0], 1, 0))                      \
	PASSES(getfl, fcntl(file, F_GETFL))                                                                       \
	PASSES(tcdrain, tcdrain(file))                                                                            \
	PASSES(connect, by_connect())                                                                             \
	PASSES(mq_send, mq_send(-1, buffer, 1, 0))                                                                \
	PASSES(mq_timedsend, mq_timedsend(-1, buffer, 1, 0, &longer))                                             \
	PASSES(testcancel, (pthread_testcancel(), 0))                                                             \
	PASSES(sched_yield, sched_yield())                                                                        \
	PASSES(flock, flock(file, LOCK_EX))                                                                       \
	PASSES(trylock, pthread_mutex_trylock(&mutex) || pthread_mutex_unlock(&mutex))                            \
	PASSES(getpid, getpid() < 0)                                                                              \
	PASSES(kill, kill(getpid(), 0))                                                                           \
	PASSES(ftruncate, ftruncate(file, 4096))                                                                  \
	PASSES(lseek, lseek(file, 0, SEEK_SET))                                                                   \
	PASSES(semop, semctl(set_id, 0, SETVAL, 1) || by_semop())                                                 \
	PASSES(sem_trywait, sem_trywait(&sem))                                                                    \
	PASSES(sem_post, sem_post(&sem) || sem_trywait(&sem))                                                     \
	PASSES(sigpending, sigpending(&(sigset_t){0}))                                                            \
	PASSES(dup2, dup2(file, file) < 0)                                                                        \
	PASSES(pipe, pipe((int[2]){0}))                                                                           \
	PASSES(puts, fputs("", stdout))                                                                           \
	PASSES(fflush, fflush(stdout))                                                                            \
	PASSES(getrusage, getrusage(RUSAGE_THREAD, &usage))

#define WAITS(name, call) DEFERS(name, call)
#define PASSES(name, call) DEFERS(name, call)
#define DEFERS(name, call)            \
	static long call_##name(void) \
	{                             \
		return call;          \
	}
CALLS
#undef DEFERS
#undef WAITS
#undef PASSES

enum { CAN_WAIT = 1, MAY_BE_TORN = 2 };
static const struct point {
	const char *name;
	long (*call)(void);
	int flags;
} points[] = {
#define WAITS(name, call) {#name, call_##name, CAN_WAIT},
#define DEFERS(name, call) {#name, call_##name, CAN_WAIT | MAY_BE_TORN},
#define PASSES(name, call) {#name, call_##name, 0},
	CALLS};

enum way { BEFORE, DEFERRED, ASYNCHRONOUS };
static const char *const way_names[] = {"cancelled before", "deferred", "asynchronous"};
static enum way way;
static volatile bool may_go, cleaned;

static void cleanup(void *arg)
{
	cleaned = arg != NULL;
}

static void *run(void *arg)
{
	const struct point *p = arg;
	long ret;

	pthread_sigmask(SIG_BLOCK, &usr2, NULL);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_cleanup_push(cleanup, arg);
	if (way == ASYNCHRONOUS)
		pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	while (way == BEFORE && !may_go)
		sched_yield();
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	ret = p->call();
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	pthread_cleanup_pop(0);
	return (void *)(ret < 0 ? -2L : 0L);
}

static void one(const struct point *p)
{
	pthread_t t;
	long ret;

	may_go = cleaned = false;
	t = go(run, (void *)p);
	if (way == BEFORE) {
		pthread_cancel(t);
		may_go = true;
	} else {
		nap(20);
		pthread_cancel(t);
	}
	ret = done(t);
	printf("%s, %s: %s%s\n", p->name, way_names[way],
	       ret == -1   ? "canceled"
	       : ret == -2 ? "error"
			   : "done",
	       cleaned ? ", cleaned up" : "");
}

static void prepare_queues(void)
{
	struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = sizeof(buffer)};

	queue = msgget(IPC_PRIVATE, 0600);
	full_queue = msgget(IPC_PRIVATE, 0600);
	while (!msgsnd(full_queue, &text, 1, IPC_NOWAIT))
		;
	set_id = semget(IPC_PRIVATE, 1, 0600);
	snprintf(queue_name, sizeof(queue_name), "/cancel_all.%d", (int)getpid());
	posix_queue = mq_open(queue_name, O_CREAT | O_RDWR, 0600, &attr);
	mq_unlink(queue_name);
}

static void prepare(void)
{
	int ready[2];

	prepare_queues();
	make_ends();
	polled = (struct pollfd){empty_pipe[0], POLLIN, 0};
	messages[0].msg_hdr = message;
	snprintf(file_name, sizeof(file_name), "/tmp/cancel_all.%d", (int)getpid());
	file = open(file_name, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	held = open(file_name, O_RDWR | O_CLOEXEC);
	unlink(file_name);
	if (ftruncate(file, 8192) || pipe(ready))
		abort();
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	sem_init(&sem, 0, 0);
	sigemptyset(&usr2);
	sigaddset(&usr2, SIGUSR2);
	child = fork();
	if (!child) {
		if (lockf(held, F_LOCK, 0) || write(ready[1], "", 1) != 1)
			abort();
		pause();
		_exit(0);
	}
	if (read(ready[0], buffer, 1) != 1)
		abort();
	cb = (struct aiocb){.aio_fildes = empty_pipe[0], .aio_buf = buffer, .aio_nbytes = 1};
	aio_read(&cb);
}

int main(void)
{
	int n = sizeof(points) / sizeof(*points);

	prepare();
	for (way = BEFORE; way <= ASYNCHRONOUS; way++)
		for (int i = 0; i < n; i++) {
			int flags = points[i].flags;

			if (way != BEFORE && (!(flags & CAN_WAIT) || !strcmp(points[i].name, "system")))
				continue;
			if (way == ASYNCHRONOUS && flags & MAY_BE_TORN)
				continue;
			one(&points[i]);
			fflush(stdout);
		}
	msgctl(queue, IPC_RMID, NULL);
	msgctl(full_queue, IPC_RMID, NULL);
	semctl(set_id, 0, IPC_RMID);
	kill(child, SIGKILL);
	while (waitpid(child, NULL, 0) != child)
		;
	_exit(0);
}
