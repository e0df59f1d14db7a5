/* sync_event.c - Event and AsyncResult. */
#include <errno.h>

#include "sync.h"

void greenlet_event_set(struct greenlet_event *e)
{
	e->set = true;
	sync_wake_all(&e->waiters);
}

void greenlet_event_clear(struct greenlet_event *e)
{
	e->set = false;
}

int greenlet_event_wait(struct greenlet_event *e, uint64_t timeout_ns)
{
	struct sync_waiter w;

	if (e->set)
		return 0;
	return timeout_ns ? sync_wait(&e->waiters, &w, "event", deadline_of(timeout_ns)) : -ETIMEDOUT;
}

void greenlet_async_set(struct greenlet_async_result *r, void *value)
{
	r->exception.type = NULL;
	r->value = value;
	greenlet_event_set(&r->ready);
}

int greenlet_async_throw(struct greenlet_async_result *r, const struct greenlet_type *type, void *value)
{
	if (!type_valid(type))
		return -EINVAL;
	r->exception = (struct greenlet_exception){type, value};
	greenlet_event_set(&r->ready);
	return 0;
}

int greenlet_async_get(struct greenlet_async_result *r, uint64_t timeout_ns, void **out)
{
	int err = greenlet_event_wait(&r->ready, timeout_ns);

	if (err)
		return err;
	if (r->exception.type)
		return greenlet_raise(r->exception.type, r->exception.value);
	if (out)
		*out = r->value;
	return 0;
}
