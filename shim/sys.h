/* sys.h - the kernel, below libc: raw system calls for everything that the shim itself does. */
#ifndef SHIM_SYS_H
#define SHIM_SYS_H

#include <errno.h>

#include "../core/kernel.h"

#define raw_syscall kernel_call6
/* sys_call(nr, ...): the kernel's result, -errno on failure. */
#define sys_call kernel_call
#define sys_failed kernel_failed

/* The same for one that does not wait: where the kernel refuses it because a signal is due, that may be nobody's here. */
#define sys_call_at_once(...)                             \
	({                                                \
		long sys_ret_;                            \
                                                          \
		do                                        \
			sys_ret_ = sys_call(__VA_ARGS__); \
		while (sys_ret_ == -EINTR);               \
		sys_ret_;                                 \
	})

#endif
