#include "loaded.h"

#include <string.h>

/* <link.h> of glibc 2.35: struct r_debug_extended. */
struct list_of_objects {
	struct r_debug base;
	struct list_of_objects *next;
};

#define EXTENDED 2

struct walk {
	void (*each)(const struct dl_phdr_info *info, void *arg);
	void *arg;
	bool begun;
};

/* Not the program's, which is the first. */
static struct list_of_objects *other_lists(void)
{
	struct r_debug *first = &_r_debug;

	__asm__("" : "+r"(first)); /* larger than the header says */
	return first->r_version < EXTENDED ? NULL : ((struct list_of_objects *)first)->next;
}

static void tell(const struct link_map *map, struct walk *w)
{
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)map->l_addr; /* a shared object begins at 0 */
	struct dl_phdr_info info = {.dlpi_addr = map->l_addr, .dlpi_name = map->l_name};

	if (!eh || memcmp(eh->e_ident, ELFMAG, SELFMAG) != 0)
		return;
	info.dlpi_phdr = (const Elf64_Phdr *)(map->l_addr + eh->e_phoff);
	info.dlpi_phnum = eh->e_phnum;
	w->each(&info, w->arg);
}

static int step(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct walk *w = arg;

	(void)size;
	w->each(info, w->arg);
	if (w->begun)
		return 0;
	w->begun = true;
	for (struct list_of_objects *l = other_lists(); l; l = l->next)
		for (struct link_map *map = l->base.r_map; map; map = map->l_next)
			tell(map, w);
	return 0;
}

void loaded_each(void (*each)(const struct dl_phdr_info *info, void *arg), void *arg)
{
	struct walk w = {.each = each, .arg = arg};

	dl_iterate_phdr(step, &w);
}

static int read_version(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct loaded_version *v = arg;

	(void)size;
	v->adds = info->dlpi_adds;
	v->subs = info->dlpi_subs;
	for (struct list_of_objects *l = other_lists(); l; l = l->next)
		for (struct link_map *map = l->base.r_map; map; map = map->l_next)
			v->others = v->others * 31 + map->l_addr;
	return 1;
}

struct loaded_version loaded_version(void)
{
	struct loaded_version v = {0};

	dl_iterate_phdr(read_version, &v);
	return v;
}
