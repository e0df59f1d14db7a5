/* patch.h - redirects the sites of the loaded objects to shim_entry. The only place that changes text
 * (patch_text.h tells how).
 *
 * Nothing on disk changes, no descriptor stays open, no /proc is needed (a daemon may have none left), and a failure
 * leaves the page as it was. To be called while no other OS thread runs the program's code. */
#ifndef SHIM_PATCH_H
#define SHIM_PATCH_H

#include <stdbool.h>
#include <stdint.h>

struct patch_counts {
	unsigned found, patched, left;
	const char *cause; /* of the last failure: in words */
};

/* Scans what was loaded since the last call. False: the C library's sites cannot be redirected as needed, and the
 * program must run natively (what was redirected already passes its calls on). relocated: the loader has finished with
 * what is loaded; if not, those whose code it will change are left for a later call, and `all` becomes false. */
bool patch_loaded_objects(bool relocated, bool *all);
const struct patch_counts *patch_counts(void);

/* All calls there are redirected or of no interest: what reaches the kernel from there is meant to. */
bool patch_covers(uintptr_t at);
/* The vDSO asks for clocks that it does not know there: whether its calls are redirected. */
bool patch_has_vdso(void);
/* Widens the span by the C library's objects and their stubs. */
void patch_libc_span(uintptr_t *low, uintptr_t *high);

#endif
