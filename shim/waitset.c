#include "waitset.h"

#include <errno.h>
#include <poll.h>

#include "channel.h"
#include "fd.h"
#include "scratch.h"
#include "thread.h"
#include "timeout.h"
#include "user.h"

int waitset_open(struct waitset *s, unsigned n)
{
	s->used = 0;
	s->depends = false;
	s->size = n;
	s->waiters = n <= WAITSET_FEW ? s->few : scratch_get(n * sizeof(*s->waiters));
	return s->waiters ? 0 : -ENOMEM;
}

static short known_events(short events)
{
	short known = events & (POLLIN | POLLOUT | FD_RARE) & ~POLLERR;

	if (events & POLLRDNORM)
		known |= POLLIN;
	if (events & POLLWRNORM)
		known |= POLLOUT;
	return known ? known : POLLERR;
}

void waitset_add(struct waitset *s, int fd, short events)
{
	struct fd_waiter *w = &s->waiters[s->used];

	*w = (struct fd_waiter){.fiber = fiber_self, .fd = fd, .events = known_events(events)};
	if (fdwait_add(w))
		return;
	s->used++;
	if (threads.hub.home_polls)
		s->depends |= waitset_depends(fd);
	channel_waits(fd, w->events);
}

bool waitset_depends(int fd)
{
	const struct fd *f = fd_get(fd);

	return !f || f->kind == FD_UNKNOWN || f->kind == FD_ANON;
}

void waitset_go_home(void)
{
	if (threads.hub.home_polls)
		hub_go_home();
}

long waitset_park(struct waitset *s, const char *why, uint64_t deadline_ns)
{
	long ret;

	if (s->depends)
		waitset_go_home();
	ret = thread_park(why, deadline_ns);
	for (unsigned i = 0; i < s->used; i++)
		fdwait_remove(&s->waiters[i]);
	s->used = 0;
	fd_looked();
	return ret;
}

/* Signals are home's. */
bool waitset_let_in(const uint64_t *mask)
{
	if (!mask)
		return false;
	hub_go_home();
	signals_mask_temporary(*mask);
	return signals_interrupt(thread_self());
}

void waitset_close(struct waitset *s)
{
	if (s->waiters != s->few)
		scratch_put(s->waiters, s->size * sizeof(*s->waiters));
}

long waitset_finish(long ret, void *timeout, long unit_ns, uint64_t deadline_ns)
{
	struct timespec left;

	if (!timeout || !deadline_ns || ret == CALL_PASS)
		return ret;
	if (timeouts_stay)
		return ret == -ERESTARTNOHAND ? -EINTR : ret;
	left = timeout_left(deadline_ns);
	left.tv_nsec /= unit_ns;
	return user_put(timeout, &left) && ret == -ERESTARTNOHAND ? -EINTR : ret;
}
