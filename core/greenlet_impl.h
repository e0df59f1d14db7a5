/* greenlet_impl.h - what greenlet*.c share. greenlet.c and its neighbours need neither hub nor libev: greenlet_hub.c
 * puts itself between through struct hub_ops, and only when a hub is used.
 *
 * Ownership: a slot lives as long as its references. References are held by handles, by children (of their parent), by
 * the OS thread (of its current greenlet), by the hub (of those it will run). Only the OS thread that the greenlet
 * belongs to counts with `refs`; others count up with an atomic, and queue their drops to it. */
#ifndef CORE_GREENLET_IMPL_H
#define CORE_GREENLET_IMPL_H

#include <stdatomic.h>

#include "fiber.h"
#include "greenlet.h"
#include "stack.h"
#include "waitq.h"

#define STACK_DEFAULT (256UL << 10)

/* What one switch carries: a value (type NULL), an exception, or nothing. Two registers hold it: copies of more, through
 * memory, cost more than the switch. */
struct message {
	const struct greenlet_type *type;
	void *value;
};

extern const struct greenlet_type message_nothing __attribute__((visibility("hidden")));

static inline struct message message_none(void)
{
	return (struct message){&message_nothing, NULL};
}

static inline struct message message_value(void *value)
{
	return (struct message){NULL, value};
}

static inline struct message message_throw(const struct greenlet_type *type, void *value)
{
	return (struct message){type, value};
}

static inline bool message_is_none(const struct message *m)
{
	return m->type == &message_nothing;
}

static inline bool message_throws(const struct message *m)
{
	return m->type && !message_is_none(m);
}

enum life { LIFE_UNSTARTED, LIFE_ACTIVE, LIFE_DEAD };

struct thread_state;

struct local_value {
	struct greenlet_local *key;
	void *value;
};

struct greenlet {
	struct fiber fiber;	     /* of the hub's greenlet: unused, see fiber_of */
	greenlet_t handle;	     /* NULL: a free slot */
	struct greenlet *parent;     /* a reference, kept beyond death */
	struct thread_state *thread; /* once started; main holds it */
	struct greenlet *next;	     /* free slots; the hub's queue of those whose links are due */
	struct greenlet *drop_next;  /* thread->drops */
	struct stack *stack;
	size_t stack_size;
	greenlet_run *run;
	void *start_value; /* of one that the hub starts */
	void *data;
	const char *name;
	uint64_t number;
	uint64_t died; /* how many had died when it did */
	unsigned refs;
	atomic_uint foreign_refs, foreign_drops;
	uint8_t life; /* enum life */
	bool is_main, is_hub, links_due, idles;
	struct greenlet_exception pending;  /* raised here, not yet caught */
	struct greenlet_exception injected; /* arrives at the end of its wait */
	struct message result;
	struct list node;  /* thread->live, while active */
	struct list links; /* struct death_link */
	struct greenlet_timeout *timeouts;
	struct local_value *locals;
	size_t local_count;
};

/* What greenlet_hub.c does for greenlet.c. */
struct hub_ops {
	void (*running)(struct thread_state *t, struct greenlet *g); /* g runs on this OS thread now */
	void (*claim)(struct thread_state *t, struct greenlet *g);   /* takes a parked or ready one out of its hands */
	void (*died)(struct thread_state *t, struct greenlet *g);    /* it has links */
	void (*forget)(struct greenlet *g); /* is freed without a death: its links go, who joins it is woken */
	void (*finish)(struct greenlet *g) __attribute__((noreturn)); /* dead, its parent is the hub */
	int (*enter)(struct thread_state *t, struct message *got);    /* SWITCHES: a switch to the hub's greenlet */
	void (*poke)(struct thread_state *t);			      /* from any OS thread: have a look at the drops */
	void (*close)(struct thread_state *t);
	void (*forked)(struct thread_state *t); /* in the child */
};

struct greenlet_hub;

struct thread_state {
	struct greenlet *main, *current;
	struct message message;	 /* under way */
	struct greenlet *corpse; /* died in the last switch: its stack can go */
	struct stack_pool stacks;
	struct list live; /* active greenlets but main */
	greenlet_tracer *tracer;
	void *tracer_arg;
	_Atomic(struct greenlet *) drops; /* from other OS threads, by drop_next */
	uint64_t deaths;
	const struct hub_ops *ops; /* NULL: no hub */
	struct greenlet_hub *hub;
	struct greenlet *free_slots;
	struct list node; /* every OS thread's */
	bool hub_closes;  /* nobody may poke it any more */
	atomic_bool ended;
};

/* greenlet_slot.c */
struct greenlet *greenlet_find(greenlet_t handle); /* NULL: stale or none */
int greenlet_find_error(greenlet_t handle);	   /* why: -ESTALE, -EINVAL */
struct greenlet *slot_new(struct thread_state *t);
void slot_free(struct thread_state *t, struct greenlet *g);
void slot_free_all(struct thread_state *t); /* the OS thread ends */

void slot_lock(void); /* around fork */
void slot_unlock(void);

/* greenlet_thread.c */
struct thread_state *thread_state(void); /* made at first use; aborts without memory: there is no main greenlet then */
bool thread_queue_drop(struct thread_state *t, struct greenlet *g); /* false: t has ended */
void thread_free(struct thread_state *t);			    /* its main greenlet has no reference left */

/* greenlet_ref.c: `g` belongs to the calling OS thread, but for the _any forms. */
static inline void greenlet_hold(struct greenlet *g)
{
	g->refs++;
}
void greenlet_drop(struct thread_state *t, struct greenlet *g); /* SWITCHES */
void greenlet_hold_any(struct thread_state *t, struct greenlet *g);
void greenlet_drop_any(struct thread_state *t, struct greenlet *g);   /* SWITCHES */
void greenlet_take_drops(struct thread_state *t);		      /* SWITCHES */
void greenlet_finish_off(struct thread_state *t, struct greenlet *g); /* SWITCHES: throws GREENLET_EXIT into it */
struct thread_state *greenlet_owner(const struct greenlet *g);	      /* follows the lineage of an unstarted one */

/* greenlet.c */
int greenlet_lookup(greenlet_t handle, struct greenlet **g);	  /* 0, -ESTALE, -EINVAL */
int greenlet_prepare(struct thread_state *t, struct greenlet *g); /* a stack for an unstarted one */
struct message greenlet_transfer(struct thread_state *t, struct greenlet *to, struct message m); /* SWITCHES */
/* After any switch, in the one that goes on: it is the current one now; what was sent. */
struct message greenlet_arrived(struct thread_state *t, struct greenlet *self);
int greenlet_deliver(struct greenlet *self, const struct message *m, void **out);
void greenlet_is_dead(struct thread_state *t, struct greenlet *g, const struct message *result);
void greenlet_bury(struct thread_state *t, struct greenlet *g); /* its stack is left */
/* Aborts where g, the current one, is not on its stack: a longjmp to another leaves no trace but this. */
void greenlet_check_stack(const struct greenlet *g);
static inline bool message_exits(const struct message *m)
{
	return message_throws(m) && greenlet_is(m->type, GREENLET_EXIT);
}

/* greenlet_exception.c, greenlet_local.c, greenlet_report.c */
bool type_valid(const struct greenlet_type *type);
void locals_destroy(struct greenlet *g);
void greenlet_report(const char *format, ...) __attribute__((format(printf, 1, 2)));
void greenlet_fatal(const struct greenlet *g, const char *what) __attribute__((noreturn));

/* errno and the C++ exception globals: one OS thread's TLS, many greenlets. Lives on the stack that is left. */
struct tls_saved {
	int error;
	void *caught;
	unsigned uncaught;
};
void tls_save(struct tls_saved *s);
void tls_restore(const struct tls_saved *s);

#endif
