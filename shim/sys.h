/* sys.h - the kernel, below libc: raw system calls for everything that the shim itself does. */
#ifndef SHIM_SYS_H
#define SHIM_SYS_H

#include "../core/kernel.h"

#define raw_syscall kernel_call6
/* sys_call(nr, ...): the kernel's result, -errno on failure. */
#define sys_call kernel_call
#define sys_failed kernel_failed

#endif
