/* What waits for signals, children and readiness, in every way of every_wait.h. */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/uio.h>

#include "every_wait.h"

#define LONG_TIME (&(struct timespec){LONG_MS / 1000, 0})

static void make_pipe(struct row *r)
{
	if (pipe2(r->fd, O_CLOEXEC))
		abort();
}

static void give_byte(struct row *r)
{
	if (write(r->fd[1], "x", 1) != 1)
		abort();
}

/* Of several that learn it is ready, one gets it: the others wait again. */
static long take_byte(struct row *r, long ready)
{
	char byte;

	return ready < 0 ? ready : read(r->fd[0], &byte, 1);
}

static long by_poll(struct row *r)
{
	return take_byte(r, poll(&(struct pollfd){r->fd[0], POLLIN, 0}, 1, LONG_MS));
}

static long by_ppoll(struct row *r)
{
	return take_byte(r, ppoll(&(struct pollfd){r->fd[0], POLLIN, 0}, 1, LONG_TIME, NULL));
}

static long by_select(struct row *r)
{
	fd_set in;

	FD_ZERO(&in);
	FD_SET(r->fd[0], &in);
	return take_byte(r, select(r->fd[0] + 1, &in, NULL, NULL, &(struct timeval){LONG_MS / 1000, 0}));
}

static long by_pselect(struct row *r)
{
	fd_set in;

	FD_ZERO(&in);
	FD_SET(r->fd[0], &in);
	return take_byte(r, pselect(r->fd[0] + 1, &in, NULL, NULL, LONG_TIME, NULL));
}

static int new_set(struct row *r)
{
	int set = epoll_create1(EPOLL_CLOEXEC);

	epoll_ctl(set, EPOLL_CTL_ADD, r->fd[0], &(struct epoll_event){.events = EPOLLIN});
	return set;
}

static void close_set(void *set)
{
	close((int)(long)set);
}

static long in_set(struct row *r, int (*wait)(int, struct epoll_event *))
{
	volatile long ret;
	long set = new_set(r);
	struct epoll_event event;

	pthread_cleanup_push(close_set, (void *)set);
	ret = take_byte(r, wait((int)set, &event));
	pthread_cleanup_pop(1);
	return ret;
}

static int epoll_old(int set, struct epoll_event *event)
{
	return epoll_wait(set, event, 1, LONG_MS);
}

static int epoll_masked(int set, struct epoll_event *event)
{
	return epoll_pwait(set, event, 1, LONG_MS, NULL);
}

static int epoll_masked2(int set, struct epoll_event *event)
{
	return epoll_pwait2(set, event, 1, LONG_TIME, NULL);
}

static long by_epoll(struct row *r)
{
	return in_set(r, epoll_old);
}

static long by_epoll_pwait(struct row *r)
{
	return in_set(r, epoll_masked);
}

static long by_epoll_pwait2(struct row *r)
{
	return in_set(r, epoll_masked2);
}

static long by_readv(struct row *r)
{
	char byte[2];
	struct iovec v[2] = {{byte, 1}, {byte + 1, 1}};

	return readv(r->fd[0], v, 1);
}

static void make_inotify(struct row *r)
{
	r->fd[0] = inotify_init1(IN_CLOEXEC);
	r->fd[1] = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", r->fd[1]);
	inotify_add_watch(r->fd[0], path, IN_MODIFY);
}

static void modify(struct row *r)
{
	if (pwrite(r->fd[1], "x", 1, 0) != 1)
		abort();
}

static long by_inotify(struct row *r)
{
	struct inotify_event event;

	return read(r->fd[0], &event, sizeof(event)) > 0;
}

/* Each row has a real-time signal of its own, which all block. */
static int own_signal(const struct row *r)
{
	return SIGRTMIN + 1 + (int)(r - table);
}

static sigset_t own_set(const struct row *r)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, own_signal(r));
	return set;
}

static void make_nothing(struct row *r)
{
	(void)r;
}

static void send_signal(struct row *r)
{
	kill(getpid(), own_signal(r));
}

static long by_sigwait(struct row *r)
{
	sigset_t set = own_set(r);
	int sig = 0, err = sigwait(&set, &sig);

	return err ? -err : sig == own_signal(r);
}

static long by_sigwaitinfo(struct row *r)
{
	sigset_t set = own_set(r);
	int sig = sigwaitinfo(&set, NULL);

	return sig < 0 ? sig : sig == own_signal(r);
}

static long by_sigtimedwait(struct row *r)
{
	sigset_t set = own_set(r);
	int sig = sigtimedwait(&set, NULL, LONG_TIME);

	return sig < 0 ? sig : sig == own_signal(r);
}

static void make_signalfd(struct row *r)
{
	sigset_t set = own_set(r);

	r->fd[0] = signalfd(-1, &set, SFD_CLOEXEC);
}

static long by_signalfd(struct row *r)
{
	struct signalfd_siginfo info;

	return read(r->fd[0], &info, sizeof(info)) > 0;
}

static void make_child(struct row *r)
{
	make_pipe(r);
	r->pid = fork();
	if (!r->pid) {
		char byte;

		close(r->fd[1]);
		_exit(read(r->fd[0], &byte, 1) == 1 ? 3 : 4);
	}
}

static long by_waitpid(struct row *r)
{
	int status = 0;
	pid_t pid = waitpid(r->pid, &status, 0);

	return pid < 0 ? pid : WEXITSTATUS(status);
}

static long by_wait4(struct row *r)
{
	int status = 0;
	pid_t pid = wait4(r->pid, &status, 0, NULL);

	return pid < 0 ? pid : WEXITSTATUS(status);
}

static long by_waitid(struct row *r)
{
	siginfo_t info = {.si_pid = 0};
	int ret = waitid(P_PID, (id_t)r->pid, &info, WEXITED);

	return ret < 0 ? ret : info.si_status;
}

static long by_group(struct row *r)
{
	int status = 0;
	pid_t pid = waitpid(-r->pid, &status, 0);

	return pid < 0 ? pid : WEXITSTATUS(status);
}

static void make_group(struct row *r)
{
	make_child(r);
	setpgid(r->pid, r->pid);
}

static void make_timer(struct row *r)
{
	r->fd[0] = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
}

static void start_timer(struct row *r)
{
	timerfd_settime(r->fd[0], 0, &(struct itimerspec){.it_value = {0, 1}}, NULL);
}

static long by_timerfd(struct row *r)
{
	uint64_t n;

	return read(r->fd[0], &n, sizeof(n));
}

/* Of several in sigwaitinfo some are woken in vain, and say EINTR, as it happens. */
static struct row rows[] = {
	ROW("poll", make_pipe, by_poll, give_byte, 0),
	ROW("ppoll", make_pipe, by_ppoll, give_byte, 0),
	ROW("select", make_pipe, by_select, give_byte, 0),
	ROW("pselect", make_pipe, by_pselect, give_byte, 0),
	ROW("epoll_wait", make_pipe, by_epoll, give_byte, TORN),
	ROW("epoll_pwait", make_pipe, by_epoll_pwait, give_byte, TORN),
	ROW("epoll_pwait2", make_pipe, by_epoll_pwait2, give_byte, TORN),
	ROW("readv", make_pipe, by_readv, give_byte, 0),
	ROW("inotify", make_inotify, by_inotify, modify, SINGLE),
	ROW("timerfd", make_timer, by_timerfd, start_timer, SINGLE),
	ROW("sigwait", make_nothing, by_sigwait, send_signal, 0),
	ROW("sigwaitinfo", make_nothing, by_sigwaitinfo, send_signal, SINGLE),
	ROW("sigtimedwait", make_nothing, by_sigtimedwait, send_signal, SINGLE),
	ROW("signalfd", make_signalfd, by_signalfd, send_signal, 0),
	ROW("waitpid", make_child, by_waitpid, give_byte, SINGLE),
	ROW("wait4", make_child, by_wait4, give_byte, SINGLE),
	ROW("waitid", make_child, by_waitid, give_byte, SINGLE),
	ROW("waitpid of a group", make_group, by_group, give_byte, SINGLE),
};

int main(void)
{
	sigset_t all;

	sigemptyset(&all);
	for (int sig = SIGRTMIN + 1; sig <= SIGRTMAX; sig++)
		sigaddset(&all, sig);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	every_way(rows, LENGTH(rows));
	return 0;
}
