/* reserve.h - memory straight from the kernel, page-aligned and zeroed, and some kept back for when it has no more to
 * give: under RLIMIT_AS or at vm.max_map_count natively the kernel still has memory of its own for who waits.
 * Once reserve_open was called, all of these are for one OS thread alone, or under the hub's lock. */
#ifndef CORE_RESERVE_H
#define CORE_RESERVE_H

/* Keeps something back, once; without it the functions below are mmap and munmap.
 *
 * From then on everything lies apart, below where the kernel puts what it may put anywhere: natively what a program has
 * unmapped stays free until one of its threads maps something. */
void reserve_open(void);
/* Where mmap is to put size bytes of ours; no more than a hint. */
unsigned long reserve_place(unsigned long size);
/* NULL: there is really none left. */
void *reserve_map(unsigned long size);
void reserve_unmap(void *p, unsigned long size);

#endif
