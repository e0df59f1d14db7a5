/* greenlet_hub.c - the hub as a greenlet: blocking, what to say when everyone is stuck, its beginning and end, fork. */
#include "greenlet_hub.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static struct hub *hub_in(const struct thread_state *t)
{
	return &t->hub->hub;
}

static void running(struct thread_state *t, struct greenlet *g)
{
	g->fiber.hub = hub_in(t);
	g->fiber.cpu = &hub_in(t)->home;
	fiber_self = &g->fiber;
}

/* A switch goes to one that the hub holds: it is out of its hands, and so is its reference. */
static void claim(struct thread_state *t, struct greenlet *g)
{
	hub_claim(&g->fiber);
	greenlet_drop(t, g);
}

static size_t append(struct greenlet_hub *h, size_t used, const struct greenlet *g)
{
	char line[160];
	int n;

	if (g->fiber.state != FIBER_PARKED)
		return used;
	greenlet_describe(g->handle, line, sizeof(line));
	n = snprintf(h->report + used, REPORT_BYTES - used, "%s%s", used ? "\n" : "", line);
	return used + (size_t)n < REPORT_BYTES ? used + (size_t)n : used;
}

/* As gevent's LoopExit: the main greenlet is told. */
static void on_stall(struct hub *hub)
{
	struct greenlet_hub *h = (struct greenlet_hub *)hub;
	struct thread_state *t = h->thread;
	struct greenlet *last = t->current;
	size_t used;

	t->current = h->greenlet; /* who ran last waits too */
	h->report[0] = '\0';
	used = append(h, 0, t->main);
	LIST_EACH(node, &t->live)
		used = append(h, used, LIST_ENTRY(node, struct greenlet, node));
	h->report[used] = '\0';
	t->current = last;
	greenlet_inject(t->main, (struct greenlet_exception){GREENLET_WOULD_BLOCK, h->report});
}

void greenlet_inject(struct greenlet *g, struct greenlet_exception e)
{
	g->injected = e;
	if (g->fiber.state == FIBER_AWAY) {
		g->fiber.hub = hub_in(g->thread);
		g->fiber.state = FIBER_PARKED;
		greenlet_hold(g); /* the hub's, as of one that parks */
	}
	hub_wake(&g->fiber, -ECANCELED);
}

/* On the hub's stack: the greenlet's own is left. */
static void after_finish(struct fiber *f)
{
	struct thread_state *t = thread_state();

	greenlet_bury(t, (struct greenlet *)f);
}

static void finish(struct greenlet *g) __attribute__((noreturn));
static void finish(struct greenlet *g)
{
	(void)g;
	hub_finish(after_finish);
}

static struct greenlet_timeout *earliest(const struct greenlet *g, uint64_t deadline_ns)
{
	struct greenlet_timeout *first = NULL;

	for (struct greenlet_timeout *t = g->timeouts; t; t = t->outer)
		if (t->deadline_ns < (first ? first->deadline_ns : deadline_ns))
			first = t;
	return first;
}

static int time_is_out(struct greenlet_timeout *due)
{
	greenlet_timeout_cancel(due);
	return greenlet_raise(GREENLET_TIMEOUT, due);
}

/* SWITCHES. why NULL: only a yield. */
static int wait_here(struct thread_state *t, const char *why, uint64_t deadline_ns, struct message *got)
{
	struct greenlet *self = t->current;
	struct greenlet_timeout *due;
	struct tls_saved tls;
	long ret = 0;

	if (self->is_hub)
		return -EDEADLK;
	if (!hub_of(t))
		return -ENOMEM;
	greenlet_check_stack(self);
	due = earliest(self, deadline_ns);
	tls_save(&tls);
	greenlet_hold(self); /* the hub's: becomes the current one's when it arrives */
	if (why)
		ret = hub_park(why, due ? due->deadline_ns : deadline_ns);
	else
		hub_yield();
	tls_restore(&tls);
	*got = greenlet_arrived(t, self);
	if (!message_is_none(got))
		return 0;
	if (due && (why ? ret == -ETIMEDOUT : due->deadline_ns <= hub_in(t)->now_ns))
		return time_is_out(due);
	return (int)ret;
}

static int block(const char *why, uint64_t deadline_ns)
{
	struct thread_state *t = thread_state();
	struct message m;
	int ret = wait_here(t, why, deadline_ns, &m);

	if (ret == -EDEADLK || ret == -ENOMEM || ret == GREENLET_THROWN || message_is_none(&m))
		return ret;
	if (message_throws(&m))
		return greenlet_deliver(t->current, &m, NULL);
	return -EINTR;
}

int greenlet_block(const char *why, uint64_t deadline_ns)
{
	return block(why, deadline_ns);
}

int greenlet_let_run(void)
{
	return block(NULL, DEADLINE_NEVER);
}

/* Only a switch from elsewhere ends this, with its message. */
static int enter(struct thread_state *t, struct message *got)
{
	int ret = wait_here(t, "a switch", DEADLINE_NEVER, got);

	return !ret && message_is_none(got) ? -EINTR : ret;
}

static void poke(struct thread_state *t)
{
	hub_attention(hub_in(t));
}

static void close_hub(struct thread_state *t)
{
	struct greenlet_hub *h = t->hub;
	struct fiber *f, *next;

	for (f = h->hub.head; f; f = next) {
		struct greenlet *g = (struct greenlet *)f;

		next = f->next;
		f->state = FIBER_NEW;
		if (g->life == LIFE_UNSTARTED) {
			stack_put(&t->stacks, g->stack);
			g->stack = NULL;
		}
		greenlet_drop(t, g);
	}
	callback_run(&h->hub);
	callback_forget_all(h);
	hub_close(&h->hub);
	t->ops = NULL;
	t->hub = NULL;
	locals_destroy(h->greenlet);
	h->greenlet->life = LIFE_DEAD;
	greenlet_drop(t, t->main); /* as the thread of the hub's greenlet */
	greenlet_drop(t, h->greenlet);
	pthread_mutex_destroy(&h->lock);
	free(h);
}

/* Who waited on the hub, or was ready, stays behind in the parent process. Greenlets that are only switched to by hand
 * are the caller's own affair and go on. Stacks and references are kept: queues of waiters lead there. */
static void forget(struct greenlet *g)
{
	if (g->life == LIFE_ACTIVE)
		list_remove(&g->node);
	g->life = LIFE_DEAD;
	g->fiber.state = FIBER_DEAD;
	list_init(&g->links);
}

static void forked(struct thread_state *t)
{
	struct greenlet_hub *h = t->hub;

	if (t->current->is_hub)
		return; /* in a callback: it may only exec or exit */
	for (struct fiber *f = h->hub.head; f; f = f->next)
		if (((struct greenlet *)f)->life == LIFE_UNSTARTED)
			forget((struct greenlet *)f);
	hub_forked(&h->hub);
	if (t->main != t->current && t->main->fiber.state != FIBER_AWAY) {
		t->main->fiber.state = FIBER_AWAY;
		greenlet_drop(t, t->main);
	}
	LIST_EACH_SAFE(node, &t->live) {
		struct greenlet *g = LIST_ENTRY(node, struct greenlet, node);

		if (g->fiber.state == FIBER_PARKED || g->fiber.state == FIBER_READY)
			forget(g);
	}
	pthread_mutex_init(&h->lock, NULL);
	h->inbox = NULL;
	callback_forget_all(h);
	h->hub.attention = h->dead != NULL; /* who died before: groups count them */
}

static const struct hub_ops ops = {running, claim,     callback_died, callback_forget_links, finish, enter,
				   poke,    close_hub, forked};

static struct greenlet *hub_greenlet(struct thread_state *t)
{
	struct greenlet *g = slot_new(t);

	if (!g)
		return NULL;
	g->parent = t->main;
	g->thread = t;
	greenlet_hold(t->main);
	greenlet_hold(t->main);
	g->is_hub = true;
	g->life = LIFE_ACTIVE;
	g->name = "hub";
	g->fiber.state = FIBER_AWAY;
	return g;
}

static struct greenlet_hub *open_hub(struct thread_state *t)
{
	struct greenlet_hub *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	if (hub_open(&h->hub, &t->main->fiber)) {
		free(h);
		return NULL;
	}
	h->greenlet = hub_greenlet(t);
	if (!h->greenlet) {
		hub_close(&h->hub);
		free(h);
		return NULL;
	}
	h->thread = t;
	h->last = &h->first;
	h->dead_last = &h->dead;
	pthread_mutex_init(&h->lock, NULL);
	h->hub.on_attention = callback_run;
	h->hub.on_stall = on_stall;
	t->hub = h;
	t->ops = &ops;
	if (t->current != t->main) {
		t->main->fiber.state = FIBER_AWAY;
		t->current->fiber.state = FIBER_RUNNING;
		running(t, t->current);
	}
	return h;
}

struct greenlet_hub *hub_of(struct thread_state *t)
{
	return t->hub ? t->hub : open_hub(t);
}

greenlet_t greenlet_hub(void)
{
	struct greenlet_hub *h = hub_of(thread_state());

	return h ? h->greenlet->handle : NULL;
}
