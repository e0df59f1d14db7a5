/* greenlet_spawn.c - starting, joining, killing; timeouts. */
#include <errno.h>
#include <stdlib.h>

#include "greenlet_hub.h"

static int queue(struct thread_state *t, struct greenlet *g, void *value)
{
	int err = greenlet_prepare(t, g);

	if (err)
		return err;
	g->start_value = value;
	g->fiber.hub = &hub_of(t)->hub;
	greenlet_hold(g); /* the hub's */
	hub_start(&g->fiber);
	return 0;
}

int greenlet_start(greenlet_t handle, void *value)
{
	struct thread_state *t = thread_state();
	struct greenlet *g;
	int err = greenlet_lookup(handle, &g);

	if (err)
		return err;
	if (g->life != LIFE_UNSTARTED || g->fiber.state != FIBER_NEW)
		return -EBUSY;
	if (greenlet_owner(g) != t)
		return -EXDEV;
	return hub_of(t) ? queue(t, g, value) : -ENOMEM;
}

greenlet_t greenlet_spawn(greenlet_run *run, void *value)
{
	greenlet_t hub = greenlet_hub();
	greenlet_t g = hub ? greenlet_new(run, hub) : NULL;

	if (g && greenlet_start(g, value)) {
		greenlet_unref(g);
		return NULL;
	}
	return g;
}

int greenlet_sleep(uint64_t ns)
{
	int ret = ns ? greenlet_block("sleep", deadline_in(ns)) : greenlet_let_run();

	return ret == -ETIMEDOUT ? 0 : ret;
}

/* Others that idle too do not count. */
static bool somebody_is_ready(const struct greenlet_hub *h)
{
	for (const struct fiber *f = h->hub.head; f; f = f->next)
		if (!((const struct greenlet *)f)->idles)
			return true;
	return false;
}

int greenlet_idle(void)
{
	struct thread_state *t = thread_state();
	struct greenlet *self = t->current;
	struct greenlet_hub *h = hub_of(t);
	uint64_t polls = h ? h->hub.polls : 0;
	int ret;

	if (!h)
		return -ENOMEM;
	self->idles = true;
	do
		ret = greenlet_let_run();
	while (!ret && (h->hub.polls == polls || somebody_is_ready(h)));
	self->idles = false;
	return ret;
}

static void watch(struct greenlet *g, struct death_link *link, struct thread_state *t)
{
	link->joiner = &t->current->fiber;
	list_push(&g->links, &link->node);
}

int greenlet_join(greenlet_t g, uint64_t timeout_ns)
{
	int ret = greenlet_wait(&g, 1, 1, timeout_ns);

	return ret < 0 ? ret : 0;
}

int greenlet_get(greenlet_t handle, uint64_t timeout_ns, void **out)
{
	int err = greenlet_join(handle, timeout_ns);
	struct greenlet *g = greenlet_find(handle);

	if (err)
		return err;
	return g ? greenlet_deliver(thread_state()->current, &g->result, out) : -ESTALE;
}

struct greenlet_exception greenlet_failure(greenlet_t handle)
{
	struct greenlet *g = greenlet_find(handle);

	if (!g || g->life != LIFE_DEAD || !message_throws(&g->result))
		return (struct greenlet_exception){NULL, NULL};
	return (struct greenlet_exception){g->result.type, g->result.value};
}

/* How many are dead, or why none can be waited for. */
static int count_dead(struct thread_state *t, const greenlet_t *handles, size_t n)
{
	int dead = 0;

	for (size_t i = 0; i < n; i++) {
		struct greenlet *g;
		int err = greenlet_lookup(handles[i], &g);

		if (err)
			return err;
		if (g->life == LIFE_DEAD)
			dead++;
		else if (greenlet_owner(g) != t)
			return -EXDEV;
		else if (g == t->current && n == 1)
			return -EDEADLK;
	}
	return dead;
}

/* SWITCHES. Waits until the next of them dies. */
static int wait_death(struct thread_state *t, const greenlet_t *handles, size_t n, uint64_t deadline_ns)
{
	struct death_link one = {0}, *links = n == 1 ? &one : calloc(n, sizeof(*links));
	int ret;

	if (!links)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct greenlet *g = greenlet_find(handles[i]);

		if (g->life != LIFE_DEAD)
			watch(g, &links[i], t);
	}
	ret = greenlet_block("join", deadline_ns);
	for (size_t i = 0; i < n; i++)
		list_remove(&links[i].node);
	if (links != &one)
		free(links);
	return ret;
}

int greenlet_wait(const greenlet_t *handles, size_t n, size_t count, uint64_t timeout_ns)
{
	struct thread_state *t = thread_state();
	uint64_t deadline_ns = timeout_ns ? deadline_of(timeout_ns) : 0;
	int dead, ret = 0;

	if (count > n)
		return -EINVAL;
	for (;;) {
		dead = count_dead(t, handles, n);
		if (dead < 0 || (size_t)dead >= count || ret == -ETIMEDOUT)
			break;
		ret = timeout_ns ? wait_death(t, handles, n, deadline_ns) : -ETIMEDOUT;
		if (ret < 0 && ret != -ETIMEDOUT)
			return ret;
	}
	return dead >= 0 && (size_t)dead < count ? -ETIMEDOUT : dead;
}

/* Of those not told of yet, the one that died first. */
static int next_dead(const greenlet_t *handles, size_t n, const bool *done, bool *any_left)
{
	uint64_t first = UINT64_MAX;
	int found = -1;

	*any_left = false;
	for (size_t i = 0; i < n; i++) {
		const struct greenlet *g = done[i] ? NULL : greenlet_find(handles[i]);

		if (!g)
			continue;
		*any_left = true;
		if (g->life == LIFE_DEAD && g->died < first) {
			first = g->died;
			found = (int)i;
		}
	}
	return found;
}

int greenlet_iwait(const greenlet_t *handles, size_t n, bool *done, uint64_t timeout_ns)
{
	struct thread_state *t = thread_state();
	uint64_t deadline_ns = timeout_ns ? deadline_of(timeout_ns) : 0;
	int ret = count_dead(t, handles, n);
	bool left;

	while (ret >= 0) {
		int i = next_dead(handles, n, done, &left);

		if (i >= 0) {
			done[i] = true;
			return i;
		}
		if (!left)
			return -ENOENT;
		ret = timeout_ns ? wait_death(t, handles, n, deadline_ns) : -ETIMEDOUT;
	}
	return ret;
}

static void kill_unstarted(struct thread_state *t, struct greenlet *g, struct greenlet_exception e)
{
	struct message m = message_throw(e.type, e.value);

	if (message_exits(&m))
		m = message_value(e.value);
	greenlet_hold(g);
	if (g->fiber.state == FIBER_READY)
		t->ops->claim(t, g);
	stack_put(&t->stacks, g->stack);
	g->stack = NULL;
	greenlet_is_dead(t, g, &m);
	greenlet_drop(t, g);
}

static int killable(struct thread_state *t, struct greenlet *g)
{
	if (g->is_main || g->is_hub)
		return -EPERM;
	if (greenlet_owner(g) != t)
		return -EXDEV;
	return hub_of(t) ? 0 : -ENOMEM;
}

int greenlet_kill(greenlet_t handle, const struct greenlet_type *type, void *value, uint64_t timeout_ns)
{
	struct greenlet_exception e = {type ? type : GREENLET_EXIT, value};
	struct thread_state *t = thread_state();
	struct greenlet *g;
	int err = greenlet_lookup(handle, &g);

	if (err || g->life == LIFE_DEAD)
		return err;
	if (!type_valid(e.type))
		return -EINVAL;
	err = killable(t, g);
	if (err)
		return err;
	if (g == t->current)
		return greenlet_raise(e.type, e.value);
	if (g->life == LIFE_UNSTARTED)
		kill_unstarted(t, g, e);
	else
		greenlet_inject(g, e);
	return timeout_ns ? greenlet_join(handle, timeout_ns) : 0;
}

int greenlet_killall(const greenlet_t *handles, size_t n, uint64_t timeout_ns)
{
	for (size_t i = 0; i < n; i++) {
		int err = greenlet_kill(handles[i], NULL, NULL, 0);

		if (err)
			return err;
	}
	if (!timeout_ns)
		return 0;
	return greenlet_wait(handles, n, n, timeout_ns) < 0 ? -ETIMEDOUT : 0;
}

int greenlet_link(greenlet_t handle, void (*fn)(greenlet_t g, void *arg), void *arg)
{
	struct thread_state *t = thread_state();
	struct death_link *link;
	struct greenlet *g;
	int err = greenlet_lookup(handle, &g);

	if (err)
		return err;
	link = hub_of(t) ? calloc(1, sizeof(*link)) : NULL;
	if (!link)
		return -ENOMEM;
	link->fn = fn;
	link->arg = arg;
	list_push(&g->links, &link->node);
	if (g->life == LIFE_DEAD)
		t->ops->died(t, g);
	return 0;
}

int greenlet_unlink(greenlet_t handle, void (*fn)(greenlet_t g, void *arg), void *arg)
{
	struct greenlet *g;
	int err = greenlet_lookup(handle, &g);

	if (err)
		return err;
	LIST_EACH_SAFE(node, &g->links) {
		struct death_link *link = LIST_ENTRY(node, struct death_link, node);

		if (link->fn != fn || link->arg != arg)
			continue;
		list_remove(node);
		free(link);
		return 0;
	}
	return -ENOENT;
}

void greenlet_timeout_start(struct greenlet_timeout *timeout, uint64_t ns)
{
	struct greenlet *self = thread_state()->current;

	timeout->deadline_ns = deadline_of(ns);
	timeout->outer = self->timeouts;
	timeout->active = true;
	self->timeouts = timeout;
}

void greenlet_timeout_cancel(struct greenlet_timeout *timeout)
{
	struct greenlet_timeout **link = &thread_state()->current->timeouts;

	if (!timeout->active)
		return;
	while (*link && *link != timeout)
		link = &(*link)->outer;
	if (*link)
		*link = timeout->outer;
	timeout->active = false;
}
