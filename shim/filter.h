/* filter.h - seccomp filters that a program makes for itself while the kernel answers its calls. Its filter knows nothing
 * of the calls that greenshim makes, and may kill for them: such a program runs natively. One that came with the process,
 * such as a container's, is no reason; nor is one that comes when threads are greenlets. */
#ifndef SHIM_FILTER_H
#define SHIM_FILTER_H

#include <stdbool.h>

/* Set by the entry, on seccomp's way to the kernel. */
extern bool filter_seen __attribute__((visibility("hidden")));
/* At the program's start. */
void filter_start(void);
/* Before activation: has one come since? However it was made; but not one that keeps the shim's own calls out. */
bool filter_came(void);

#endif
