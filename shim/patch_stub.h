/* patch_stub.h - the code that a site's jump leads to, and the jump. */
#ifndef SHIM_PATCH_STUB_H
#define SHIM_PATCH_STUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sites.h"

/* Room enough for one: the window's instructions, each longer by 4 at most, and 40 bytes of our own. */
#define STUB_MAX 128

/* Writes the stub of a site to `to`; it is to be executed at `place`: the moved instructions, then entry with rcx and r11
 * as it wants them (entry-x86_64.S). Its size; 0: something is too far away. */
size_t stub_write(uint8_t *to, uintptr_t place, const struct site *site, const void *entry);

/* The window's new bytes, into `window` (as long as the site's): a jump to the stub, then int3. False: too far. */
bool stub_jump(uint8_t *window, const struct site *site, uintptr_t stub);

#endif
