/* lock.h - file locks. */
#ifndef SHIM_LOCK_H
#define SHIM_LOCK_H

#include "call.h"

/* SWITCHES. fcntl(2) with F_SETLKW or F_OFD_SETLKW: an attempt, then a helper OS thread waits. */
long lock_fcntl(struct call *c);

#endif
