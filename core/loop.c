#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <ev.h>

#include "context.h"
#include "deadline.h"
#include "fdwait.h"
#include "highfd.h"
#include "kernel.h"
#include "reserve.h"

/* libev's archive refers to stderr in a way that a shared object cannot resolve (the Makefile renames it to this). */
extern FILE *libev_stderr __attribute__((visibility("hidden")));
FILE *libev_stderr;

/* The archive's calls of these are renamed too. Its descriptors go out of the way of the program's; and the hub runs with
 * some greenlet's thread pointer, whose cancellation libc's own would act upon. */
#define OWN __attribute__((visibility("hidden")))
OWN int libev_epoll_create1(int flags);
OWN int libev_eventfd(unsigned value, int flags);
OWN int libev_epoll_ctl(int set, int op, int fd, struct epoll_event *event);
OWN int libev_epoll_wait(int set, struct epoll_event *events, int max, int ms);
OWN ssize_t libev_read(int fd, void *buf, size_t size);
OWN ssize_t libev_write(int fd, const void *buf, size_t size);
OWN int libev_close(int fd);
OWN int libev_clock_gettime(clockid_t clock, struct timespec *ts);
OWN int libev_gettimeofday(struct timeval *tv, void *zone);

struct loop {
	struct ev_loop *ev;
	struct hub *hub;
	ev_io timer; /* on timer_fd: libev's own timers round up to about 1.1 ms in epoll */
	ev_async wakeup;
	ev_io rare; /* on rare_fd: an epoll set for the events that libev does not know */
	int rare_fd;
	int timer_fd;
	uint64_t armed_ns; /* what timer_fd is set to */
	uint64_t until_ns; /* when a poll must end, where a filter of the program's lets no timer be set */
};

_Static_assert(sizeof(ev_io) <= sizeof(((struct loop_watcher *)0)->opaque), "room for a watcher");

/* A loop has four. */
#define OWN_MAX 16
/* What a poll finds is looked at, then left until its turn to run: of more than this, the first is out of the caches by
 * then, and who comes next, such as whoever accepts connections, would wait for all of them. */
#define FINDS_MAX 96

static int own[OWN_MAX];
static unsigned own_count;

static int owned(long fd)
{
	for (unsigned i = 0; i < own_count; i++)
		if (own[i] == (int)fd)
			return (int)fd;
	if (own_count < OWN_MAX)
		own[own_count++] = (int)fd;
	return (int)fd;
}

const int *loop_own_fds(unsigned *count)
{
	*count = own_count;
	return own;
}

static int move_high(long fd)
{
	return fd < 0 ? (int)fd : owned(highfd_move(fd));
}

int libev_epoll_create1(int flags)
{
	return move_high(kernel_call(SYS_epoll_create1, flags));
}

int libev_eventfd(unsigned value, int flags)
{
	return move_high(kernel_call(SYS_eventfd2, value, flags));
}

/* As libc returns it. */
static long returned(long ret)
{
	if (!kernel_failed(ret))
		return ret;
	errno = (int)-ret;
	return -1;
}

static int no_longer_than(uint64_t until_ns, int ms)
{
	uint64_t now, left;

	if (!ms || until_ns == DEADLINE_NEVER)
		return ms;
	now = now_ns();
	left = until_ns > now ? (until_ns - now + 999999) / 1000000 : 0;
	return left < (uint64_t)ms ? (int)left : ms;
}

int libev_epoll_ctl(int set, int op, int fd, struct epoll_event *event)
{
	long ret = kernel_call(SYS_epoll_ctl, set, op, fd, event);

	/* libev ends the process if the descriptor is none any more, and watches it no longer without memory. What may not
	 * be watched it takes for always ready: who waits will find out. */
	if (kernel_failed(ret) && ret != -ENOENT && ret != -EEXIST && ret != -EPERM) {
		fdwait_refused(cpu_self->hub, fd);
		ret = -EPERM;
	}
	return (int)returned(ret);
}

int libev_epoll_wait(int set, struct epoll_event *events, int max, int ms)
{
	struct cpu *cpu = cpu_self;
	bool waits;
	long ret;

	cpu->handled = 0;
	ms = no_longer_than(cpu->hub->loop->until_ns, ms);
	waits = ms && cpu_begin_wait(cpu, CPU_POLLS);
	hub_leave(cpu->hub);
	ret = kernel_call(SYS_epoll_pwait, set, events, max < FINDS_MAX ? max : FINDS_MAX, waits ? ms : 0, NULL, 0);
	hub_enter(cpu->hub);
	if (ms)
		cpu_end_wait(cpu);
	context_restore_tp();
	cpu->interrupted = ret == -EINTR && !cpu->handled;
	return (int)returned(ret);
}

ssize_t libev_read(int fd, void *buf, size_t size)
{
	return returned(kernel_call(SYS_read, fd, buf, size));
}

ssize_t libev_write(int fd, const void *buf, size_t size)
{
	return returned(kernel_call(SYS_write, fd, buf, size));
}

int libev_close(int fd)
{
	highfd_close(fd);
	return 0;
}

/* It would look twice in each turn, for timers that nobody has: the hub's are in a heap of its own. */
int libev_clock_gettime(clockid_t clock, struct timespec *ts)
{
	(void)clock;
	*ts = (struct timespec){1, 0};
	return 0;
}

int libev_gettimeofday(struct timeval *tv, void *zone)
{
	(void)zone;
	*tv = (struct timeval){0};
	return 0;
}

/* libev's few arrays, straight from the kernel: the hub may run while a greenlet is inside malloc. */
struct block {
	size_t size;
	size_t pad; /* keeps what follows aligned to 16 */
};

static struct block *resized(struct block *old, size_t size)
{
	struct block *b = reserve_map(size);

	if (b && old) {
		memcpy(b, old, old->size < size ? old->size : size);
		reserve_unmap(old, old->size);
	}
	return b;
}

static void *loop_realloc(void *ptr, long size)
{
	struct block *b = ptr ? (struct block *)ptr - 1 : NULL;

	if (!size) {
		if (b)
			reserve_unmap(b, b->size);
		return NULL;
	}
	size += (long)sizeof(struct block);
	b = resized(b, (size_t)size);
	if (!b)
		return NULL;
	b->size = (size_t)size;
	return b + 1;
}

static short poll_events(int revents)
{
	if (revents & EV_ERROR)
		return POLLIN | POLLOUT; /* let the waiters' own calls find the error */
	return (short)((revents & EV_READ ? POLLIN : 0) | (revents & EV_WRITE ? POLLOUT : 0));
}

static void on_fd(struct ev_loop *ev, ev_io *w, int revents)
{
	struct loop *loop = ev_userdata(ev);

	fdwait_fired(loop->hub, w->fd, poll_events(revents));
}

/* The hub looks at its heap after every poll; the expiry is not read: setting the timer anew clears it. */
static void on_timer(struct ev_loop *ev, ev_io *w, int revents)
{
	struct loop *loop = ev_userdata(ev);
	struct itimerspec off = {{0, 0}, {0, 0}};

	(void)w, (void)revents;
	kernel_call(SYS_timerfd_settime, loop->timer_fd, 0, &off, NULL);
	loop->armed_ns = DEADLINE_NEVER;
}

static void on_wakeup(struct ev_loop *ev, ev_async *w, int revents)
{
	(void)ev, (void)w, (void)revents;
}

/* POLLPRI, POLLRDHUP and the like have the same values in poll(2) and epoll(7). */
static void on_rare(struct ev_loop *ev, ev_io *w, int revents)
{
	struct loop *loop = ev_userdata(ev);
	struct epoll_event events[16];
	long n = kernel_call(SYS_epoll_pwait, w->fd, events, 16, 0, NULL, 0);

	(void)revents;
	for (long i = 0; i < n; i++) {
		short got = (short)events[i].events;

		if (got & (POLLERR | POLLHUP))
			got |= FD_RARE;
		fdwait_fired(loop->hub, events[i].data.fd, got & FD_RARE);
	}
}

static void watch_rare(struct loop *loop, int fd, short before, short events)
{
	struct epoll_event e = {.events = (uint32_t)(events & FD_RARE & ~POLLERR), .data.fd = fd};

	/* EPERM: a regular file, where such events never come. */
	if (!events)
		kernel_call(SYS_epoll_ctl, loop->rare_fd, EPOLL_CTL_DEL, fd, &e);
	else if (!before || kernel_call(SYS_epoll_ctl, loop->rare_fd, EPOLL_CTL_MOD, fd, &e) < 0)
		kernel_call(SYS_epoll_ctl, loop->rare_fd, EPOLL_CTL_ADD, fd, &e);
}

static void start_watchers(struct loop *loop)
{
	ev_io_init(&loop->timer, on_timer, loop->timer_fd, EV_READ);
	ev_set_priority(&loop->timer, EV_MAXPRI);
	ev_io_start(loop->ev, &loop->timer);
	ev_async_init(&loop->wakeup, on_wakeup);
	ev_async_start(loop->ev, &loop->wakeup);
	ev_io_init(&loop->rare, on_rare, loop->rare_fd, EV_READ);
	ev_io_start(loop->ev, &loop->rare);
}

static void close_own(int fd)
{
	if (fd >= 0)
		highfd_close(fd);
}

/* libev would abort when it comes to make its own. */
static bool may_have_eventfd(void)
{
	long fd = kernel_call(SYS_eventfd2, 0, 0);

	close_own((int)fd);
	return fd >= 0;
}

struct loop *loop_open(struct hub *hub)
{
	struct loop *loop;

	ev_set_allocator(loop_realloc);
	loop = loop_realloc(NULL, sizeof(*loop));
	if (!loop)
		return NULL;
	loop->hub = hub;
	loop->until_ns = DEADLINE_NEVER;
	loop->armed_ns = DEADLINE_NEVER;
	loop->timer_fd = move_high(kernel_call(SYS_timerfd_create, CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
	loop->rare_fd = move_high(kernel_call(SYS_epoll_create1, EPOLL_CLOEXEC));
	if (loop->timer_fd >= 0 && loop->rare_fd >= 0)
		loop->ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV | EVFLAG_NOSIGMASK);
	if (!loop->ev || !may_have_eventfd()) {
		loop_close(loop);
		return NULL;
	}
	ev_set_userdata(loop->ev, loop);
	start_watchers(loop);
	return loop;
}

void loop_close(struct loop *loop)
{
	own_count = 0;
	if (loop->ev)
		ev_loop_destroy(loop->ev);
	close_own(loop->timer_fd);
	close_own(loop->rare_fd);
	loop_realloc(loop, 0);
}

static void set_timer(struct loop *loop, uint64_t deadline_ns)
{
	struct itimerspec at = {.it_value = {(time_t)(deadline_ns / NS_PER_SEC), (long)(deadline_ns % NS_PER_SEC)}};

	if (!at.it_value.tv_sec && !at.it_value.tv_nsec)
		at.it_value.tv_nsec = 1; /* zero would disarm */
	if (kernel_failed(kernel_call(SYS_timerfd_settime, loop->timer_fd, TFD_TIMER_ABSTIME, &at, NULL)))
		loop->until_ns = deadline_ns;
	else
		loop->armed_ns = deadline_ns;
}

void loop_sooner(struct loop *loop, uint64_t deadline_ns)
{
	/* A later deadline than the armed one needs no call: the timer fires early once, and is set again then. */
	if (deadline_ns < loop->armed_ns)
		set_timer(loop, deadline_ns);
}

void loop_poll(struct loop *loop, bool block, uint64_t deadline_ns)
{
	if (block)
		loop_sooner(loop, deadline_ns);
	ev_run(loop->ev, block ? EVRUN_ONCE : EVRUN_NOWAIT);
	loop->until_ns = DEADLINE_NEVER;
}

void loop_wakeup(struct loop *loop)
{
	ev_async_send(loop->ev, &loop->wakeup);
}

void loop_watch(struct loop *loop, struct loop_watcher *watcher, int fd, short events)
{
	ev_io *w = (ev_io *)watcher->opaque;
	int wanted = (events & POLLIN ? EV_READ : 0) | (events & POLLOUT ? EV_WRITE : 0);

	if (watcher->rare != (events & FD_RARE))
		watch_rare(loop, fd, watcher->rare, events & FD_RARE);
	watcher->rare = events & FD_RARE;
	if (ev_is_active(w))
		ev_io_stop(loop->ev, w);
	if (!wanted)
		return;
	ev_io_init(w, on_fd, fd, wanted);
	ev_io_start(loop->ev, w);
}
