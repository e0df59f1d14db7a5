/* fdwait.h - fibers wait for descriptors. Any number of waiters per descriptor, in both directions, FIFO.
 * Event masks are poll(2)'s: POLLIN, POLLOUT and FD_RARE. A hang-up or an error fires whatever was asked for.
 * A descriptor's watcher stays started after a wake-up (no epoll_ctl per request) and is stopped when it keeps firing
 * with nobody waiting. Before a watched descriptor is closed, fdwait_forget or fdwait_move must have been called. */
#ifndef CORE_FDWAIT_H
#define CORE_FDWAIT_H

#include <poll.h>

#include "hub.h"

/* Events that libev does not know. POLLERR alone waits for nothing but errors and hang-ups. */
#ifndef POLLRDHUP
#define POLLRDHUP 0x2000
#endif
#define FD_RARE (POLLPRI | 0x80 | 0x200 | 0x400 | POLLRDHUP | POLLERR) /* POLLRDBAND POLLWRBAND POLLMSG */

/* One wait for one descriptor; lives on the waiter's stack. */
struct fd_waiter {
	struct list node;
	struct fiber *fiber;
	int fd;
	short events;	/* asked for */
	short revents;	/* what fired: the events, POLLERR as both; 0 until then */
	bool exclusive; /* will consume: of several only the first is woken */
};

/* Links w (fd, events, exclusive, fiber set by the caller). 0, or -EBADF for fd < 0, -ENOMEM. */
int fdwait_add(struct fd_waiter *w);
/* Links w (fd, fiber) as one that was woken: it waits for nothing here, but is about to use the descriptor. */
void fdwait_keep(struct fd_waiter *w);
void fdwait_remove(struct fd_waiter *w); /* also fine after it fired or when never linked */

/* SWITCHES. Waits until fd is ready for any of events: > 0 (the events), -ETIMEDOUT, or what hub_wake gave. */
long fdwait(int fd, short events, const char *why, uint64_t deadline_ns);

/* True if the descriptor has waiters, or exclusive ones that were woken and have not run since / has a watcher or waiters. */
bool fdwait_has_waiters(struct hub *hub, int fd);
bool fdwait_known(struct hub *hub, int fd);
/* The lowest number from fd on that is; -1 if there is none. */
int fdwait_next(struct hub *hub, int fd);
/* Stops the watcher (on the hub's stack) and wakes the waiters with value, before the descriptor is closed. */
void fdwait_forget(struct hub *hub, int fd, long value);
/* Stops the watcher of `from` and has its waiters wait for `to` instead (a dup of the same file). Whom it woke just now
 * finds `to` in fd_waiter.fd, too. */
void fdwait_move(struct hub *hub, int from, int to);

/* For hub.c: apply the queued changes to the loop; descriptors that fired. */
void fdwait_arm(struct hub *hub);
void fdwait_fired(struct hub *hub, int fd, short revents);
/* fd may have become ready for events: wakes whom fdwait_fired would, with FD_GUESS in their value. */
#define FD_GUESS (1L << 16)
void fdwait_guess(struct hub *hub, int fd, short events);
void fdwait_refused(struct hub *hub, int fd); /* it cannot be watched now, and is about to be said to be ready, once */
void fdwait_reset(struct hub *hub);	      /* after fork */

#endif
