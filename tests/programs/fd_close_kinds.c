/* As fd_close, for every other kind of descriptor that calls wait on: the call goes on with what it was given. */
#include <mqueue.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "io_test.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static int fd;
static long (*call)(int);

static void *waits(void *arg)
{
	long ret = call(fd);

	printf("%s: ", (const char *)arg);
	show("it", ret);
	return NULL;
}

/* `give` has what is waited for happen, by another descriptor of the same file; the number is used again meanwhile. */
static void closed(const char *what, int made, long (*wait)(int), void (*give)(int))
{
	int other = dup(made), again;
	pthread_t t;

	must(what, made >= 0 && other >= 0);
	fd = made;
	call = wait;
	t = spawn(waits, (void *)what);
	settle();
	show("close", close(made));
	again = eventfd(0, EFD_NONBLOCK);
	printf("same number %d, ", again == made);
	settle();
	give(other);
	join(t);
	close(again);
	close(other);
}

static int ends[2];

static long by_epoll(int set)
{
	struct epoll_event event;

	return epoll_wait(set, &event, 1, -1);
}

static long by_epoll_twice(int set)
{
	struct epoll_event event;
	long first = epoll_wait(set, &event, 1, 40000);
	char c;

	return first == 1 ? read(event.data.fd, &c, 1) + 10 : first;
}

static void write_byte(int nothing)
{
	(void)nothing;
	must("write", write(ends[1], "x", 1) == 1);
}

static int new_epoll(void)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = ends[0]};
	int set = epoll_create1(0);

	must("epoll_ctl", !epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event));
	return set;
}

static void drain(void)
{
	char c;

	must("read", read(ends[0], &c, 1) == 1);
}

static void sets(void)
{
	must("pipe", !pipe(ends));
	closed("epoll_wait", new_epoll(), by_epoll, write_byte);
	drain();
	closed("epoll_wait, then read", new_epoll(), by_epoll_twice, write_byte);
	close(ends[0]);
	close(ends[1]);
}

static long by_read(int from)
{
	uint64_t text[64];

	return read(from, text, sizeof(text)) > 0;
}

static void add_one(int to)
{
	must("write", write(to, &(uint64_t){1}, 8) == 8);
}

static void start(int timer)
{
	struct itimerspec soon = {.it_value = {0, 1000000}};

	must("timerfd_settime", !timerfd_settime(timer, 0, &soon, NULL));
}

static void send_signal(int nothing)
{
	(void)nothing;
	kill(getpid(), SIGUSR2);
}

static void touch(int watch)
{
	must("inotify_add_watch", inotify_add_watch(watch, "/dev/null", IN_OPEN) >= 0);
	close(open("/dev/null", O_RDONLY));
}

static void single(void)
{
	sigset_t set;

	closed("eventfd", eventfd(0, 0), by_read, add_one);
	closed("timerfd", timerfd_create(CLOCK_MONOTONIC, 0), by_read, start);
	closed("inotify", inotify_init(), by_read, touch);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	closed("signalfd", signalfd(-1, &set, 0), by_read, send_signal);
}

static long by_waitid(int child)
{
	siginfo_t info = {.si_pid = 0};
	long ret = waitid((idtype_t)P_PIDFD, (id_t)child, &info, WEXITED);

	return ret ? ret : info.si_status;
}

static void let_go(int nothing)
{
	(void)nothing;
	close(ends[1]);
}

static void children(void)
{
	char c;
	pid_t pid;

	must("pipe", !pipe(ends));
	pid = fork();
	if (!pid) {
		close(ends[1]);
		_exit(read(ends[0], &c, 1) ? 1 : 7);
	}
	closed("waitid", (int)syscall(SYS_pidfd_open, pid, 0), by_waitid, let_go);
	close(ends[0]);
}

static void send_message(int queue)
{
	must("mq_send", !mq_send(queue, "hello", 5, 0));
}

static long by_mq_receive(int queue)
{
	char text[16];

	return mq_receive(queue, text, sizeof(text), NULL);
}

static void queues(void)
{
	struct mq_attr attr = {.mq_maxmsg = 2, .mq_msgsize = 16};
	char name[32];
	mqd_t queue;

	snprintf(name, sizeof(name), "/fd_close_kinds.%d", getpid());
	queue = mq_open(name, O_RDWR | O_CREAT, 0600, &attr);
	if (queue < 0)
		return;
	mq_unlink(name);
	closed("mq_receive", queue, by_mq_receive, send_message);
}

int main(void)
{
	begin();
	sets();
	single();
	children();
	queues();
	return 0;
}
