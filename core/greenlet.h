/* greenlet.h - greenlets in C, and a hub with gevent's vocabulary.
 *
 * A greenlet is a stack of its own that is switched to by hand. It belongs to one OS thread. Values are plain pointers
 * that the library only passes on; it owns nothing they point at.
 *
 * Results: 0 or more is success. Less than 0 is a refusal, -errno, and nothing has happened; or GREENLET_THROWN: an
 * exception has arrived and is pending in the calling greenlet: greenlet_catch takes it, `return err` from the run
 * function passes it on to the parent. errno and C++'s exception state are each greenlet's own.
 * Handles are counted references with a generation: a stale one is refused with -ESTALE, nonsense with -EINVAL.
 * Times are nanoseconds; a timeout of GREENLET_FOREVER never ends, one of 0 only looks.
 * After the semantics of Python's greenlet (greenlet.readthedocs.io) and gevent (www.gevent.org).
 *
 * Functions marked SWITCHES may run other greenlets before they return. */
#ifndef GREENLET_H
#define GREENLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GREENLET_API __attribute__((visibility("default")))

typedef struct greenlet_handle *greenlet_t; /* NULL is no greenlet */

#define GREENLET_FOREVER UINT64_MAX

/* ---- exceptions ---- */

/* A type is an object of static lifetime, known by its address, derived from its base and finally from GREENLET_ANY. */
struct greenlet_type {
	const char *name;
	const struct greenlet_type *base;
};

struct greenlet_exception {
	const struct greenlet_type *type; /* NULL: none */
	void *value;
};

GREENLET_API extern const struct greenlet_type greenlet_any, greenlet_exit, greenlet_error, greenlet_timed_out,
	greenlet_would_block;
#define GREENLET_ANY (&greenlet_any)
#define GREENLET_EXIT (&greenlet_exit)		     /* the only kind that a parent gets as a value */
#define GREENLET_ERROR (&greenlet_error)	     /* value: an errno, (void *)(intptr_t)EINVAL */
#define GREENLET_TIMEOUT (&greenlet_timed_out)	     /* value: its struct greenlet_timeout */
#define GREENLET_WOULD_BLOCK (&greenlet_would_block) /* value: const char *, who waits for what */

#define GREENLET_THROWN (-4096) /* no errno is as large */

/* Makes {type, value} pending and gives GREENLET_THROWN: `return greenlet_raise(type, value);`. -EINVAL: bad type. */
GREENLET_API int greenlet_raise(const struct greenlet_type *type, void *value);
/* If what is pending is of the type: takes it and gives true. value may be NULL. */
GREENLET_API bool greenlet_catch(const struct greenlet_type *type, void **value);
GREENLET_API struct greenlet_exception greenlet_pending(void);
GREENLET_API bool greenlet_is(const struct greenlet_type *type, const struct greenlet_type *base);

/* ---- greenlets ---- */

/* Returns 0, with what the parent gets in *result (NULL before); or GREENLET_THROWN to let the pending exception go on
 * to the parent; another negative errno goes on as GREENLET_ERROR. */
typedef int greenlet_run(void *value, void **result);

/* A new greenlet, unstarted; parent NULL is the current one; run may be NULL and set later. The reference is the
 * caller's. NULL: no memory, or parent is no greenlet. */
GREENLET_API greenlet_t greenlet_new(greenlet_run *run, greenlet_t parent);
GREENLET_API int greenlet_set_run(greenlet_t g, greenlet_run *run); /* -EBUSY once started */
GREENLET_API int greenlet_set_stack(greenlet_t g, size_t bytes);    /* 256 KiB before; -EBUSY once started */
GREENLET_API greenlet_t greenlet_ref(greenlet_t g);		    /* from any OS thread; gives g */
/* From any OS thread. With the last reference a suspended greenlet gets GREENLET_EXIT thrown into it, in its own OS
 * thread, with the dropper as its parent: SWITCHES. NULL is fine. */
GREENLET_API void greenlet_unref(greenlet_t g);

/* SWITCHES. value becomes run's argument, or what g's own switch gives; out (may be NULL) gets what is next sent here.
 * A dead g stands for its first living ancestor. -ENOEXEC: no run function; -ENOMEM; -EXDEV: of another OS thread;
 * -EOWNERDEAD: of one that ended. */
GREENLET_API int greenlet_switch(greenlet_t g, void *value, void **out);
/* SWITCHES. The same with an exception; type NULL is GREENLET_EXIT. -EINVAL: not a type. */
GREENLET_API int greenlet_throw(greenlet_t g, const struct greenlet_type *type, void *value, void **out);

/* Borrowed references. */
GREENLET_API greenlet_t greenlet_current(void);
GREENLET_API greenlet_t greenlet_main(void);
GREENLET_API greenlet_t greenlet_parent(greenlet_t g); /* NULL: g is a main greenlet, or none */
/* -EPERM: g is a main; -ELOOP; -EINVAL: no greenlet; -EXDEV: g is started or queued, parent of another OS thread. */
GREENLET_API int greenlet_set_parent(greenlet_t g, greenlet_t parent);

enum greenlet_state { GREENLET_PENDING, GREENLET_CURRENT, GREENLET_SUSPENDED, GREENLET_DEAD };

GREENLET_API int greenlet_state(greenlet_t g);	     /* enum greenlet_state; -ESTALE, -EINVAL */
GREENLET_API bool greenlet_dead(greenlet_t g);	     /* has finished, or its OS thread has */
GREENLET_API bool greenlet_active(greenlet_t g);     /* started and not dead */
GREENLET_API uint64_t greenlet_number(greenlet_t g); /* never used twice; 0: not a greenlet */
/* `greenlet 7 (name) suspended, waits for event`; returns as snprintf does. */
GREENLET_API int greenlet_describe(greenlet_t g, char *text, size_t size);
GREENLET_API int greenlet_set_name(greenlet_t g, const char *name); /* a static string */
GREENLET_API int greenlet_set_data(greenlet_t g, void *data);
GREENLET_API void *greenlet_data(greenlet_t g);
/* Return addresses of a suspended greenlet's frames, innermost first: how many. -EBUSY: current; -ESRCH: not started or
 * dead; -EXDEV. */
GREENLET_API int greenlet_backtrace(greenlet_t g, void **frames, int size);

enum greenlet_event_kind { GREENLET_EVENT_SWITCH, GREENLET_EVENT_THROW };

/* Called in the target, after each switch of the OS thread. Less than 0 disables it and is thrown in the target. */
typedef int greenlet_tracer(enum greenlet_event_kind kind, greenlet_t origin, greenlet_t target, void *arg);
GREENLET_API greenlet_tracer *greenlet_settrace(greenlet_tracer *tracer, void *arg, void **old_arg); /* gives the old */

/* A greenlet-local value; the object's address is the key. destroy (may be NULL) is called when the greenlet ends. */
struct greenlet_local {
	void (*destroy)(void *value);
};

GREENLET_API int greenlet_local_set(struct greenlet_local *key, void *value); /* -ENOMEM */
GREENLET_API void *greenlet_local_get(struct greenlet_local *key);

/* Where lines about errors that nobody can get go (one line, no newline); NULL: stderr. */
GREENLET_API void greenlet_set_report(void (*report)(const char *line));

/* ---- the hub: made at first use, one for each OS thread, itself a greenlet whose parent is the main one.
 * Blocking in the hub (links, callbacks) gives -EDEADLK. When nothing can wake anyone, GREENLET_WOULD_BLOCK is thrown
 * in the main greenlet. After fork(2) only the caller of those who use the hub goes on in the child. ---- */

GREENLET_API greenlet_t greenlet_hub(void); /* borrowed; NULL: no memory or descriptors */
/* A greenlet whose parent is the hub, to be started with value soon, not now. As greenlet_new. */
GREENLET_API greenlet_t greenlet_spawn(greenlet_run *run, void *value);
GREENLET_API int greenlet_start(greenlet_t g, void *value); /* the same for one that was made; -EBUSY: started */
GREENLET_API int greenlet_call_soon(void (*fn)(void *arg), void *arg); /* in the hub; -ENOMEM */

/* All that follow: SWITCHES; -ETIMEDOUT; -EINTR where another greenlet switched here meanwhile; GREENLET_THROWN. */
GREENLET_API int greenlet_sleep(uint64_t ns);			   /* 0: let the others run */
GREENLET_API int greenlet_idle(void);				   /* until nobody else is ready */
GREENLET_API int greenlet_join(greenlet_t g, uint64_t timeout_ns); /* -EDEADLK: oneself */
/* Joins; the result, or the exception raised here. */
GREENLET_API int greenlet_get(greenlet_t g, uint64_t timeout_ns, void **out);
GREENLET_API struct greenlet_exception greenlet_failure(greenlet_t g); /* what it died of; type NULL: nothing */
/* Until at least `count` of the n are dead: how many are. -EINVAL: count is above n. */
GREENLET_API int greenlet_wait(const greenlet_t *g, size_t n, size_t count, uint64_t timeout_ns);
static inline int greenlet_joinall(const greenlet_t *g, size_t n, uint64_t timeout_ns)
{
	return greenlet_wait(g, n, n, timeout_ns);
}
/* The index of the next to die, in order of death; those with done[i] are skipped, and it sets done[i].
 * -ENOENT: all are done. */
GREENLET_API int greenlet_iwait(const greenlet_t *g, size_t n, bool *done, uint64_t timeout_ns);
/* Has the exception thrown in g by the hub; an unstarted one never runs. timeout_ns: wait for its death, 0: do not. */
GREENLET_API int greenlet_kill(greenlet_t g, const struct greenlet_type *type, void *value, uint64_t timeout_ns);
GREENLET_API int greenlet_killall(const greenlet_t *g, size_t n, uint64_t timeout_ns);
/* fn(g, arg) in the hub when g is dead (or soon, if it is), in the order of the calls. -ENOMEM */
GREENLET_API int greenlet_link(greenlet_t g, void (*fn)(greenlet_t g, void *arg), void *arg);
GREENLET_API int greenlet_unlink(greenlet_t g, void (*fn)(greenlet_t g, void *arg), void *arg); /* -ENOENT */

/* Throws GREENLET_TIMEOUT with itself as value in the current greenlet's blocking calls, once; may be nested. Lives on
 * the caller's stack, cancelled before that goes. */
struct greenlet_timeout {
	uint64_t deadline_ns;
	struct greenlet_timeout *outer;
	bool active;
};

GREENLET_API void greenlet_timeout_start(struct greenlet_timeout *t, uint64_t ns);
GREENLET_API void greenlet_timeout_cancel(struct greenlet_timeout *t);

/* Descriptors: wait for POLLIN, POLLOUT (poll(2)): the events. */
GREENLET_API int greenlet_wait_fd(int fd, short events, uint64_t timeout_ns);
GREENLET_API ssize_t greenlet_read(int fd, void *data, size_t size);
GREENLET_API ssize_t greenlet_write(int fd, const void *data, size_t size);	  /* all of it, or an error */
GREENLET_API int greenlet_accept(int fd, struct sockaddr *addr, socklen_t *size); /* fd must be non-blocking */
GREENLET_API int greenlet_connect(int fd, const struct sockaddr *addr, socklen_t size);
/* Must be used for descriptors that may be waited for: their waiters get -EBADF first. */
GREENLET_API int greenlet_close(int fd);
/* fn(arg) in a pool of OS threads: its result. */
GREENLET_API int greenlet_offload(void *(*fn)(void *arg), void *arg, void **out);
GREENLET_API void greenlet_offload_limit(unsigned threads); /* 10 before */

/* ---- synchronisation between the greenlets of one OS thread. All-zero is valid. Waiters are woken in order. ---- */

struct greenlet_waiters {
	struct greenlet_waiters *next, *prev;
};

struct greenlet_event {
	struct greenlet_waiters waiters;
	bool set;
};

GREENLET_API void greenlet_event_set(struct greenlet_event *e); /* wakes those who wait now */
GREENLET_API void greenlet_event_clear(struct greenlet_event *e);
GREENLET_API int greenlet_event_wait(struct greenlet_event *e, uint64_t timeout_ns);

struct greenlet_async_result {
	struct greenlet_event ready;
	struct greenlet_exception exception;
	void *value;
};

GREENLET_API void greenlet_async_set(struct greenlet_async_result *r, void *value);
GREENLET_API int greenlet_async_throw(struct greenlet_async_result *r, const struct greenlet_type *type, void *value);
GREENLET_API int greenlet_async_get(struct greenlet_async_result *r, uint64_t timeout_ns, void **out);

struct greenlet_semaphore {
	struct greenlet_waiters waiters;
	unsigned value;
	unsigned bound; /* 0: none */
};

GREENLET_API int greenlet_acquire(struct greenlet_semaphore *s, uint64_t timeout_ns); /* timeout 0: -EAGAIN */
GREENLET_API int greenlet_release(struct greenlet_semaphore *s);		      /* -EOVERFLOW: at its bound */

struct greenlet_rlock {
	struct greenlet_waiters waiters;
	greenlet_t owner;
	unsigned count;
};

GREENLET_API int greenlet_lock(struct greenlet_rlock *l, uint64_t timeout_ns); /* timeout 0: -EAGAIN */
GREENLET_API int greenlet_unlock(struct greenlet_rlock *l);		       /* -EPERM: not the owner */

struct greenlet_condition {
	struct greenlet_waiters waiters;
};

/* Unlocks, waits, locks again whatever happened. -EPERM: not the owner. */
GREENLET_API int greenlet_condition_wait(struct greenlet_condition *c, struct greenlet_rlock *l, uint64_t timeout_ns);
GREENLET_API void greenlet_condition_notify(struct greenlet_condition *c, unsigned count); /* UINT_MAX: all */

enum greenlet_queue_kind { GREENLET_FIFO, GREENLET_LIFO, GREENLET_PRIORITY, GREENLET_CHANNEL };

struct greenlet_queue {
	struct greenlet_waiters getters, putters;
	enum greenlet_queue_kind kind;		    /* a channel's put waits for its get */
	size_t limit;				    /* 0: none */
	int (*compare)(const void *, const void *); /* PRIORITY: the smallest comes out first, equals in order */
	void **items;
	uint64_t *orders;
	size_t head, count, room;
	uint64_t order;
	unsigned unfinished; /* put and not yet greenlet_queue_done */
	struct greenlet_event all_done;
};

GREENLET_API int greenlet_queue_put(struct greenlet_queue *q, void *item,
				    uint64_t timeout_ns); /* 0: -EAGAIN; -ENOMEM */
GREENLET_API int greenlet_queue_get(struct greenlet_queue *q, uint64_t timeout_ns, void **item); /* 0: -EAGAIN */
GREENLET_API int greenlet_queue_done(struct greenlet_queue *q); /* one item is dealt with; -EINVAL: too many */
GREENLET_API int greenlet_queue_join(struct greenlet_queue *q, uint64_t timeout_ns); /* until all are */
GREENLET_API void greenlet_queue_destroy(struct greenlet_queue *q);		     /* with nobody waiting */

/* Greenlets that are looked after together; with a limit, a pool: spawning waits for room. */
struct greenlet_group {
	struct greenlet_event empty;
	struct greenlet_semaphore room;
	unsigned limit; /* 0: none */
	bool ready;
	greenlet_t *members;
	size_t count, size;
};

/* The group keeps the reference until the greenlet's death. */
GREENLET_API int greenlet_group_spawn(struct greenlet_group *p, greenlet_run *run, void *value);
GREENLET_API int greenlet_group_add(struct greenlet_group *p, greenlet_t g); /* takes one of its own */
GREENLET_API int greenlet_group_join(struct greenlet_group *p, uint64_t timeout_ns);
GREENLET_API int greenlet_group_kill(struct greenlet_group *p, uint64_t timeout_ns);
GREENLET_API void greenlet_group_destroy(struct greenlet_group *p); /* empty */

/* A stream server: each connection is handled in a greenlet of its own, which closes it when handle returns. */
struct greenlet_server {
	int fd; /* listening; made non-blocking, and closed by stop */
	void (*handle)(int fd, void *arg);
	void *arg;
	struct greenlet_group connections; /* limit: at most that many at once */
	greenlet_t acceptor;
};

GREENLET_API int greenlet_server_start(struct greenlet_server *s);
GREENLET_API int greenlet_server_stop(struct greenlet_server *s, uint64_t timeout_ns); /* then kills who is left */

#ifdef __cplusplus
}
#endif
#endif
