/* greenlet_exception.c - exceptions are {type, value}, pending in the greenlet where they were raised. */
#include <errno.h>

#include "greenlet_impl.h"

const struct greenlet_type greenlet_any = {"any", NULL};
const struct greenlet_type greenlet_exit = {"exit", &greenlet_any};
const struct greenlet_type greenlet_error = {"error", &greenlet_any};
const struct greenlet_type greenlet_timed_out = {"timeout", &greenlet_any};
const struct greenlet_type greenlet_would_block = {"would block for ever", &greenlet_any};

/* A longer derivation is taken for a cycle. */
#define DEPTH_MAX 64

bool greenlet_is(const struct greenlet_type *type, const struct greenlet_type *base)
{
	for (int depth = 0; type && depth < DEPTH_MAX; depth++, type = type->base)
		if (type == base)
			return true;
	return false;
}

bool type_valid(const struct greenlet_type *type)
{
	return type && type->name && greenlet_is(type, GREENLET_ANY);
}

int greenlet_raise(const struct greenlet_type *type, void *value)
{
	if (!type_valid(type))
		return -EINVAL;
	thread_state()->current->pending = (struct greenlet_exception){type, value};
	return GREENLET_THROWN;
}

bool greenlet_catch(const struct greenlet_type *type, void **value)
{
	struct greenlet_exception *e = &thread_state()->current->pending;

	if (!greenlet_is(e->type, type))
		return false;
	if (value)
		*value = e->value;
	*e = (struct greenlet_exception){NULL, NULL};
	return true;
}

struct greenlet_exception greenlet_pending(void)
{
	return thread_state()->current->pending;
}
