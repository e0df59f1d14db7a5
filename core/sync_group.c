/* sync_group.c - Group and Pool, and the stream server on top of them. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "sync.h"

static void init(struct greenlet_group *p)
{
	if (p->ready)
		return;
	p->ready = true;
	p->empty.set = true;
	p->room.value = p->limit;
}

/* In the hub: a member is dead. */
static void leave(greenlet_t g, void *arg)
{
	struct greenlet_group *p = arg;

	for (size_t i = 0; i < p->count; i++) {
		if (p->members[i] != g)
			continue;
		p->members[i] = p->members[--p->count];
		if (p->limit)
			greenlet_release(&p->room);
		if (!p->count)
			greenlet_event_set(&p->empty);
		greenlet_unref(g);
		return;
	}
}

/* Takes the reference. */
static int join(struct greenlet_group *p, greenlet_t g)
{
	int err;

	if (p->count == p->size) {
		size_t size = p->size ? 2 * p->size : 8;
		greenlet_t *members = realloc(p->members, size * sizeof(*members));

		if (!members)
			return -ENOMEM;
		p->members = members;
		p->size = size;
	}
	err = greenlet_link(g, leave, p);
	if (err)
		return err;
	p->members[p->count++] = g;
	greenlet_event_clear(&p->empty);
	return 0;
}

/* SWITCHES. A place in a pool. */
static int enter(struct greenlet_group *p)
{
	init(p);
	return p->limit ? greenlet_acquire(&p->room, GREENLET_FOREVER) : 0;
}

int greenlet_group_add(struct greenlet_group *p, greenlet_t g)
{
	int err = enter(p);

	if (err)
		return err;
	err = greenlet_ref(g) ? join(p, g) : greenlet_find_error(g);
	if (err) {
		greenlet_unref(g);
		if (p->limit)
			greenlet_release(&p->room);
	}
	return err;
}

int greenlet_group_spawn(struct greenlet_group *p, greenlet_run *run, void *value)
{
	int err = enter(p);
	greenlet_t g;

	if (err)
		return err;
	g = greenlet_spawn(run, value);
	err = g ? join(p, g) : -ENOMEM;
	if (!err)
		return 0;
	if (g)
		greenlet_kill(g, NULL, NULL, 0);
	greenlet_unref(g);
	if (p->limit)
		greenlet_release(&p->room);
	return err;
}

int greenlet_group_join(struct greenlet_group *p, uint64_t timeout_ns)
{
	init(p);
	return greenlet_event_wait(&p->empty, timeout_ns);
}

int greenlet_group_kill(struct greenlet_group *p, uint64_t timeout_ns)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->members[i] != greenlet_current())
			greenlet_kill(p->members[i], NULL, NULL, 0);
	return timeout_ns ? greenlet_group_join(p, timeout_ns) : 0;
}

void greenlet_group_destroy(struct greenlet_group *p)
{
	free(p->members);
	p->members = NULL;
	p->size = 0;
}

struct connection {
	struct greenlet_server *server;
	int fd;
};

static int serve(void *value, void **result)
{
	struct connection c = *(struct connection *)value;

	(void)result;
	free(value);
	c.server->handle(c.fd, c.server->arg);
	greenlet_close(c.fd);
	return 0;
}

static int begin(struct greenlet_server *s, int fd)
{
	struct connection *c = malloc(sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	*c = (struct connection){s, fd};
	err = greenlet_group_spawn(&s->connections, serve, c);
	if (err)
		free(c);
	return err;
}

/* Out of descriptors or memory: others will give some back. */
#define RETRY_NS UINT64_C(100000000)

static int accept_all(void *value, void **result)
{
	struct greenlet_server *s = value;

	(void)result;
	for (;;) {
		int fd = greenlet_accept(s->fd, NULL, NULL), err = fd;

		if (fd >= 0)
			err = begin(s, fd);
		if (fd >= 0 && err)
			greenlet_close(fd);
		if (err == -EMFILE || err == -ENFILE || err == -ENOBUFS || err == -ENOMEM)
			err = greenlet_sleep(RETRY_NS);
		if (err < 0)
			return err == -EBADF ? 0 : err;
	}
}

int greenlet_server_start(struct greenlet_server *s)
{
	int flags = fcntl(s->fd, F_GETFL);

	if (flags < 0 || fcntl(s->fd, F_SETFL, flags | O_NONBLOCK))
		return -errno;
	s->acceptor = greenlet_spawn(accept_all, s);
	return s->acceptor ? 0 : -ENOMEM;
}

int greenlet_server_stop(struct greenlet_server *s, uint64_t timeout_ns)
{
	int err = greenlet_kill(s->acceptor, NULL, NULL, GREENLET_FOREVER);

	greenlet_unref(s->acceptor);
	s->acceptor = NULL;
	greenlet_close(s->fd);
	if (!err)
		err = greenlet_group_join(&s->connections, timeout_ns);
	if (err == -ETIMEDOUT)
		err = greenlet_group_kill(&s->connections, GREENLET_FOREVER);
	if (!err)
		greenlet_group_destroy(&s->connections);
	return err;
}
