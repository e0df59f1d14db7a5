#include "modules.h"

#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "sys.h"

#define MODULES 512
#define LINE 512

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

/* start-end rwxp offset dev inode path */
static void parse(char *line)
{
	char *p, *path = strpbrk(line, "/[");
	uintptr_t start = strtoul(line, &p, 16);
	unsigned long offset;
	char readable;

	strtoul(p + 1, &p, 16);
	readable = p[1];
	offset = strtoul(p + 5, NULL, 16);
	if (!path || offset || readable != 'r')
		return;
	if ((*path == '/' && strncmp(path, "/memfd:", 7) != 0 && strncmp(path, "/dev/", 5) != 0) ||
	    !strncmp(path, "[vdso]", 6))
		add(start, path);
}

void modules_read(void)
{
	char buf[LINE];
	long fd = sys_call(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC), got;
	size_t have = 0;

	count = 0;
	if (sys_failed(fd))
		return;
	while ((got = sys_call(SYS_read, fd, buf + have, sizeof(buf) - 1 - have)) > 0) {
		char *line = buf, *end;

		have += (size_t)got;
		buf[have] = 0;
		for (; (end = strchr(line, '\n')); line = end + 1) {
			*end = 0;
			parse(line);
		}
		have -= (size_t)(line - buf);
		memmove(buf, line, have);
		if (have == sizeof(buf) - 1)
			have = 0; /* a path longer than that: not worth more */
	}
	sys_call(SYS_close, fd);
}

const struct module *module_of(uintptr_t address)
{
	for (unsigned i = 0; i < count; i++)
		if (address >= modules[i].start && address < modules[i].end)
			return &modules[i];
	return NULL;
}
