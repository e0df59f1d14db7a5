#include "channel.h"

#include <poll.h>

#include "../core/fdwait.h"
#include "fd.h"
#include "thread.h"

#define CHANNELS 1024 /* whose numbers fall on the same place take it from each other */

enum knowledge {
	NOT_YET, /* how much is in it */
	KNOWN,
	NEVER, /* others write to it, too */
};

static struct channel {
	uint32_t id;
	int reader, writer; /* the descriptors that were waited for last */
	enum knowledge knowledge;
	long bytes; /* in it */
} channels[CHANNELS];

static uint32_t made; /* numbers given */

static struct channel *find(uint32_t id)
{
	struct channel *ch = &channels[id % CHANNELS];

	return id && ch->id == id ? ch : NULL;
}

static struct channel *claim(uint32_t id)
{
	struct channel *ch = &channels[id % CHANNELS];

	if (ch->id != id)
		*ch = (struct channel){.id = id, .reader = -1, .writer = -1};
	return ch;
}

void channel_made(int from, int to)
{
	struct fd *f = fd_peek(from), *t = fd_peek(to);

	if (!f || !t)
		return;
	if (!++made)
		made = 1;
	f->in = t->out = made;
}

uint32_t channel_of(uint64_t inode)
{
	return (uint32_t)inode | UINT32_C(1) << 31; /* apart from those that were made here */
}

void channel_waits(int fd, short events)
{
	const struct fd *f = fd_peek(fd);

	if (!f)
		return;
	if (events & POLLIN && f->in)
		claim(f->in)->reader = fd;
	if (events & POLLOUT && f->out)
		claim(f->out)->writer = fd;
}

static void came(struct channel *ch, unsigned long n)
{
	struct fd *f = fd_peek(ch->reader);

	ch->bytes += (long)n;
	if (!f || f->in != ch->id)
		return;
	f->drained = false;
	fdwait_guess(&threads.hub, ch->reader, POLLIN);
}

/* There is room for certain once nothing is left. */
static void went(struct channel *ch, unsigned long n)
{
	const struct fd *f = fd_peek(ch->writer);

	ch->bytes -= (long)n;
	if (ch->bytes < 0) {
		ch->bytes = 0;
		if (ch->knowledge == KNOWN)
			ch->knowledge = NEVER;
	}
	if (f && f->out == ch->id && !ch->bytes)
		fdwait_guess(&threads.hub, ch->writer, POLLOUT);
}

void channel_moved(int fd, short events, unsigned long n)
{
	const struct fd *f = fd_peek(fd);
	struct channel *ch = f ? find(events & POLLIN ? f->in : f->out) : NULL;

	if (!ch)
		return;
	if (events & POLLIN)
		went(ch, n);
	else
		came(ch, n);
}

/* With several OS threads one may have read what another has yet to say that it wrote. */
void channel_found_empty(int fd)
{
	struct fd *f = fd_peek(fd);
	struct channel *ch;

	if (!f || !f->in || threads.hub.shared)
		return;
	f->readable = true;
	ch = claim(f->in);
	ch->bytes = 0;
	if (ch->knowledge == NOT_YET)
		ch->knowledge = KNOWN;
}

bool channel_is_empty(int fd)
{
	const struct fd *f = fd_peek(fd);
	const struct channel *ch = f && f->readable ? find(f->in) : NULL;

	return ch && ch->knowledge == KNOWN && !ch->bytes && !threads.hub.shared;
}

void channels_forked(void)
{
	for (int i = 0; i < CHANNELS; i++)
		channels[i].id = 0;
}
