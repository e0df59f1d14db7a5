/* io.h - the one engine of every call that transfers something: try without blocking, and where that would block, wait
 * and try again. io.c; used by io_*.c and net_*.c. */
#ifndef SHIM_IO_H
#define SHIM_IO_H

#include <poll.h>
#include <sys/uio.h>

#include "call.h"
#include "fd.h"
#include "stats.h"
#include "sys.h"
#include "thread.h"

/* Some readiness is not what the call waits for (an unconnected datagram socket is writable though its peer's queue is
 * full): after a few attempts in vain, sleep in between, longer and longer. */
#define VAIN_LIMIT 3
#define VAIN_FIRST_NS UINT64_C(50000)
#define VAIN_DOUBLINGS 8

struct io {
	const struct call *call;
	const char *why;
	int fd;		      /* to be used in every attempt: a close meanwhile gives the file another number */
	short events;	      /* what to wait for: POLLIN or POLLOUT */
	bool dont_wait;	      /* the call itself asks for an attempt alone */
	bool always_waits;    /* O_NONBLOCK does not matter */
	bool must_wait;	      /* the last attempt is known to have left nothing: wait before the next */
	unsigned char vain;   /* attempts in a row that failed though the descriptor was ready */
	size_t done;	      /* moved so far, by a call that goes on until all is; wins over a later error */
	uint64_t deadline_ns; /* 0: not looked at yet */
};

/* A call that never waits, made without the hub's lock: others answer theirs meanwhile, but who closes the descriptor
 * waits until it is over. */
#define io_call(nr, number, ...)                               \
	({                                                     \
		struct fd *io_fd_ = fd_begin_call(number);     \
		long io_ret_;                                  \
                                                               \
		stats.kernel_calls++;                          \
		hub_leave(&threads.hub);                       \
		io_ret_ = sys_call(nr, (number), __VA_ARGS__); \
		hub_enter(&threads.hub);                       \
		fd_end_call(io_fd_);                           \
		io_ret_;                                       \
	})

/* One attempt. The call's result if it is over; -EAGAIN: it would block now. */
typedef long io_attempt(struct io *io);

/* The first argument is the descriptor. */
#define IO(c, e)                                                                               \
	{                                                                                      \
		.call = (c), .why = call_name((c)->nr), .fd = (int)(c)->arg[0], .events = (e), \
	}

/* SWITCHES. The call's result. */
long io_retry(struct io *io, io_attempt *attempt);

/* SWITCHES. One wait of an engine: 0: try again; else the call's result, of which nothing has been done yet. */
long io_wait(struct io *io);

/* poll(2) without waiting. */
bool io_ready(int fd, short events);

/* The vectors of an array that are left after `skip` bytes, as far as there is room: how many. */
#define IO_VECTORS 8
int io_rest(const struct iovec *iov, size_t n, size_t skip, struct iovec *rest);
size_t io_total(const struct iovec *iov, size_t n);

/* The buffers of a read or write as vectors, and its RWF_ flags (io_file.c). */
struct buffers {
	struct iovec one;
	const struct iovec *iov;
	size_t n;
	long flags;
};

void buffers_of(const struct call *c, struct buffers *b);
#define RW_MAX 0x7ffff000UL /* a call never moves more (write(2)) */

/* io_file.c: pipes, terminals, eventfd and the like. */
long io_file(struct call *c, struct fd *f);

/* net_transfer.c: read, write, readv, writev on a socket. */
long net_read(struct call *c);
long net_write(struct call *c);
long net_readv(struct call *c);
long net_writev(struct call *c);

/* How much a socket takes without blocking; 0: nothing now (net_transfer.c). */
long net_room(int fd);

#endif
