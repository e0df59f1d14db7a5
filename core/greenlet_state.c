/* greenlet_state.c - what can be asked of a greenlet and told to it. */
#include <errno.h>
#include <stdio.h>
#include <unwind.h>

#include "greenlet_impl.h"
#include "visit.h"

greenlet_t greenlet_current(void)
{
	return thread_state()->current->handle;
}

greenlet_t greenlet_main(void)
{
	return thread_state()->main->handle;
}

greenlet_t greenlet_parent(greenlet_t handle)
{
	struct greenlet *g = greenlet_find(handle);

	return g && g->parent ? g->parent->handle : NULL;
}

static bool reaches(const struct greenlet *from, const struct greenlet *to)
{
	while (from && from != to)
		from = from->parent;
	return from;
}

/* Unstarted, but the hub has it. */
static bool queued(const struct greenlet *g)
{
	return g->fiber.state == FIBER_READY;
}

int greenlet_set_parent(greenlet_t handle, greenlet_t parent)
{
	struct thread_state *t = thread_state();
	struct greenlet *g, *p, *old;
	int err = greenlet_lookup(handle, &g);

	if (!err)
		err = greenlet_lookup(parent, &p);
	if (err)
		return err;
	if (g->is_main || g->is_hub)
		return -EPERM;
	if (reaches(p, g))
		return -ELOOP;
	if ((g->life == LIFE_ACTIVE || queued(g)) && (greenlet_owner(g) != t || greenlet_owner(p) != t))
		return -EXDEV;
	old = g->parent;
	greenlet_hold_any(t, p);
	g->parent = p;
	greenlet_drop_any(t, old);
	return 0;
}

static int settable(greenlet_t handle, struct greenlet **g)
{
	int err = greenlet_lookup(handle, g);

	return !err && ((*g)->life != LIFE_UNSTARTED || queued(*g)) ? -EBUSY : err;
}

int greenlet_set_run(greenlet_t handle, greenlet_run *run)
{
	struct greenlet *g;
	int err = settable(handle, &g);

	if (!err)
		g->run = run;
	return err;
}

int greenlet_set_stack(greenlet_t handle, size_t bytes)
{
	struct greenlet *g;
	int err = settable(handle, &g);

	if (!err)
		g->stack_size = bytes;
	return err;
}

int greenlet_set_name(greenlet_t handle, const char *name)
{
	struct greenlet *g;
	int err = greenlet_lookup(handle, &g);

	if (!err)
		g->name = name;
	return err;
}

int greenlet_set_data(greenlet_t handle, void *data)
{
	struct greenlet *g;
	int err = greenlet_lookup(handle, &g);

	if (!err)
		g->data = data;
	return err;
}

void *greenlet_data(greenlet_t handle)
{
	struct greenlet *g = greenlet_find(handle);

	return g ? g->data : NULL;
}

uint64_t greenlet_number(greenlet_t handle)
{
	struct greenlet *g = greenlet_find(handle);

	return g ? g->number : 0;
}

int greenlet_state(greenlet_t handle)
{
	struct greenlet *g;
	int err = greenlet_lookup(handle, &g);

	if (err)
		return err;
	if (g->life == LIFE_UNSTARTED)
		return GREENLET_PENDING;
	if (g->life == LIFE_DEAD || g->thread->ended)
		return GREENLET_DEAD;
	return g->thread->current == g ? GREENLET_CURRENT : GREENLET_SUSPENDED;
}

bool greenlet_dead(greenlet_t handle)
{
	return greenlet_state(handle) == GREENLET_DEAD;
}

bool greenlet_active(greenlet_t handle)
{
	int state = greenlet_state(handle);

	return state == GREENLET_CURRENT || state == GREENLET_SUSPENDED;
}

int greenlet_describe(greenlet_t handle, char *text, size_t size)
{
	static const char *const states[] = {"pending", "current", "suspended", "dead"};
	struct greenlet *g;
	int state = greenlet_state(handle);
	const char *why;

	if (state < 0)
		return snprintf(text, size, state == -ESTALE ? "a stale greenlet" : "no greenlet");
	g = greenlet_find(handle);
	why = state == GREENLET_SUSPENDED && g->fiber.state == FIBER_PARKED ? g->fiber.why : NULL;
	return snprintf(text, size, "greenlet %llu%s%s%s %s%s%s", (unsigned long long)g->number, g->name ? " (" : "",
			g->name ? g->name : "", g->name ? ")" : "", states[state], why ? ", waits for " : "",
			why ? why : "");
}

greenlet_tracer *greenlet_settrace(greenlet_tracer *tracer, void *arg, void **old_arg)
{
	struct thread_state *t = thread_state();
	greenlet_tracer *old = t->tracer;

	if (old_arg)
		*old_arg = t->tracer_arg;
	t->tracer = tracer;
	t->tracer_arg = arg;
	return old;
}

struct walk {
	void **frames;
	int size, count;
	int skip; /* the walk's own frames */
};

static _Unwind_Reason_Code note_frame(struct _Unwind_Context *context, void *arg)
{
	struct walk *w = arg;
	void *ip = (void *)_Unwind_GetIP(context);

	if (!ip || w->count == w->size)
		return _URC_END_OF_STACK;
	if (w->skip > 0)
		w->skip--;
	else
		w->frames[w->count++] = ip;
	return _URC_NO_REASON;
}

/* Frames: this function, context_visit's, then whoever called context_switch. */
static void walk_here(void *arg)
{
	_Unwind_Backtrace(note_frame, arg);
}

int greenlet_backtrace(greenlet_t handle, void **frames, int size)
{
	struct walk w = {frames, size, 0, 2};
	struct greenlet *g;
	int state = greenlet_state(handle);

	if (state < 0)
		return state;
	g = greenlet_find(handle);
	if (state == GREENLET_CURRENT)
		return -EBUSY;
	if (state != GREENLET_SUSPENDED)
		return -ESRCH;
	if (g->thread != thread_state())
		return -EXDEV;
	if (g->is_hub)
		return 0;
	context_visit(&g->fiber.context, walk_here, &w);
	return w.count;
}
