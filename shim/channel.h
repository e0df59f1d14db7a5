/* channel.h - a flow of bytes whose both ends are descriptors here: a pipe, an eventfd, each direction of a socket pair.
 * Who writes can wake who waits at the other end without asking the kernel, and who has read all that was written need
 * not try for more.
 *
 * All of it is guessed: dup, fork, close, splice and other processes make a guess useless, never wrong. Who was woken
 * makes a call of its own; who waits is watched by the loop as well. */
#ifndef SHIM_CHANNEL_H
#define SHIM_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

/* Just made: what is written to `to` comes out of `from`, which may be the same. */
void channel_made(int from, int to);
/* A number for the pipe with this inode, as struct fd has it. */
uint32_t channel_of(uint64_t inode);
/* The running greenlet is about to wait for fd. */
void channel_waits(int fd, short events);
/* A call has moved n bytes through fd; `events` as it would have waited: POLLIN or POLLOUT. */
void channel_moved(int fd, short events, unsigned long n);
/* An attempt to read has found nothing. */
void channel_found_empty(int fd);
/* What was written here has been read. */
bool channel_is_empty(int fd);
void channels_forked(void);

#endif
