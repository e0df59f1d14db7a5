/* loop.h - the libev loop of a hub. Only loop.c includes <ev.h>. Every function here runs on the hub's stack, except
 * loop_sooner, and loop_wakeup, which any OS thread and any signal handler may call. */
#ifndef CORE_LOOP_H
#define CORE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct hub;
struct loop;

/* Room for a watcher, in the descriptor's own record (fdwait.c). */
struct loop_watcher {
	_Alignas(8) char opaque[64];
	short rare; /* the FD_RARE events that are watched */
};

struct loop *loop_open(struct hub *hub); /* NULL: no memory or descriptors */
void loop_close(struct loop *loop);
/* One turn: wait (until something happens, if block) and run callbacks. deadline_ns: when the next timer is due. */
void loop_poll(struct loop *loop, bool block, uint64_t deadline_ns);
/* From elsewhere, while it waits: a timer is due before. */
void loop_sooner(struct loop *loop, uint64_t deadline_ns);
/* The loop's own descriptors: high numbers, which the program must not close. */
const int *loop_own_fds(unsigned *count);
void loop_wakeup(struct loop *loop);
/* Have the watcher fire fdwait_fired(hub, fd, revents) for events (POLLIN, POLLOUT, FD_RARE); 0 stops it. */
void loop_watch(struct loop *loop, struct loop_watcher *w, int fd, short events);

#endif
