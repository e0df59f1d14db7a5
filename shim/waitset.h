/* waitset.h - one greenlet waits for several descriptors: poll's and select's common half.
 * Lives on the waiter's stack. What woke it is not told: the real call, made again, knows. */
#ifndef SHIM_WAITSET_H
#define SHIM_WAITSET_H

#include <stdbool.h>
#include <stdint.h>

#include "../core/fdwait.h"

#define WAITSET_FEW 4

struct waitset {
	struct fd_waiter *waiters;
	unsigned used, size;
	bool depends; /* on who asks */
	struct fd_waiter few[WAITSET_FEW];
};

/* Room for n descriptors. 0 or -ENOMEM. */
int waitset_open(struct waitset *s, unsigned n);
/* events: poll(2)'s; none at all waits for errors and hang-ups. A descriptor that cannot be waited for is left out. */
void waitset_add(struct waitset *s, int fd, short events);
/* SWITCHES. Until one of them is ready, a signal is due (-EINTR) or the deadline (-ETIMEDOUT). Forgets them all. */
long waitset_park(struct waitset *s, const char *why, uint64_t deadline_ns);
void waitset_close(struct waitset *s);

/* May it depend on who asks whether this one is ready (hub_poll_at_home)? Of sockets and pipes it does not. */
bool waitset_depends(int fd);
/* SWITCHES. It may: the rest of the call is made at home, if it has to be. */
void waitset_go_home(void);
/* SWITCHES. Nothing was ready: from here on the mask of ppoll or its like counts (NULL: there is none). True: it lets in what ends
 * the call. Before that a signal does not: what is ready comes first, and leaves it pending. */
bool waitset_let_in(const uint64_t *mask);

/* How poll and select end: what is left is written to where the timeout was, if there was one other than 0; unit_ns: 1 for
 * a timespec, 1000 for a timeval. A place that cannot be written does not matter, but the call cannot be restarted
 * (fs/select.c, poll_select_finish). */
long waitset_finish(long ret, void *timeout, long unit_ns, uint64_t deadline_ns);

#endif
