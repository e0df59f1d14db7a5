/* The static block of each thread's thread-local storage has 1,568 bytes for what dlopen brings later: libraries that were
 * linked for it (DF_STATIC_TLS), and further namespaces. A program that never loads any, and whose C library loads none
 * either (NSS), does not need them; then a thread's block and its first frames fit into one page.
 *
 * What is not sure is denied: no library but those in the loader's cache is looked for. ld.so(8), nsswitch.conf(5). */
#include "small_tls.h"

#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILES_MAX 128
#define PATH_LONGEST 512

struct file {
	const uint8_t *start;
	size_t size;
};

static bool file_map(struct file *f, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *p = MAP_FAILED;

	if (fd < 0)
		return false;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size > 0)
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	f->start = p;
	f->size = (size_t)st.st_size;
	return p != MAP_FAILED;
}

/* NULL: not all of it is within the file. */
static const void *within(const struct file *f, uint64_t offset, uint64_t size)
{
	return offset <= f->size && size <= f->size - offset ? f->start + offset : NULL;
}

static const char *text_at(const struct file *f, uint64_t offset)
{
	const char *text = within(f, offset, 1);

	return text && memchr(text, '\0', f->size - offset) ? text : NULL;
}

/* What of an object is asked for. */
struct elf {
	struct file file;
	const Elf64_Phdr *segments;
	unsigned segment_count;
	const Elf64_Dyn *dynamic;
	size_t dynamic_count;
	const Elf64_Sym *symbols; /* NULL: nobody knows how many */
	size_t symbol_count;
	uint64_t strings, symbols_at; /* offsets in the file; 0: none */
	bool has_tls, is_static_tls, has_path;
};

static uint64_t offset_of(const struct elf *e, uint64_t address)
{
	for (unsigned i = 0; i < e->segment_count; i++) {
		const Elf64_Phdr *p = &e->segments[i];

		if (p->p_type == PT_LOAD && address - p->p_vaddr < p->p_filesz)
			return p->p_offset + (address - p->p_vaddr);
	}
	return 0;
}

static bool read_segments(struct elf *e)
{
	const Elf64_Ehdr *head = within(&e->file, 0, sizeof(*head));

	if (!head || memcmp(head->e_ident, ELFMAG, SELFMAG) != 0 || head->e_ident[EI_CLASS] != ELFCLASS64)
		return false;
	e->segment_count = head->e_phnum;
	e->segments = within(&e->file, head->e_phoff, e->segment_count * sizeof(*e->segments));
	for (unsigned i = 0; e->segments && i < e->segment_count; i++) {
		const Elf64_Phdr *p = &e->segments[i];

		e->has_tls |= p->p_type == PT_TLS && p->p_memsz;
		if (p->p_type != PT_DYNAMIC)
			continue;
		e->dynamic = within(&e->file, p->p_offset, p->p_filesz);
		e->dynamic_count = p->p_filesz / sizeof(*e->dynamic);
	}
	return e->segments && e->dynamic;
}

/* The loader needs no count of them; the sections have it. */
static void read_symbols(struct elf *e)
{
	const Elf64_Ehdr *head = within(&e->file, 0, sizeof(*head));
	const Elf64_Shdr *sections = within(&e->file, head->e_shoff, head->e_shnum * sizeof(*sections));

	for (unsigned i = 0; sections && i < head->e_shnum; i++) {
		if (sections[i].sh_type != SHT_DYNSYM || sections[i].sh_offset != e->symbols_at)
			continue;
		e->symbols = within(&e->file, e->symbols_at, sections[i].sh_size);
		e->symbol_count = sections[i].sh_size / sizeof(*e->symbols);
	}
}

static bool elf_open(struct elf *e, const char *path)
{
	*e = (struct elf){0};
	if (!file_map(&e->file, path) || !read_segments(e))
		return false;
	for (size_t i = 0; i < e->dynamic_count && e->dynamic[i].d_tag != DT_NULL; i++) {
		uint64_t value = e->dynamic[i].d_un.d_val;

		switch (e->dynamic[i].d_tag) {
		case DT_STRTAB:
			e->strings = offset_of(e, value);
			break;
		case DT_SYMTAB:
			e->symbols_at = offset_of(e, value);
			break;
		case DT_FLAGS:
			e->is_static_tls = value & DF_STATIC_TLS;
			break;
		case DT_RPATH:
		case DT_RUNPATH:
		case DT_AUDIT:
		case DT_DEPAUDIT:
			e->has_path = true;
			break;
		default:
			break;
		}
	}
	read_symbols(e);
	return e->strings && e->symbols;
}

static bool begins(const char *name, const char *const *with)
{
	for (; *with; with++)
		if (!strncmp(name, *with, strlen(*with)))
			return true;
	return false;
}

/* By name, or by asking for a name. */
static const char *const loading[] = {"dlopen", "dlmopen", "dlsym", "dlvsym", NULL};
/* What asks the Name Service Switch, and more. */
static const char *const asking[] = {
	"getpw",    "setpw",	"endpw",    "getgr",	 "setgr",     "endgr",	   "getsp",	"setsp",   "endsp",
	"getsg",    "setsg",	"endsg",    "gethost",	 "sethost",   "endhost",   "getnet",	"setnet",  "endnet",
	"getproto", "setproto", "endproto", "getserv",	 "setserv",   "endserv",   "getrpc",	"setrpc",  "endrpc",
	"getalias", "setalias", "endalias", "getaddr",	 "getname",   "getlogin",  "cuserid",	"innetgr", "initgr",
	"ether_",   "glob",	"wordexp",  "rcmd",	 "rexec",     "ruserok",   "iruserok",	"grantpt", "openpty",
	"forkpty",  "clnt",	"netname2", "user2netn", "host2netn", "getpublic", "getsecret", "__nss",   NULL,
};

enum use {
	LOADS = 1,
	ASKS = 2,
};

static int uses_of(const struct elf *e)
{
	int uses = 0;

	for (size_t i = 1; i < e->symbol_count; i++) {
		const char *name = text_at(&e->file, e->strings + e->symbols[i].st_name);

		if (e->symbols[i].st_shndx != SHN_UNDEF)
			continue;
		if (!name || begins(name, loading))
			uses |= LOADS;
		else if (begins(name, asking))
			uses |= ASKS;
	}
	return uses;
}

/* The loader's cache: glibc's sysdeps/generic/dl-cache.h. */
struct cache_head {
	char magic[20];
	uint32_t count, strings_size;
	uint32_t rest[5];
};

struct cache_entry {
	int32_t flags;
	uint32_t name, path;
	uint32_t os;
	uint64_t hwcap;
};

static struct file cache;

static const struct cache_entry *cache_entries(uint32_t *count)
{
	const struct cache_head *head;

	if (!cache.start && !file_map(&cache, "/etc/ld.so.cache"))
		cache = (struct file){(const uint8_t *)"", 0};
	head = within(&cache, 0, sizeof(*head));
	*count = head && !memcmp(head->magic, "glibc-ld.so.cache1.1", sizeof(head->magic)) ? head->count : 0;
	return within(&cache, sizeof(*head), *count * sizeof(struct cache_entry));
}

/* Objects that were looked at or are to be. */
struct set {
	char paths[FILES_MAX][PATH_LONGEST];
	unsigned count;
	bool knows_all, asks;
};

static void set_add(struct set *s, const char *path)
{
	for (unsigned i = 0; i < s->count; i++)
		if (!strcmp(s->paths[i], path))
			return;
	if (s->count == FILES_MAX || strlen(path) >= PATH_LONGEST) {
		s->knows_all = false;
		return;
	}
	strcpy(s->paths[s->count++], path);
}

static bool is_of_this_cpu(int32_t flags)
{
#if defined(__x86_64__)
	return flags == 0x0303;
#else
	return flags == 0x0a03;
#endif
}

/* All of that name: there may be one for newer CPUs. How many. */
static unsigned set_find(struct set *s, const char *name)
{
	uint32_t count;
	const struct cache_entry *entries = cache_entries(&count);
	unsigned found = 0;

	for (uint32_t i = 0; entries && i < count; i++) {
		const char *its = is_of_this_cpu(entries[i].flags) ? text_at(&cache, entries[i].name) : NULL;
		const char *path = its && !strcmp(its, name) ? text_at(&cache, entries[i].path) : NULL;

		if (!path)
			continue;
		set_add(s, path);
		found++;
	}
	return found;
}

/* glibc's own: it is known what they load. */
static bool is_glibc(const char *name)
{
	static const char *const names[] = {"libc.so.6",  "libdl.so.2",	 "libpthread.so.0", "libm.so.6",
					    "librt.so.1", "libanl.so.1", "libresolv.so.2"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(name, names[i]))
			return true;
	return !strncmp(name, "ld-linux", 8);
}

static void set_add_needed(struct set *s, const struct elf *e)
{
	for (size_t i = 0; i < e->dynamic_count && e->dynamic[i].d_tag != DT_NULL; i++) {
		const char *name;

		if (e->dynamic[i].d_tag != DT_NEEDED)
			continue;
		name = text_at(&e->file, e->strings + e->dynamic[i].d_un.d_val);
		if (!name || (!is_glibc(name) && (strchr(name, '/') || !set_find(s, name))))
			s->knows_all = false;
	}
}

/* Of the set and all that it needs: none loads any more. For what is itself loaded late: none has a part in the static
 * block. */
static bool set_is_closed(struct set *s, bool late)
{
	bool has_tls = false, is_static = false;

	for (unsigned i = 0; i < s->count && s->knows_all; i++) {
		struct elf e;
		int uses = elf_open(&e, s->paths[i]) ? uses_of(&e) : LOADS;

		if (uses & LOADS || e.has_path)
			return false;
		s->asks |= uses & ASKS;
		has_tls |= e.has_tls;
		is_static |= e.is_static_tls;
		set_add_needed(s, &e);
	}
	return s->knows_all && !(late && has_tls && is_static);
}

static bool service_is_closed(const char *service)
{
	struct set s = {.knows_all = true};
	char name[64];

	if (*service == '[' || !strcmp(service, "files") || !strcmp(service, "dns"))
		return true;
	snprintf(name, sizeof(name), "libnss_%.40s.so.2", service);
	return !set_find(&s, name) || set_is_closed(&s, true); /* it is not there: nothing is loaded */
}

static bool services_are_closed(void)
{
	FILE *f = fopen("/etc/nsswitch.conf", "re");
	char line[1024];
	bool closed = true;

	while (f && closed && fgets(line, sizeof(line), f)) {
		char *services = strchr(line, ':'), *save = NULL;

		line[strcspn(line, "#")] = '\0';
		if (!services || services > line + strlen(line))
			continue;
		for (char *word = strtok_r(services + 1, " \t\n", &save); word; word = strtok_r(NULL, " \t\n", &save))
			closed = closed && service_is_closed(word);
	}
	if (f)
		fclose(f);
	return closed;
}

/* Who says what else is loaded, and from where. */
static bool is_plain_environment(void)
{
	static const char *const names[] = {"LD_AUDIT", "LD_LIBRARY_PATH", "LD_PRELOAD", "GCONV_PATH",
					    "GLIBC_TUNABLES"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);

		if (value && *value)
			return false;
	}
	return true;
}

int small_tls_check(const char *path)
{
	struct set s = {.knows_all = true};

	if (!is_plain_environment() || !access("/etc/ld.so.preload", F_OK))
		return 1;
	set_add(&s, path);
	return set_is_closed(&s, false) && (!s.asks || services_are_closed()) ? 0 : 1;
}
