/* fd.h - what the shim remembers of the program's descriptors, and how to wait for one. Owner of all of it: fd.c;
 * fd_close.c ends it. An entry is derived when first needed and forgotten when the number is closed or replaced.
 *
 * Descriptors share what they refer to (dup, fork, SCM_RIGHTS): what another could change meanwhile is read anew from
 * the kernel whenever it is needed, which is only where a call would otherwise block. */
#ifndef SHIM_FD_H
#define SHIM_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum fd_kind {
	FD_UNKNOWN,
	FD_SOCKET,
	FD_PIPE,   /* FIFOs too */
	FD_DEVICE, /* character devices that may block: terminals and the like */
	FD_ANON,   /* eventfd, timerfd, inotify, signalfd ... */
	FD_READY,  /* never blocks: /dev/null and the like */
	FD_FILE,   /* regular files, directories, block devices: what they wait for no poll tells */
};

enum fd_direction { FD_RECEIVE, FD_SEND };

struct fd {
	_Alignas(64) uint8_t kind; /* enum fd_kind */
	uint8_t type;		   /* of a socket: SOCK_STREAM ...; 0: not known yet */
	bool ours;		   /* the shim's own: for the program it is not there */
	bool drained;		   /* the last read got less than it asked for: wait before the next */
	uint8_t no_nowait;	   /* refuses RWF_NOWAIT: 1 << enum fd_direction */
	bool duplicated;	   /* other descriptors here refer to the same file */
	bool low_water;		   /* SO_RCVLOWAT */
	bool lingers;		   /* SO_LINGER: close may block */
	bool nonblocking;	   /* O_NONBLOCK, if known */
	bool direct;		   /* O_DIRECT, likewise */
	bool ring;		   /* of io_uring, and poll tells when there are completions */
	uint8_t known;		   /* FD_KNOWS_*, if read in the current generation */
	uint8_t listener;	   /* enum listener of net_connect.c */
	bool readable;		   /* a read of it would wait, not be refused */
	uint16_t at_work;	   /* helpers' calls under way that move its position */
	uint16_t in_calls;	   /* of other OS threads, without the hub's lock; the number's, whatever it means */
	uint32_t serial;	   /* differs when the number has got another meaning */
	uint32_t generation;	   /* of `known` */
	uint32_t in, out;	   /* the channels that it reads and writes (channel.h); 0: none */
	uint32_t born;		   /* 0: not made before our eyes; else the epoch in which it was */
	uint64_t timeout_ns[2];	   /* SO_RCVTIMEO, SO_SNDTIMEO; 0: none */
};

enum { FD_KNOWS_TIMEOUT = 1 /* << direction */, FD_KNOWS_NONBLOCKING = 4 };

/* Two levels: a chunk is mapped when first needed. Higher numbers are left to the kernel. For the functions below alone. */
#define FD_CHUNK_BITS 10
#define FD_CHUNK (1 << FD_CHUNK_BITS)
#define FD_CHUNKS 4096
extern struct fd *fd_chunks[FD_CHUNKS] __attribute__((visibility("hidden")));
struct fd *fd_look(int fd);

/* The entry, as far as it is known: the kind may be FD_UNKNOWN. NULL: there is none. */
static inline struct fd *fd_peek(int fd)
{
	struct fd *chunk = (unsigned)fd < FD_CHUNK * FD_CHUNKS ? fd_chunks[fd >> FD_CHUNK_BITS] : NULL;

	return chunk ? &chunk[fd & (FD_CHUNK - 1)] : NULL;
}

/* The entry, its kind known; NULL: not an open descriptor, ask the kernel. Valid until the next switch. */
static inline struct fd *fd_get(int fd)
{
	struct fd *f = fd_peek(fd);

	return f && f->kind ? f : fd_look(fd);
}

int fd_socket_look(int fd, struct fd *f);
/* SOCK_STREAM ...; 0: no socket. */
static inline int fd_socket_type(int fd)
{
	struct fd *f = fd_get(fd);

	if (!f || f->kind != FD_SOCKET)
		return 0;
	return f->type ? f->type : fd_socket_look(fd, f);
}

/* A system call has just made this one. type: of a socket; flags: O_NONBLOCK is looked at. NULL: no memory. */
struct fd *fd_made(int fd, enum fd_kind kind, int type, int flags);
/* open has just made this one; what it is fd_get will see. */
void fd_opened(int fd, int flags);
/* A duplicate has been made of fd. */
void fd_duplicated(int from, int to);
/* The entry is wrong or about to be. */
void fd_forget(int fd);
void fd_forget_range(unsigned first, unsigned last);
/* The shim has made this one for itself: the program cannot close it. Ends with fd_forget. */
void fd_own(int fd);
/* The same for a duplicate of what is one of the program's. */
void fd_own_duplicate(int from, int to);
bool fd_is_ours(int fd);
/* The lowest of the shim's own in [first, last]; -1 if there is none. */
int fd_next_ours(unsigned first, unsigned last);
/* O_NONBLOCK or a timeout of fd is about to change. */
void fd_changed(int fd);
/* From now on another process may change what any of today's descriptors refers to (fork, SCM_RIGHTS). */
void fd_share_all(void);
/* In the child of fork: forgets everything. */
void fds_forked(void);
/* Made here, and never within another process's reach; made here, and perhaps within reach since. */
bool fd_is_private(int fd);
bool fd_was_shared(int fd);
uint32_t fd_serial(int fd);
bool fd_nonblocking(int fd);
bool fd_is_direct(int fd);
/* The last read left nothing, and waiting costs nothing: an attempt would be in vain. */
bool fd_is_drained(int fd);
/* SO_RCVTIMEO or SO_SNDTIMEO as a deadline from now. */
uint64_t fd_deadline(int fd, enum fd_direction direction);

/* SWITCHES. Waits until *fd is ready: > 0 the events, -ETIMEDOUT, -EINTR, -EBADF, -ENOMEM. If the descriptor is closed
 * meanwhile, what it refers to stays open as *fd, a number of the shim's, for the caller to go on with; it gives that
 * back by fd_release. */
long fd_wait(int *fd, short events, const char *why, uint64_t deadline_ns);
/* SWITCHES. The same, and *other, of the same call, is kept as well. */
long fd_wait_keeping(int *fd, int *other, short events, const char *why, uint64_t deadline_ns);
/* SWITCHES. The same for a call that names the descriptor `named`, which *fd is at first; but all who wait are woken, not
 * one of them. At the end of the call fd_wait_over gives back what *fd was changed to. */
long fd_wait_with_all(long named, int *fd, short events, const char *why, uint64_t deadline_ns);
void fd_wait_over(long named, int fd);
/* Once per call whose descriptor fd_wait has changed, whatever it returned last. */
void fd_release(int fd);
/* What fd_wait does after it was changed the first time, for those who park with waiters of their own. */
void fd_hold(int fd);
/* Those who only looked, with waiters of their own, wait no more: gives back what they alone kept open. */
void fd_looked(void);

/* A call on it is about to be made without the hub's lock; it was made. */
struct fd *fd_begin_call(int fd);
static inline void fd_end_call(struct fd *f)
{
	if (f)
		f->in_calls--;
}
/* Waits, without the lock, until there are none: what they found behind the number shall stay it. */
void fd_await_calls(int fd);

/* fd_close.c. Before the descriptor is closed or replaced: its watcher stops, its waiters wait on for what it refers to.
 * False: it is the shim's own, and for the program not there. */
bool fd_leaves(int fd);

#endif
