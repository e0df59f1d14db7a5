/* greenlet.c - making, switching, throwing, dying. */
#include <errno.h>

#include "greenlet_impl.h"

#include "asan.h"

int greenlet_lookup(greenlet_t handle, struct greenlet **g)
{
	*g = greenlet_find(handle);
	return *g ? 0 : greenlet_find_error(handle);
}

const struct greenlet_type message_nothing = {.name = "nothing"};

greenlet_t greenlet_new(greenlet_run *run, greenlet_t parent)
{
	struct thread_state *t = thread_state();
	struct greenlet *p = parent ? greenlet_find(parent) : t->current;
	struct greenlet *g = p ? slot_new(t) : NULL;

	if (!g)
		return NULL;
	g->run = run;
	g->parent = p;
	greenlet_hold_any(t, p);
	return g->handle;
}

/* AddressSanitizer, told that there is no return, would find fault with the stack before the message is out. */
__attribute__((no_sanitize_address)) void greenlet_check_stack(const struct greenlet *g)
{
	uintptr_t frame = (uintptr_t)__builtin_frame_address(0);

	if (g->stack && frame - (uintptr_t)g->stack->low >= g->stack->size)
		greenlet_fatal(g, "a longjmp left the run function");
}

static void trace(struct thread_state *t, struct message *m, const struct greenlet *origin, const struct greenlet *self)
{
	enum greenlet_event_kind kind = message_throws(m) ? GREENLET_EVENT_THROW : GREENLET_EVENT_SWITCH;
	struct greenlet *g = t->current;
	int err = t->tracer(kind, origin->handle, self->handle, t->tracer_arg);

	if (err >= 0)
		return;
	t->tracer = NULL;
	*m = message_throw(GREENLET_ERROR, (void *)(intptr_t)-err);
	if (err == GREENLET_THROWN)
		*m = message_throw(g->pending.type, g->pending.value);
	g->pending = (struct greenlet_exception){NULL, NULL};
}

struct message greenlet_arrived(struct thread_state *t, struct greenlet *self)
{
	struct message m = t->message;
	struct greenlet *origin = t->current;

	t->message = message_none();
	t->current = self;
	if (t->ops)
		t->ops->running(t, self);
	if (t->corpse) {
		struct greenlet *corpse = t->corpse;

		t->corpse = NULL;
		greenlet_bury(t, corpse);
	}
	if (self->injected.type) {
		m = message_throw(self->injected.type, self->injected.value);
		self->injected.type = NULL;
	}
	/* From here on others may run: what was sent is safe on this stack. */
	if (t->tracer && origin != self)
		trace(t, &m, origin, self);
	greenlet_drop(t, origin);
	greenlet_take_drops(t);
	return m;
}

/* The last step towards `to`: it becomes the current one when it arrives, and is referenced as such. */
static void hand_over(struct thread_state *t, struct greenlet *to, const struct message *m)
{
	uint8_t state = to->fiber.state;

	if (t->ops && (state == FIBER_READY || state == FIBER_PARKED))
		t->ops->claim(t, to);
	greenlet_hold(to);
	t->message = *m;
	to->fiber.state = FIBER_RUNNING;
}

struct message greenlet_transfer(struct thread_state *t, struct greenlet *to, struct message m)
{
	struct greenlet *self = t->current;
	struct tls_saved tls;

	hand_over(t, to, &m);
	self->fiber.state = FIBER_AWAY;
	tls_save(&tls);
	asan_leave(&self->fiber, &to->fiber);
	context_switch(&self->fiber.context, &to->fiber.context);
	asan_arrive(&self->fiber);
	tls_restore(&tls);
	return greenlet_arrived(t, self);
}

void greenlet_bury(struct thread_state *t, struct greenlet *g)
{
	stack_put(&t->stacks, g->stack);
	g->stack = NULL;
	greenlet_drop(t, t->main);
}

/* Who gets what is sent to g: itself, or of a dead one the first living ancestor. What stands in *to when it fails
 * cannot be switched to. */
static int receiver(struct thread_state *t, struct greenlet *g, struct message *m, struct greenlet **to)
{
	struct thread_state *owner;

	for (; g->life == LIFE_DEAD; g = g->parent)
		if (message_exits(m))
			*m = message_value(m->value);
	*to = g;
	owner = greenlet_owner(g);
	if (owner->ended)
		return -EOWNERDEAD;
	if (owner != t)
		return -EXDEV;
	return g->life == LIFE_ACTIVE ? 0 : greenlet_prepare(t, g);
}

/* A greenlet's death: its result goes to the parent. Where that cannot be switched to, the new error goes to the
 * parent's parent, and so on. */
static void die(struct thread_state *t, struct greenlet *self, struct message m) __attribute__((noreturn));
static void die(struct thread_state *t, struct greenlet *self, struct message m)
{
	struct greenlet *to = self;
	int err;

	greenlet_check_stack(t->current);
	if (message_exits(&m))
		m = message_value(m.value);
	greenlet_is_dead(t, self, &m);
	do {
		if (!to->parent)
			greenlet_fatal(self, "no parent is left that can be switched to");
		err = receiver(t, to->parent, &m, &to);
		if (err)
			m = message_throw(GREENLET_ERROR, (void *)(intptr_t)-err);
	} while (err);
	if (to->is_hub) {
		if (message_throws(&m))
			greenlet_report("greenlet %llu%s%s ended with %s", (unsigned long long)self->number,
					self->name ? " " : "", self->name ? self->name : "", m.type->name);
		t->ops->finish(self);
	}
	t->corpse = self;
	hand_over(t, to, &m);
	asan_leave(&self->fiber, &to->fiber);
	context_switch(&self->fiber.context, &to->fiber.context);
	__builtin_unreachable();
}

void greenlet_is_dead(struct thread_state *t, struct greenlet *g, const struct message *result)
{
	locals_destroy(g);
	list_remove(&g->node);
	g->life = LIFE_DEAD;
	g->died = ++t->deaths;
	g->fiber.state = FIBER_DEAD;
	g->result = *result;
	g->timeouts = NULL;
	g->pending = g->injected = (struct greenlet_exception){NULL, NULL};
	if (t->ops && !list_empty(&g->links))
		t->ops->died(t, g);
}

static struct message run(struct greenlet *g, const struct message *m)
{
	greenlet_run *function = g->run;
	void *result = NULL;
	int err;

	g->run = NULL;
	if (message_throws(m))
		return *m;
	err = function(message_is_none(m) ? g->start_value : m->value, &result);
	if (err >= 0)
		return message_value(result);
	if (err == GREENLET_THROWN && g->pending.type)
		return message_throw(g->pending.type, g->pending.value);
	return message_throw(GREENLET_ERROR, (void *)(intptr_t)-err);
}

/* The unwinder asks this on its way out of a run function: a C++ exception, pthread_exit, cancellation. */
int greenlet_personality(int version, int actions, uint64_t class, void *exception, void *context)
	__attribute__((visibility("hidden"), used));
int greenlet_personality(int version, int actions, uint64_t class, void *exception, void *context)
{
	(void)version, (void)actions, (void)class, (void)exception, (void)context;
	greenlet_fatal(thread_state()->current, "a foreign exception left the run function");
}

static void entry(void *arg)
{
	struct thread_state *t = thread_state();
	struct greenlet *self = arg;
	struct tls_saved clean = {0};
	struct message m;

	__asm__ volatile(".cfi_personality 0x1b, greenlet_personality"); /* DW_EH_PE_pcrel | DW_EH_PE_sdata4 */
	asan_arrive(&self->fiber);
	self->life = LIFE_ACTIVE;
	self->thread = t;
	greenlet_hold(t->main);
	list_push(&t->live, &self->node);
	tls_restore(&clean);
	m = greenlet_arrived(t, self);
	die(t, self, run(self, &m));
}

int greenlet_prepare(struct thread_state *t, struct greenlet *g)
{
	if (!g->run)
		return -ENOEXEC;
	if (g->stack)
		return 0;
	g->stack = stack_get(&t->stacks, g->stack_size);
	if (!g->stack)
		return -ENOMEM;
	context_make(&g->fiber.context, g->stack->low + g->stack->size, entry, g);
	asan_stack(&g->fiber, g->stack->low, g->stack->size);
	return 0;
}

int greenlet_deliver(struct greenlet *self, const struct message *m, void **out)
{
	if (message_throws(m)) {
		self->pending = (struct greenlet_exception){m->type, m->value};
		return GREENLET_THROWN;
	}
	if (out)
		*out = m->value;
	return 0;
}

static int send_to(greenlet_t handle, struct message m, void **out)
{
	struct thread_state *t = thread_state();
	struct greenlet *self = t->current, *g, *to;
	int err = greenlet_lookup(handle, &g);

	greenlet_check_stack(self);
	if (!err && self->is_hub)
		err = -EDEADLK;
	if (!err)
		err = receiver(t, g, &m, &to);
	if (err)
		return err;
	if (to->is_hub)
		err = t->ops->enter(t, &m);
	else if (to != self)
		m = greenlet_transfer(t, to, m);
	return err ? err : greenlet_deliver(self, &m, out);
}

int greenlet_switch(greenlet_t g, void *value, void **out)
{
	return send_to(g, message_value(value), out);
}

int greenlet_throw(greenlet_t g, const struct greenlet_type *type, void *value, void **out)
{
	if (!type)
		type = GREENLET_EXIT;
	return type_valid(type) ? send_to(g, message_throw(type, value), out) : -EINVAL;
}
