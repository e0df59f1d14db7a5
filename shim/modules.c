#include "modules.h"

#include <elf.h>
#include <string.h>

#include "maps.h"

#define MODULES 512

static struct module modules[MODULES];
static unsigned count;

/* A mapping of offset 0 that begins with an ELF header: the rest follows from its program headers. */
static void add(uintptr_t start, const char *path)
{
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)start;
	const Elf64_Phdr *ph = (const Elf64_Phdr *)(start + eh->e_phoff);
	struct module *m = &modules[count];
	const char *slash = strrchr(path, '/');

	if (memcmp(eh->e_ident, ELFMAG, SELFMAG) != 0 || eh->e_phoff > 4096 || count >= MODULES)
		return;
	memset(m, 0, sizeof(*m));
	m->start = start;
	for (int i = 0; i < eh->e_phnum; i++) {
		if (ph[i].p_type == PT_LOAD && ph[i].p_offset == 0)
			m->bias = start - ph[i].p_vaddr;
		if (ph[i].p_type == PT_LOAD && m->bias + ph[i].p_vaddr + ph[i].p_memsz > m->end)
			m->end = m->bias + ph[i].p_vaddr + ph[i].p_memsz;
		if (ph[i].p_type == PT_GNU_EH_FRAME)
			m->eh_frame_hdr = (const uint8_t *)m->bias + ph[i].p_vaddr;
	}
	strncpy(m->name, slash ? slash + 1 : path, sizeof(m->name) - 1);
	count++;
}

static bool each(const struct mapping *m, void *arg)
{
	const char *path = m->path;

	(void)arg;
	if (m->offset || !m->readable)
		return false;
	if ((*path == '/' && strncmp(path, "/memfd:", 7) != 0 && strncmp(path, "/dev/", 5) != 0) ||
	    !strncmp(path, "[vdso]", 6))
		add(m->start, path);
	return false;
}

void modules_read(void)
{
	count = 0;
	maps_each(each, NULL);
}

const struct module *module_of(uintptr_t address)
{
	for (unsigned i = 0; i < count; i++)
		if (address >= modules[i].start && address < modules[i].end)
			return &modules[i];
	return NULL;
}
