/* sites.h - where an object's code makes system calls, and which bytes can be replaced there. Only reads.
 *
 * A site is a `syscall` instruction on an instruction boundary of a function. It is redirected by a jump (5 bytes) over
 * a window of whole instructions, which are moved to a stub:
 *   SITE_BEFORE  the window ends where the syscall instruction begins; that stays, and carries on natively for calls
 *                that are passed: the kernel sees a program counter in the object
 *   SITE_ACROSS  the window holds the syscall instruction; the stub has one of its own
 * No branch may lead into a window but to its first byte. What cannot be proved is left: SITE_LEFT, with the reason. */
#ifndef SHIM_SITES_H
#define SHIM_SITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "object.h"

enum site_kind {
	SITE_NATIVE, /* makes only a call that nobody wants: nothing to do */
	SITE_BEFORE,
	SITE_ACROSS,
	SITE_LEFT,
};

#define JUMP_SIZE 5
#define WINDOW_MAX (JUMP_SIZE - 1 + 2 * 15)

struct site {
	const uint8_t *at;	    /* the syscall instruction */
	const uint8_t *start, *end; /* the window */
	int nr;			    /* the call's number; -1: in a register */
	enum site_kind kind;
	const char *why; /* SITE_LEFT */
};

/* All sites of the object by address, at most max: their number, -ENOMEM, -E2BIG, or -EOPNOTSUPP: its threads wait in code
 * whose functions no table tells apart, and it can only run natively. wanted(nr) tells whether a site with that number is
 * to be redirected; those with an unknown number always are. */
long sites_find(const struct object *o, bool (*wanted)(long nr), struct site *sites, size_t max);

#endif
