/* greenlet_thread.c - what each OS thread has: its main greenlet, the current one, its stacks. */
#include <pthread.h>
#include <stdlib.h>

#include "greenlet_impl.h"

#include "check.h"

static _Thread_local struct thread_state *self_state;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t at_end;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* protects `threads`, `ended`, and a hub against its end */
static struct list threads = {&threads, &threads};

/* Everyone who is still suspended gets GREENLET_EXIT, most senior first. */
static void finish_all(struct thread_state *t)
{
	struct list *node;

	while ((node = list_pop(&t->live))) {
		struct greenlet *g = LIST_ENTRY(node, struct greenlet, node);

		greenlet_hold(g);
		greenlet_finish_off(t, g);
		greenlet_drop(t, g);
	}
}

static void close_hub(struct thread_state *t)
{
	if (!t->ops)
		return;
	pthread_mutex_lock(&lock);
	t->hub_closes = true;
	pthread_mutex_unlock(&lock);
	t->ops->close(t);
}

/* From the moment that it has ended nobody counts with `refs`, and nobody queues a drop. */
static void set_ended(struct thread_state *t)
{
	for (;;) {
		greenlet_take_drops(t);
		pthread_mutex_lock(&lock);
		if (!atomic_load(&t->drops))
			break;
		pthread_mutex_unlock(&lock);
	}
	list_remove(&t->node);
	t->ended = true;
	pthread_mutex_unlock(&lock);
}

static void thread_end(void *arg)
{
	struct thread_state *t = arg;
	struct greenlet *main = t->main;
	unsigned refs, foreign;

	self_state = t;
	if (t->current == main) { /* else a pthread_exit in a greenlet: nobody can be asked to clean up */
		greenlet_take_drops(t);
		finish_all(t);
		locals_destroy(main);
		close_hub(t);
	}
	set_ended(t);
	stack_pool_close(&t->stacks);
	slot_free_all(t);
	/* From here on main's references are counted by the atomic alone, and whoever drops the last frees t. Two: this OS
	 * thread's, and the current one's. */
	refs = main->refs;
	foreign = atomic_fetch_sub(&main->foreign_refs, 2) - 2;
	if (foreign + refs == 0) {
		slot_free(t, main);
		slot_free_all(t);
		free(t);
	}
	self_state = NULL;
}

void thread_free(struct thread_state *t)
{
	free(t);
}

/* t is there as long as g's reference is, or the lock is held. */
bool thread_queue_drop(struct thread_state *t, struct greenlet *g)
{
	bool taken;

	pthread_mutex_lock(&lock);
	taken = !t->ended;
	if (taken && !atomic_fetch_add(&g->foreign_drops, 1)) { /* else it is in the queue */
		g->drop_next = atomic_load(&t->drops);
		while (!atomic_compare_exchange_weak(&t->drops, &g->drop_next, g))
			;
		if (t->ops && !t->hub_closes)
			t->ops->poke(t);
	}
	pthread_mutex_unlock(&lock);
	return taken;
}

static void before_fork(void)
{
	pthread_mutex_lock(&lock);
	slot_lock();
}

static void after_fork(void)
{
	slot_unlock();
	pthread_mutex_unlock(&lock);
}

/* Only the calling OS thread is there. */
static void in_child(void)
{
	slot_unlock();
	LIST_EACH_SAFE(node, &threads) {
		struct thread_state *t = LIST_ENTRY(node, struct thread_state, node);

		if (t == self_state)
			continue;
		list_remove(node);
		t->ended = true;
	}
	pthread_mutex_unlock(&lock);
	if (self_state && self_state->ops)
		self_state->ops->forked(self_state);
}

static void init(void)
{
	CHECK(pthread_key_create(&at_end, thread_end), ==, 0);
	pthread_atfork(before_fork, after_fork, in_child);
	context_init();
}

static struct thread_state *make(void)
{
	struct thread_state *t = calloc(1, sizeof(*t));

	CHECK(t != NULL, ==, true);
	pthread_once(&once, init);
	list_init(&t->live);
	t->message = message_none();
	t->main = t->current = slot_new(t);
	CHECK(t->main != NULL, ==, true);
	t->main->is_main = true;
	t->main->life = LIFE_ACTIVE;
	t->main->thread = t;
	t->main->name = "main";
	t->main->fiber.state = FIBER_RUNNING;
	t->main->fiber.context.tp = context_thread_pointer();
	greenlet_hold(t->main); /* as the current one */
	pthread_mutex_lock(&lock);
	list_push(&threads, &t->node);
	pthread_mutex_unlock(&lock);
	CHECK(pthread_setspecific(at_end, t), ==, 0);
	return t;
}

struct thread_state *thread_state(void)
{
	if (!self_state)
		self_state = make();
	return self_state;
}
