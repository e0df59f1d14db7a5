/* owner.h - threads that get the signals of descriptors. fcntl(2), F_SETOWN_EX. */
#ifndef SHIM_OWNER_H
#define SHIM_OWNER_H

#include <signal.h>

#include "call.h"

struct thread;

/* F_SETOWN, F_SETOWN_EX; F_GETOWN_EX. */
long owner_set(struct call *c);
long owner_get(struct call *c);
/* Whom a signal from a descriptor is for; NULL: it is none, or the process's or the main thread's. */
struct thread *owner_of(const siginfo_t *info);
void owners_forked(void);

#endif
