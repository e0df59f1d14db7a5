/* tls.h - thread-local blocks for what is no thread of the program's: OS threads of the shim's own, the hub. */
#ifndef SHIM_TLS_H
#define SHIM_TLS_H

#include <stdint.h>

#define TLS_BELOW (64 << 10)
#define TLS_SIZE (TLS_BELOW + 4096)

/* In TLS_SIZE bytes of zeros: errno, what libc looks at before a call that may be cancelled, and the shim's own variables lie
 * within. The thread pointer. */
uintptr_t tls_blank(void *memory);
/* Like the calling code's, in which libc finds what it needs, the global locale too; but of no greenlet. Made once. 0: no
 * memory. */
uintptr_t tls_like_this(void);

#endif
