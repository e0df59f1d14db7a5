#include "fdwait.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>

#include "loop.h"
#include "reserve.h"

/* A watcher that fires this often in a row with nobody waiting is stopped. */
#define IDLE_FIRES 4

#define EITHER (POLLIN | POLLOUT)
#define KNOWN (EITHER | FD_RARE)

/* One descriptor number. Lives as long as the hub: numbers are reused. */
struct fd_record {
	struct list waiters; /* struct fd_waiter, FIFO; initialised with the record's first use */
	struct list woken;   /* of the exclusive ones, and fdwait_keep: about to use it */
	unsigned lookers;    /* of them: those that are not exclusive */
	struct list arm;     /* in hub->arm while the loop has to be told of `watched` */
	struct hub *hub;
	int fd;
	short watched; /* what the loop watches, or will once told */
	unsigned char idle;
	bool refused;
	struct loop_watcher watcher;
};

/* Two levels: a chunk of records is mapped when first needed. */
#define CHUNK_BITS 10
#define CHUNK (1 << CHUNK_BITS)
#define CHUNKS 4096
#define FDS_MAX (CHUNK * CHUNKS)

static struct fd_record *find(const struct hub *hub, int fd)
{
	struct fd_record *chunk;

	if (fd < 0 || fd >= FDS_MAX || !hub->fds)
		return NULL;
	chunk = hub->fds[fd >> CHUNK_BITS];
	if (!chunk || !chunk[fd & (CHUNK - 1)].hub)
		return NULL;
	return &chunk[fd & (CHUNK - 1)];
}

static struct fd_record *make(struct hub *hub, int fd)
{
	struct fd_record **chunk, *r;

	if (!hub->fds && !(hub->fds = reserve_map(CHUNKS * sizeof(*hub->fds))))
		return NULL;
	chunk = &hub->fds[fd >> CHUNK_BITS];
	if (!*chunk && !(*chunk = reserve_map(CHUNK * sizeof(**chunk))))
		return NULL;
	r = &(*chunk)[fd & (CHUNK - 1)];
	r->hub = hub;
	r->fd = fd;
	list_init(&r->waiters);
	list_init(&r->woken);
	return r;
}

static void want(struct fd_record *r, short events)
{
	struct cpu *poller = r->hub->poller;

	r->watched = events;
	if (!list_linked(&r->arm))
		list_push(&r->hub->arm, &r->arm);
	if (poller && poller != cpu_self)
		cpu_poke(poller); /* it waits for what was watched before */
}

static void link_waiter(struct fd_record *r, struct fd_waiter *w)
{
	/* A hang-up or an error is reported whatever was asked for, and the loop watches at least one thing. */
	short events = w->events & KNOWN ? w->events & KNOWN : POLLIN;

	list_push(&r->waiters, &w->node);
	r->lookers += !w->exclusive;
	r->hub->waiters++;
	r->idle = 0;
	if (events & ~r->watched)
		want(r, r->watched | events);
}

int fdwait_add(struct fd_waiter *w)
{
	struct hub *hub = w->fiber->hub;
	struct fd_record *r = find(hub, w->fd);

	w->revents = 0;
	if (w->fd < 0 || w->fd >= FDS_MAX)
		return -EBADF;
	if (!r && !(r = make(hub, w->fd)))
		return -ENOMEM;
	link_waiter(r, w);
	return 0;
}

void fdwait_keep(struct fd_waiter *w)
{
	struct hub *hub = w->fiber->hub;
	struct fd_record *r = find(hub, w->fd);

	if (w->fd < 0 || w->fd >= FDS_MAX || (!r && !(r = make(hub, w->fd))))
		return;
	w->exclusive = true;
	w->revents = POLLIN;
	list_push(&r->woken, &w->node);
}

void fdwait_remove(struct fd_waiter *w)
{
	if (!list_linked(&w->node))
		return;
	list_remove(&w->node);
	if (w->revents)
		return; /* it was among the woken */
	w->fiber->hub->waiters--;
	if (!w->exclusive)
		find(w->fiber->hub, w->fd)->lookers--;
}

long fdwait(int fd, short events, const char *why, uint64_t deadline_ns)
{
	struct fd_waiter w = {.fiber = fiber_self, .fd = fd, .events = events, .exclusive = true};
	long ret = fdwait_add(&w);

	if (ret)
		return ret;
	ret = hub_park(why, deadline_ns);
	fdwait_remove(&w);
	return ret;
}

bool fdwait_has_waiters(struct hub *hub, int fd)
{
	struct fd_record *r = find(hub, fd);

	return r && (!list_empty(&r->waiters) || !list_empty(&r->woken));
}

bool fdwait_known(struct hub *hub, int fd)
{
	struct fd_record *r = find(hub, fd);

	return fdwait_has_waiters(hub, fd) || (r && (r->watched || list_linked(&r->arm)));
}

int fdwait_next(struct hub *hub, int fd)
{
	for (; hub->fds && fd >= 0 && fd < FDS_MAX; fd++) {
		if (!hub->fds[fd >> CHUNK_BITS])
			fd |= CHUNK - 1;
		else if (fdwait_known(hub, fd))
			return fd;
	}
	return -1;
}

static void unwatch(void *arg)
{
	struct fd_record *r = arg;

	r->watched = 0;
	list_remove(&r->arm);
	loop_watch(r->hub->loop, &r->watcher, r->fd, 0);
}

void fdwait_forget(struct hub *hub, int fd, long value)
{
	struct fd_record *r = find(hub, fd);
	struct list *node;

	if (!r)
		return;
	r->lookers = 0;
	while (list_pop(&r->woken))
		;
	while ((node = list_pop(&r->waiters))) {
		hub->waiters--;
		hub_wake(LIST_ENTRY(node, struct fd_waiter, node)->fiber, value);
	}
	if (r->watched || list_linked(&r->arm))
		hub_call(unwatch, r);
}

void fdwait_move(struct hub *hub, int from, int to)
{
	struct fd_record *r = find(hub, from), *t = find(hub, to);
	struct list *node;

	if (!r)
		return;
	if (!t)
		t = make(hub, to);
	while (t && (node = list_pop(&r->waiters))) {
		struct fd_waiter *w = LIST_ENTRY(node, struct fd_waiter, node);

		hub->waiters--;
		r->lookers -= !w->exclusive;
		w->fd = to;
		link_waiter(t, w);
	}
	while (t && (node = list_pop(&r->woken))) {
		LIST_ENTRY(node, struct fd_waiter, node)->fd = to;
		list_push(&t->woken, node);
	}
	fdwait_forget(hub, from, -EBADF);
}

void fdwait_arm(struct hub *hub)
{
	struct list *node;

	while ((node = list_pop(&hub->arm))) {
		struct fd_record *r = LIST_ENTRY(node, struct fd_record, arm);

		loop_watch(hub->loop, &r->watcher, r->fd, r->watched);
	}
}

static void fire(struct fd_record *r, struct fd_waiter *w, short revents, long guess)
{
	fdwait_remove(w);
	w->revents = revents;
	if (w->exclusive)
		list_push(&r->woken, &w->node);
	hub_wake(w->fiber, revents | guess);
}

void fdwait_refused(struct hub *hub, int fd)
{
	struct fd_record *r = find(hub, fd);

	if (r)
		r->refused = true;
}

/* Everyone finds out by a call of its own; the next wait is another try. */
static void answer_refused(struct fd_record *r)
{
	struct list *node;

	r->refused = false;
	want(r, 0);
	while ((node = r->waiters.next) != &r->waiters) {
		struct fd_waiter *w = LIST_ENTRY(node, struct fd_waiter, node);

		fire(r, w, w->events & KNOWN ? w->events & KNOWN : EITHER, 0);
	}
}

/* Everyone who only looks is woken; of those who will consume, the first for each direction. What somebody waited for. */
static short fire_all(struct fd_record *r, short revents, long guess)
{
	short left = revents, hit = 0;

	LIST_EACH_SAFE(node, &r->waiters) {
		struct fd_waiter *w = LIST_ENTRY(node, struct fd_waiter, node);
		short events = w->events & KNOWN ? w->events & KNOWN : EITHER;
		short got = (w->exclusive ? left : revents) & events;

		if (!left && !r->lookers)
			break;
		if (!got)
			continue;
		if (w->exclusive)
			left &= (short)~got;
		hit |= got;
		fire(r, w, got, guess);
	}
	return hit;
}

void fdwait_guess(struct hub *hub, int fd, short events)
{
	struct fd_record *r = find(hub, fd);

	if (r && !list_empty(&r->waiters))
		fire_all(r, events, FD_GUESS);
}

void fdwait_fired(struct hub *hub, int fd, short revents)
{
	struct fd_record *r = find(hub, fd);

	if (!r)
		return;
	if (r->refused) {
		answer_refused(r);
		return;
	}
	/* A direction with nobody waiting for it keeps firing: after a few, stop watching it. */
	if (fire_all(r, revents, 0)) {
		r->idle = 0;
	} else if (++r->idle >= IDLE_FIRES) {
		r->idle = 0;
		want(r, r->watched & (short)~revents);
	}
}

void fdwait_reset(struct hub *hub)
{
	if (!hub->fds)
		return;
	for (int i = 0; i < CHUNKS; i++)
		if (hub->fds[i])
			reserve_unmap(hub->fds[i], CHUNK * sizeof(struct fd_record));
	reserve_unmap(hub->fds, CHUNKS * sizeof(*hub->fds));
	hub->fds = NULL;
}
