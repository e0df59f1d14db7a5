/* sync_lock.c - Semaphore, RLock, Condition. What is released goes straight to the first who waits: nobody barges in. */
#include <errno.h>

#include "sync.h"

int greenlet_acquire(struct greenlet_semaphore *s, uint64_t timeout_ns)
{
	struct sync_waiter w;
	int ret;

	if (s->value) {
		s->value--;
		return 0;
	}
	if (!timeout_ns)
		return -EAGAIN;
	ret = sync_wait(&s->waiters, &w, "semaphore", deadline_of(timeout_ns));
	if (ret && w.granted) /* an exception came after it */
		greenlet_release(s);
	return ret;
}

int greenlet_release(struct greenlet_semaphore *s)
{
	if (s->bound && s->value >= s->bound)
		return -EOVERFLOW;
	if (!sync_wake(&s->waiters))
		s->value++;
	return 0;
}

static void hand_on(struct greenlet_rlock *l)
{
	struct sync_waiter *w = sync_wake(&l->waiters);

	l->owner = w ? ((struct greenlet *)w->fiber)->handle : NULL;
	l->count = w ? 1 : 0;
}

int greenlet_lock(struct greenlet_rlock *l, uint64_t timeout_ns)
{
	greenlet_t self = greenlet_current();
	struct sync_waiter w;
	int ret;

	if (!l->owner || l->owner == self) {
		l->owner = self;
		l->count++;
		return 0;
	}
	if (!timeout_ns)
		return -EAGAIN;
	ret = sync_wait(&l->waiters, &w, "lock", deadline_of(timeout_ns));
	if (ret && w.granted)
		hand_on(l);
	return ret;
}

int greenlet_unlock(struct greenlet_rlock *l)
{
	if (l->owner != greenlet_current())
		return -EPERM;
	if (--l->count == 0)
		hand_on(l);
	return 0;
}

/* Locks again whatever comes: exceptions are kept for the end. */
static int lock_again(struct greenlet_rlock *l, unsigned count, int ret)
{
	struct greenlet *self = thread_state()->current;
	struct greenlet_exception pending = self->pending;
	int err;

	do {
		err = greenlet_lock(l, GREENLET_FOREVER);
		if (err == GREENLET_THROWN) {
			pending = self->pending;
			ret = err;
		}
	} while (err == GREENLET_THROWN || err == -EINTR);
	self->pending = pending;
	l->count = count;
	return ret;
}

int greenlet_condition_wait(struct greenlet_condition *c, struct greenlet_rlock *l, uint64_t timeout_ns)
{
	unsigned count = l->count;
	struct sync_waiter w;
	int ret;

	if (l->owner != greenlet_current())
		return -EPERM;
	hand_on(l);
	ret = sync_wait(&c->waiters, &w, "condition", deadline_of(timeout_ns));
	if (ret && w.granted)
		greenlet_condition_notify(c, 1);
	return lock_again(l, count, ret);
}

void greenlet_condition_notify(struct greenlet_condition *c, unsigned count)
{
	while (count-- > 0 && sync_wake(&c->waiters))
		;
}
