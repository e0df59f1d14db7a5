/* loader.h - objects that come and go while the program runs.
 *
 * dlopen is not interposed: its search path depends on who calls it, and libc's own calls (name services, character sets)
 * would be missed. But the loader calls one function, which does nothing, whenever its list of objects has changed, so
 * that debuggers can stop there (r_brk, <link.h>): new objects are mapped then, and none of their code has run. That
 * function is made to jump here. */
#ifndef SHIM_LOADER_H
#define SHIM_LOADER_H

#include <stdbool.h>

/* Patches what was loaded since the last time. False: as patch_loaded_objects. */
bool loader_patch_new(void);
/* From now on that happens by itself. Where it cannot be, loader_patch_new must be called now and then. */
void loader_watch(void);

#endif
