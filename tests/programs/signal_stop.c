/* SIGSTOP and SIGCONT without a handler, while threads are in blocking calls: signal(7), "Interruption of system calls and
 * library functions by stop signals": some fail with EINTR, the others go on and wait no longer than they were told. */
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "thread_test.h"

static int ends[2], pair[2], set, queue, semaphores, watch, locked, other;
static mqd_t mq;
static sem_t sem;
static pid_t child;
static char text[64];

static long by_read(void)
{
	return read(ends[0], text, 1);
}

static long by_recv(void)
{
	return recv(pair[0], text, 1, 0);
}

static long by_recv_timed(void)
{
	struct timeval tv = {20, 0};
	int fd = dup(pair[1]);
	long ret;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	ret = recv(fd, text, 1, 0);
	close(fd);
	return ret;
}

static long by_poll(void)
{
	struct pollfd p = {ends[0], POLLIN, 0};

	return poll(&p, 1, 20000);
}

static long by_select(void)
{
	struct timeval tv = {20, 0};
	fd_set in;

	FD_ZERO(&in);
	FD_SET(ends[0], &in);
	return select(ends[0] + 1, &in, NULL, NULL, &tv);
}

static long by_ppoll(void)
{
	struct pollfd p = {ends[0], POLLIN, 0};
	struct timespec ts = {20, 0};
	sigset_t none;

	sigemptyset(&none);
	return ppoll(&p, 1, &ts, &none);
}

static long by_epoll(void)
{
	struct epoll_event event;

	return epoll_wait(set, &event, 1, 20000);
}

static long by_epoll_pwait(void)
{
	struct epoll_event event;
	sigset_t none;

	sigemptyset(&none);
	return epoll_pwait(set, &event, 1, 20000, &none);
}

static long by_semop(void)
{
	struct sembuf down = {0, -1, 0};

	return semop(semaphores, &down, 1);
}

static long by_semtimedop(void)
{
	struct sembuf down = {0, -1, 0};
	struct timespec ts = {20, 0};

	return semtimedop(semaphores, &down, 1, &ts);
}

struct message {
	long type;
	char text[8];
};

static long by_msgrcv(void)
{
	struct message m;

	return msgrcv(queue, &m, sizeof(m.text), 1, 0);
}

static long by_inotify(void)
{
	char events[256];

	return read(watch, events, sizeof(events)) > 0;
}

static long by_sem_wait(void)
{
	return sem_wait(&sem);
}

static long by_sem_timedwait(void)
{
	struct timespec until = in_ms(CLOCK_REALTIME, 20000);

	return sem_timedwait(&sem, &until);
}

static long by_nanosleep(void)
{
	struct timespec ts = {0, 700 * MS}, until = in_ms(CLOCK_MONOTONIC, 700);
	long ret = nanosleep(&ts, NULL);

	return clock_now(CLOCK_MONOTONIC) < until.tv_sec * 1000000000L + until.tv_nsec ? 99 : ret;
}

static long by_sleep(void)
{
	return sleep(1);
}

static long by_mq_receive(void)
{
	return mq < 0 ? 1 : mq_receive(mq, text, sizeof(text), NULL);
}

static long by_flock(void)
{
	return flock(other, LOCK_EX);
}

static long by_waitpid(void)
{
	return waitpid(child, NULL, 0) > 0 ? 0 : -1;
}

static long by_sigtimedwait(void)
{
	struct timespec ts = {20, 0};
	sigset_t usr2;

	sigemptyset(&usr2);
	sigaddset(&usr2, SIGUSR2);
	return sigtimedwait(&usr2, NULL, &ts);
}

static struct row {
	const char *name;
	long (*call)(void);
	char result[32];
	pthread_t thread;
} rows[] = {
	{"read", by_read, "", 0},
	{"recv", by_recv, "", 0},
	{"recv with SO_RCVTIMEO", by_recv_timed, "", 0},
	{"poll", by_poll, "", 0},
	{"select", by_select, "", 0},
	{"ppoll", by_ppoll, "", 0},
	{"epoll_wait", by_epoll, "", 0},
	{"epoll_pwait", by_epoll_pwait, "", 0},
	{"semop", by_semop, "", 0},
	{"semtimedop", by_semtimedop, "", 0},
	{"msgrcv", by_msgrcv, "", 0},
	{"read of inotify", by_inotify, "", 0},
	{"sem_wait", by_sem_wait, "", 0},
	{"sem_timedwait", by_sem_timedwait, "", 0},
	{"nanosleep", by_nanosleep, "", 0},
	{"sleep", by_sleep, "", 0},
	{"mq_receive", by_mq_receive, "", 0},
	{"flock", by_flock, "", 0},
	{"waitpid", by_waitpid, "", 0},
	{"sigtimedwait", by_sigtimedwait, "", 0},
};

#define ROWS ((int)(sizeof(rows) / sizeof(*rows)))

static void *wait_in(void *arg)
{
	struct row *r = arg;

	snprintf(r->result, sizeof(r->result), "%s", outcome(r->call()));
	return NULL;
}

/* A child of its own group stops us and has us go on. */
static void stop(int sig)
{
	pid_t us = getpid(), pid = fork();
	int status;

	if (!pid) {
		nap(200);
		kill(us, sig);
		nap(200);
		kill(us, SIGCONT);
		_exit(0);
	}
	while (waitpid(pid, &status, 0) < 0)
		;
}

/* What wakes those that were not interrupted. */
static void give(void)
{
	struct sembuf up = {0, 2, 0};
	struct message m = {1, "x"};

	kill(child, SIGKILL);
	for (int i = 0; i < 2; i++) {
		sem_post(&sem);
		if (msgsnd(queue, &m, 1, 0) || write(pair[i], "x", 1) != 1)
			perror("give");
	}
	semop(semaphores, &up, 1);
	if (write(ends[1], "xxxx", 4) != 4)
		perror("write");
	if (mq >= 0)
		mq_send(mq, "x", 1, 0);
	flock(locked, LOCK_UN);
	close(open("/dev/null", O_RDONLY));
}

static void prepare(void)
{
	struct mq_attr attr = {.mq_maxmsg = 2, .mq_msgsize = sizeof(text)};
	char name[] = "/tmp/signal_stop.XXXXXX", mq_name[32];
	struct epoll_event event = {.events = EPOLLIN};

	if (pipe(ends) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || sem_init(&sem, 0, 0))
		abort();
	set = epoll_create(1);
	epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event);
	semaphores = semget(IPC_PRIVATE, 1, 0600);
	queue = msgget(IPC_PRIVATE, 0600);
	watch = inotify_init1(IN_CLOEXEC);
	inotify_add_watch(watch, "/dev/null", IN_OPEN);
	locked = mkstemp(name);
	other = open(name, O_RDWR);
	unlink(name);
	flock(locked, LOCK_EX);
	snprintf(mq_name, sizeof(mq_name), "/signal_stop.%d", getpid());
	mq = mq_open(mq_name, O_RDWR | O_CREAT, 0600, &attr);
	mq_unlink(mq_name);
}

int main(void)
{
	sigset_t usr2;

	sigemptyset(&usr2);
	sigaddset(&usr2, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &usr2, NULL);
	prepare();
	child = fork();
	if (!child) {
		pause();
		_exit(0);
	}
	for (int i = 0; i < ROWS; i++)
		rows[i].thread = go(wait_in, &rows[i]);
	nap(100);
	stop(SIGSTOP);
	nap(100);
	give();
	nap(50);
	if (write(ends[1], "xxxx", 4) != 4)
		perror("write");
	pthread_kill(rows[ROWS - 1].thread, SIGUSR2);
	for (int i = 0; i < ROWS; i++) {
		done(rows[i].thread);
		printf("%s: %s\n", rows[i].name, rows[i].result);
	}
	semctl(semaphores, 0, IPC_RMID);
	msgctl(queue, IPC_RMID, NULL);
	return 0;
}
