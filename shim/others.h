/* others.h - OS threads of the process besides the caller's: made without a function that the shim interposes, as by
 * pthread_create's address from dlsym(a library's handle). They wait and wake in the kernel. */
#ifndef SHIM_OTHERS_H
#define SHIM_OTHERS_H

#include <stdbool.h>

/* As far as /proc tells; io_uring's workers, which are the kernel's, do not count. */
bool others_run(void);

#endif
