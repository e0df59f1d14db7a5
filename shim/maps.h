/* maps.h - what is mapped where, as /proc/self/maps says. proc_pid_maps(5). No lock is taken, and nothing allocated. */
#ifndef SHIM_MAPS_H
#define SHIM_MAPS_H

#include <stdbool.h>
#include <stdint.h>

struct mapping {
	uintptr_t start, end;
	uintptr_t offset; /* in the file */
	bool readable, executable;
	const char *path; /* or a name in brackets; empty: none. Gone afterwards; cut where it is too long */
};

/* Calls each for every mapping, by address, until it says true. False: there is no such file. */
bool maps_each(bool (*each)(const struct mapping *m, void *arg), void *arg);

#endif
