/* random_descriptors.h - for random_calls.c: calls that wait for descriptors, make, change and close them. */
#ifndef RANDOM_DESCRIPTORS_H
#define RANDOM_DESCRIPTORS_H

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/syscall.h>

#include "random_transfer.h"

enum { LIMIT, MASK, EVENTS }; /* of job.n */

static const long limits[] = {0, 0, 2, 100000, 100000, -1, -1}; /* ms */

/* How long a call may wait: n[LIMIT]. */
static bool draw_limit(struct job *j)
{
	j->n[LIMIT] = ANY(limits);
	say(j, j->n[LIMIT] == 2 ? " shortly" : j->n[LIMIT] ? " long" : " not");
	j->waits = j->n[LIMIT] == 2 ? ENDS_SOON : j->n[LIMIT] ? MAY : NEVER;
	return j->waits != NEVER;
}

static struct timespec *limit(const struct job *j, struct timespec *ts)
{
	long ms = j->n[LIMIT];

	*ts = (struct timespec){ms / 1000, ms % 1000 * MS};
	return ms < 0 ? NULL : ts;
}

static bool draw_poll(struct job *j)
{
	static const long events[] = {POLLIN, POLLIN, POLLOUT, POLLIN | POLLOUT, POLLPRI, 0, POLLRDHUP};
	int n = 1 + (int)pick(JOB_ENDS);
	bool waits = draw_limit(j);

	j->n[MASK] = pick(3);
	for (int i = 0; i < n; i++) {
		struct end e = draw_end(j, NULL);

		j->n[EVENTS + i] = ANY(events);
		say(j, ":%lx", j->n[EVENTS + i]);
		if (waits && (!may_wait(j, i, IN, true) || !may_wait(j, i, OUT, true)))
			return false;
		if (e.fd == 9999 || e.fd == 1 << 30)
			return false;
	}
	return true;
}

static long filled(const struct job *j, struct pollfd p[JOB_ENDS])
{
	for (int i = 0; i < j->n_ends; i++)
		p[i] = (struct pollfd){j->end[i].fd, (short)j->n[EVENTS + i], 0x55};
	return j->n_ends;
}

static void say_polled(struct job *j, long ret, const struct pollfd p[JOB_ENDS])
{
	say_ret(j, ret);
	for (int i = 0; i < j->n_ends; i++)
		say(j, " %x", p[i].revents);
}

static void run_poll(struct job *j)
{
	struct pollfd p[JOB_ENDS];
	long n = filled(j, p);

	say_polled(j, poll(p, (nfds_t)n, (int)j->n[LIMIT]), p);
}

/* A mask that lets in all signals but what others wait for or read, none, or that of the thread. */
static sigset_t *draw_mask(const struct job *j, sigset_t *mask)
{
	sigemptyset(mask);
	for (int i = 0; i < 3; i++)
		sigaddset(mask, SIGRTMIN + i);
	if (j->n[MASK] == 2)
		sigfillset(mask);
	return j->n[MASK] ? mask : NULL;
}

static void run_ppoll(struct job *j)
{
	struct pollfd p[JOB_ENDS];
	struct timespec ts;
	sigset_t mask;
	long n = filled(j, p);

	say(j, " mask %ld", j->n[MASK]);
	say_polled(j, ppoll(p, (nfds_t)n, limit(j, &ts), draw_mask(j, &mask)), p);
}

static void run_select(struct job *j)
{
	static const short kinds[3] = {POLLIN, POLLOUT, POLLPRI};
	fd_set sets[3];
	struct timespec ts;
	int most = 0;
	sigset_t mask;

	memset(sets, 0, sizeof(sets));
	for (int i = 0; i < j->n_ends; i++) {
		if (j->end[i].fd < 0)
			continue;
		for (int k = 0; k < 3; k++)
			if (j->n[EVENTS + i] & kinds[k])
				FD_SET(j->end[i].fd, &sets[k]);
		most = j->end[i].fd >= most ? j->end[i].fd + 1 : most;
	}
	say(j, " mask %ld", j->n[MASK]);
	say_ret(j, pselect(most, &sets[0], &sets[1], &sets[2], limit(j, &ts), draw_mask(j, &mask)));
	for (int k = 0; k < 3; k++)
		for (int i = 0; i < j->n_ends; i++)
			say(j, i ? "%d" : " %d", j->end[i].fd >= 0 && FD_ISSET(j->end[i].fd, &sets[k]));
}

/* ---- epoll ---- */

static bool draw_control(struct job *j)
{
	static const long ops[] = {EPOLL_CTL_ADD, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL, 77};
	static const unsigned events[] = {EPOLLIN,
					  EPOLLIN,
					  EPOLLOUT,
					  EPOLLIN | EPOLLOUT,
					  EPOLLIN | EPOLLET,
					  EPOLLIN | EPOLLONESHOT,
					  EPOLLOUT | EPOLLET,
					  EPOLLRDHUP,
					  EPOLLIN | EPOLLEXCLUSIVE};
	struct file *f;

	draw_end(j, "epoll");
	f = draw_end(j, NULL).file;
	j->n[0] = ANY(ops);
	j->n[1] = ANY(events);
	say(j, " op %ld events %lx", j->n[0], j->n[1]);
	if (f->waits[IN] || f->waits[OUT] || f->polls)
		return false;
	f->watched |= f != &nothing;
	return true;
}

static void run_control(struct job *j)
{
	struct epoll_event e = {.events = (uint32_t)j->n[1], .data.u64 = (uint64_t)j->end[1].file->number};

	say_ret(j, epoll_ctl(j->end[0].fd, (int)j->n[0], j->end[1].fd, &e));
}

static bool draw_epoll(struct job *j)
{
	struct end e = draw_end(j, "epoll");

	if (draw_limit(j) && (e.file->polls || !may_watch(j)))
		return false;
	j->n[MASK] = pick(3);
	j->n[EVENTS] = one_in(20) ? 0 : 1 + pick(4);
	return true;
}

static void say_events(struct job *j, long ret, const struct epoll_event *e)
{
	say_ret(j, ret);
	for (long i = 0; i < ret; i++)
		say(j, " %lu:%x", (unsigned long)e[i].data.u64, e[i].events);
}

static void run_epoll_pwait(struct job *j)
{
	struct epoll_event e[4];
	sigset_t mask;

	say(j, " mask %ld", j->n[MASK]);
	say_events(j, epoll_pwait(j->end[0].fd, e, (int)j->n[EVENTS], (int)j->n[LIMIT], draw_mask(j, &mask)), e);
}

static void run_epoll_pwait2(struct job *j)
{
	struct epoll_event e[4];
	struct timespec ts;
	sigset_t mask;

	say(j, " mask %ld", j->n[MASK]);
	say_events(j,
		   syscall(SYS_epoll_pwait2, j->end[0].fd, e, (int)j->n[EVENTS], limit(j, &ts), draw_mask(j, &mask),
			   _NSIG / 8),
		   e);
}

/* ---- what they are ---- */

static bool draw_one(struct job *j)
{
	draw_end(j, NULL);
	j->n[0] = pick(1000);
	return true;
}

static void run_close(struct job *j)
{
	say_ret(j, close(j->end[0].fd));
}

/* The main thread forgets the number before the call. Whoever looks at it and is woken for whatever reason would look
 * again, at what the number means then. */
static bool draw_close(struct job *j)
{
	struct end e = draw_end(j, NULL);

	if (e.file->polls)
		return false;
	for (int i = 0; i < n_ends; i++)
		if (ends[i].fd == e.fd && e.file != &nothing) {
			memmove(&ends[i], &ends[i + 1], (size_t)(--n_ends - i) * sizeof(*ends));
			return true;
		}
	return true;
}

static bool draw_dup(struct job *j)
{
	struct end e = draw_end(j, NULL);
	int fd;

	if (!room_for(1) || e.file == &nothing)
		return false;
	fd = one_in(2) ? dup(e.fd) : fcntl(e.fd, F_DUPFD_CLOEXEC, 100);
	say(j, " = %s", fd < 0 ? outcome(fd) : "done");
	add_end(fd, e.file);
	return true;
}

static bool draw_dup2(struct job *j)
{
	struct end e = draw_end(j, NULL), to = draw_end(j, NULL);

	if (to.fd == 9999 || to.file->polls)
		return false;
	for (int i = 0; i < n_ends; i++)
		if (ends[i].fd == to.fd && to.file != &nothing && e.file != &nothing)
			ends[i].file = e.file;
	return true;
}

static void run_dup2(struct job *j)
{
	say(j, " = %s", dup2(j->end[0].fd, j->end[1].fd) < 0 ? strerrorname_np(errno) : "done");
}

static bool draw_make(struct job *j)
{
	if (!room_for(2))
		return false;
	make_any();
	say(j, " %s-%d", files[n_files - 1].kind, n_files - 1);
	return true;
}

static void run_nothing(struct job *j)
{
	(void)j;
}

static void run_nonblock(struct job *j)
{
	int fd = j->end[0].fd, on = (int)j->n[0] % 2, flags = fcntl(fd, F_GETFL);

	say(j, " %d was %s", on, flags < 0 ? outcome(flags) : flags & O_NONBLOCK ? "on" : "off");
	if (j->n[0] % 4 < 2)
		say_ret(j, ioctl(fd, FIONBIO, &on));
	else
		say_ret(j, fcntl(fd, F_SETFL, on ? O_NONBLOCK : 0));
}

static void run_pending(struct job *j)
{
	int n = -1;

	say_ret(j, ioctl(j->end[0].fd, FIONREAD, &n));
	say(j, " %d", n);
}

static void run_shutdown(struct job *j)
{
	int how = (int)j->n[0] % 4;

	say(j, " %d", how);
	say_ret(j, shutdown(j->end[0].fd, how));
}

/* While nobody waits: when a call's time is over depends on it. */
static bool draw_timeout(struct job *j)
{
	struct file *f = draw_end(j, NULL).file;
	int side = (int)pick(2);

	if (f->waits[IN] || f->waits[OUT])
		return false;
	j->n[0] = side;
	j->n[1] = ANY(((long[]){0, 5000, 5000, 90000000}));
	say(j, " %s %ld", side == IN ? "receive" : "send", j->n[1]);
	if (f->flags & SOCKET)
		f->limited[side] = j->n[1] == 5000;
	return true;
}

static void run_timeout(struct job *j)
{
	struct timeval tv = {j->n[1] / 1000000, j->n[1] % 1000000};

	say_ret(j, setsockopt(j->end[0].fd, SOL_SOCKET, j->n[0] == IN ? SO_RCVTIMEO : SO_SNDTIMEO, &tv, sizeof(tv)));
}

static bool draw_timer(struct job *j)
{
	struct end e = draw_end(j, "timerfd");

	j->n[0] = pick(4);
	j->n[1] = pick(2);
	say(j, " %ld %ld", j->n[0], j->n[1]);
	return strcmp(e.file->kind, "eventfd");
}

/* Disarmed, for long, or so that it is over at once; but for the latter with what happens to be there already. */
static void run_timer(struct job *j)
{
	static const struct itimerspec when[] = {
		{.it_value = {0, 0}}, {.it_value = {90000, 0}}, {.it_value = {0, 1}}, {.it_value = {0, 1}}};
	struct timespec ts = {0, 3 * MS};

	say_ret(j, timerfd_settime(j->end[0].fd, j->n[1] ? TFD_TIMER_ABSTIME : 0, &when[j->n[0]], NULL));
	nanosleep(&ts, NULL);
}

static bool draw_event(struct job *j)
{
	draw_end(j, "eventfd");
	j->n[0] = ANY(((long[]){0, 1, 1, 2, 3, -2, -1}));
	say(j, " %ld", j->n[0]);
	return may_wait(j, 0, OUT, false);
}

static void run_event(struct job *j)
{
	say_ret(j, write(j->end[0].fd, &j->n[0], 8));
}

#endif
