/* net.h - what the files of the socket family share. */
#ifndef SHIM_NET_H
#define SHIM_NET_H

#include <sys/socket.h>

#include "io.h"

/* One attempt on io->fd. */
long net_recv(const struct io *io, void *buf, size_t len, long flags, long address, long size);
long net_send(const struct io *io, const void *buf, size_t len, long flags, long address, long size);
/* The message, or what is left of it after io->done bytes: as net_part. */
long net_send_vectors(struct io *io, const struct msghdr *msg, long flags);
/* Of `total` bytes another `ret` have been moved: the call's result, or -EAGAIN while some are missing. */
long net_part(struct io *io, long ret, size_t total);
/* The same for MSG_WAITALL. */
long net_received(struct io *io, long ret, size_t total);
/* SWITCHES. Receiving with MSG_ flags; may leave the call to the kernel or to a helper. */
long net_receive(struct call *c, struct io *io, long flags, io_attempt *attempt);
void net_note_drained(const struct io *io, long ret, size_t len);

#endif
