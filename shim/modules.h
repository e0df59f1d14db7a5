/* modules.h - which object an address belongs to, as /proc/self/maps says. For the dump: no lock of the loader is taken,
 * since whoever holds it may be parked for ever. */
#ifndef SHIM_MODULES_H
#define SHIM_MODULES_H

#include <stdint.h>

struct module {
	uintptr_t start, end;	     /* where it is loaded */
	uintptr_t bias;		     /* address = bias + the file's own */
	const uint8_t *eh_frame_hdr; /* NULL: none */
	char name[48];
};

/* Reads the list anew. */
void modules_read(void);
const struct module *module_of(uintptr_t address); /* NULL: none */

#endif
