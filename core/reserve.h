/* reserve.h - memory straight from the kernel, page-aligned and zeroed, and some kept back for when it has no more to
 * give: under RLIMIT_AS or at vm.max_map_count natively the kernel still has memory of its own for who waits.
 * Once reserve_open was called, all of these are for one OS thread alone. */
#ifndef CORE_RESERVE_H
#define CORE_RESERVE_H

#include <stdbool.h>

/* Keeps something back, once; without it the functions below are mmap and munmap. */
void reserve_open(void);
/* NULL: there is really none left. */
void *reserve_map(unsigned long size);
void reserve_unmap(void *p, unsigned long size);
/* Is p of what was kept back? Such memory cannot be remapped. */
bool reserve_holds(const void *p);

#endif
