/* greenlet_local.c - greenlet-local values: few per greenlet, so a plain array. */
#include <errno.h>
#include <stdlib.h>

#include "greenlet_impl.h"

static struct local_value *find(const struct greenlet *g, const struct greenlet_local *key)
{
	for (size_t i = 0; i < g->local_count; i++)
		if (g->locals[i].key == key)
			return &g->locals[i];
	return NULL;
}

void *greenlet_local_get(struct greenlet_local *key)
{
	const struct local_value *v = find(thread_state()->current, key);

	return v ? v->value : NULL;
}

int greenlet_local_set(struct greenlet_local *key, void *value)
{
	struct greenlet *g = thread_state()->current;
	struct local_value *v = find(g, key);

	if (!v) {
		v = realloc(g->locals, (g->local_count + 1) * sizeof(*v));
		if (!v)
			return -ENOMEM;
		g->locals = v;
		v += g->local_count++;
		v->key = key;
	}
	v->value = value;
	return 0;
}

/* A destructor may set values again: until none is left. */
void locals_destroy(struct greenlet *g)
{
	while (g->local_count) {
		struct local_value v = g->locals[--g->local_count];

		if (v.key->destroy && v.value)
			v.key->destroy(v.value);
	}
	free(g->locals);
	g->locals = NULL;
}
