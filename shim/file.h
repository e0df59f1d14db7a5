/* file.h - calls on files, which no poll tells about: with --files pool helper OS threads make them (offload.h) while
 * others run, except for reads of what is in the page cache. A call that moves a file's position has it to itself, as
 * in the kernel: fdget_pos. */
#ifndef SHIM_FILE_H
#define SHIM_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "call.h"

/* SWITCHES. read, write and the like on a regular file, a directory or a block device: at its position, and elsewhere. */
long file_transfer(struct call *c);
long file_transfer_at(struct call *c);
struct file_range {
	int fd;
	const off_t *offset; /* NULL: the position */
	size_t len;
};

/* SWITCHES. sendfile or splice with these arguments, which move at most the range to another descriptor. */
long file_move(long nr, const long arg[6], const struct file_range *from, int to);

/* Names a file of procfs: the kernel has it, and some mean the OS thread that asks. */
bool file_path_is_local(const char *path);
void file_forked(void);

/* file_cached.c. A read that finds everything in the page cache; -EAGAIN: it does not, and nothing has been read. */
#define AT_POSITION -1
long file_read_cached(struct call *c, long offset);
/* All of it is in the page cache, most likely. offset: AT_POSITION too. */
bool file_is_cached(int fd, long offset, size_t len);

#endif
