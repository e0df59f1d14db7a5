/* loaded.h - the objects that are loaded: also those in lists of their own, which dlmopen makes and dl_iterate_phdr leaves
 * out. Since glibc 2.35 debuggers find those lists behind _r_debug; before, they stay unseen. dl_iterate_phdr(3). */
#ifndef SHIM_LOADED_H
#define SHIM_LOADED_H

#include <link.h>
#include <stdbool.h>

/* With the loader's lock, which is recursive. */
void loaded_each(void (*each)(const struct dl_phdr_info *info, void *arg), void *arg);

/* What is loaded has changed since, if one of these has. */
struct loaded_version {
	unsigned long long adds, subs; /* the program's own list */
	unsigned long others;	       /* stands for the other lists */
};

struct loaded_version loaded_version(void);

static inline bool loaded_same(struct loaded_version a, struct loaded_version b)
{
	return a.adds == b.adds && a.subs == b.subs && a.others == b.others;
}

#endif
