/* highfd.h - descriptors of our own, out of the way of the program's. Programs count on the lowest free numbers, some
 * close all from 3 upwards, and some use every number that they may: so where it can be, ours are beyond RLIMIT_NOFILE,
 * which is raised for the moment in which they are made. getrlimit(2). */
#ifndef CORE_HIGHFD_H
#define CORE_HIGHFD_H

#include <stdbool.h>

/* None of ours that was moved is lower. */
extern int highfd_lowest __attribute__((visibility("hidden")));

/* In a child that shares the table of descriptors (CLONE_FILES) they stay the parent's: while it is set nothing is closed. */
extern bool highfd_keep __attribute__((visibility("hidden")));

void highfd_close(int fd);
/* A duplicate of fd with a high number, close-on-exec: or -errno. fd stays open. */
long highfd_duplicate(int fd);
/* The same in its place: fd is closed. Where there is no room, fd itself; -errno stays what it is. */
long highfd_move(long fd);

#endif
