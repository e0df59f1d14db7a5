/* The static block of each thread's thread-local storage has 1,568 bytes for what dlopen brings later: libraries that were
 * linked for it (DF_STATIC_TLS), and further namespaces. A program that never loads any, and whose C library loads none
 * either (NSS), does not need them; then a thread's block and its first frames fit into one page.
 *
 * What is not sure is denied: no library but those in the loader's cache is looked for. ld.so(8), nsswitch.conf(5). */
#include "small_tls.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../object.h"

#define FILES_MAX 128
#define PATH_LONGEST 512

/* NULL: not all of it is there. */
static const void *within(struct range r, uint64_t offset, uint64_t size)
{
	uint64_t room = (uint64_t)(r.end - r.start);

	return offset <= room && size <= room - offset ? r.start + offset : NULL;
}

static const char *text_in(struct range r, uint64_t offset)
{
	const char *text = within(r, offset, 1);

	return text && memchr(text, '\0', (size_t)((const char *)r.end - text)) ? text : NULL;
}

/* In an object: what its dynamic section leads to. A table reaches from where it begins to its segment's end. */
struct tables {
	struct range strings, symbols;
	struct range relocations[2]; /* of calls and of data: what is used is named in one */
	uint64_t sizes[2];
	bool is_static_tls, has_path;
};

static struct range segment_from(const struct object *o, uint64_t address)
{
	const uint8_t *at = (const uint8_t *)(o->bias + address);

	for (unsigned i = 0; i < o->data_count; i++)
		if (at >= o->data[i].start && at < o->data[i].end)
			return (struct range){at, o->data[i].end};
	for (unsigned i = 0; i < o->code_count; i++)
		if (at >= o->code[i].start && at < o->code[i].end)
			return (struct range){at, o->code[i].end};
	return (struct range){0};
}

static void read_entry(struct tables *t, const struct object *o, const Elf64_Dyn *d)
{
	uint64_t value = d->d_un.d_val;

	switch (d->d_tag) {
	case DT_STRTAB:
		t->strings = segment_from(o, value);
		break;
	case DT_SYMTAB:
		t->symbols = segment_from(o, value);
		break;
	case DT_RELA:
	case DT_JMPREL:
		t->relocations[d->d_tag == DT_RELA] = segment_from(o, value);
		break;
	case DT_RELASZ:
	case DT_PLTRELSZ:
		t->sizes[d->d_tag == DT_RELASZ] = value;
		break;
	case DT_FLAGS:
		t->is_static_tls = value & DF_STATIC_TLS;
		break;
	case DT_RPATH:
	case DT_RUNPATH:
	case DT_AUDIT:
	case DT_DEPAUDIT:
	case DT_AUXILIARY:
	case DT_FILTER:
		t->has_path = true;
		break;
	default:
		break;
	}
}

static bool read_tables(struct tables *t, const struct object *o)
{
	*t = (struct tables){0};
	for (size_t i = 0; i < o->dynamic_count; i++)
		read_entry(t, o, &o->dynamic[i]);
	return t->strings.start && t->symbols.start;
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

static int use_of(const struct tables *t, uint64_t number)
{
	const void *at = within(t->symbols, number * sizeof(Elf64_Sym), sizeof(Elf64_Sym));
	const char *name;
	Elf64_Sym symbol;

	if (!at)
		return LOADS;
	memcpy(&symbol, at, sizeof(symbol)); /* a damaged file's may be anywhere */
	if (symbol.st_shndx != SHN_UNDEF)
		return 0;
	name = text_in(t->strings, symbol.st_name);
	return !name || begins(name, loading) ? LOADS : begins(name, asking) ? ASKS : 0;
}

static int uses_of(const struct tables *t)
{
	int uses = 0;

	for (int i = 0; i < 2; i++) {
		Elf64_Rela one;

		if (t->sizes[i] && !within(t->relocations[i], 0, t->sizes[i]))
			return LOADS;
		for (uint64_t at = 0; at + sizeof(one) <= t->sizes[i] && !(uses & LOADS); at += sizeof(one)) {
			memcpy(&one, t->relocations[i].start + at, sizeof(one));
			if (ELF64_R_SYM(one.r_info))
				uses |= use_of(t, ELF64_R_SYM(one.r_info));
		}
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

static struct range cache;

static void map_cache(void)
{
	int fd = open("/etc/ld.so.cache", O_RDONLY | O_CLOEXEC);
	struct stat st;
	const uint8_t *p = MAP_FAILED;

	if (fd < 0)
		return;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size > 0)
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (p != MAP_FAILED)
		cache = (struct range){p, p + st.st_size};
}

static const struct cache_entry *cache_entries(uint32_t *count)
{
	const struct cache_head *head = within(cache, 0, sizeof(*head));

	*count = head && !memcmp(head->magic, "glibc-ld.so.cache1.1", sizeof(head->magic)) ? head->count : 0;
	return within(cache, sizeof(*head), *count * sizeof(struct cache_entry));
}

/* Objects that were looked at or are to be. */
struct set {
	char paths[FILES_MAX][PATH_LONGEST];
	unsigned count;
	bool knows_all, asks, has_tls, is_static_tls;
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
		const char *its = is_of_this_cpu(entries[i].flags) ? text_in(cache, entries[i].name) : NULL;
		const char *path = its && !strcmp(its, name) ? text_in(cache, entries[i].path) : NULL;

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

static void set_add_needed(struct set *s, const struct object *o, const struct tables *t)
{
	for (size_t i = 0; i < o->dynamic_count; i++) {
		const char *name;

		if (o->dynamic[i].d_tag != DT_NEEDED)
			continue;
		name = text_in(t->strings, o->dynamic[i].d_un.d_val);
		if (!name || (!is_glibc(name) && (strchr(name, '/') || !set_find(s, name))))
			s->knows_all = false;
	}
}

/* Reads one of the set, and adds what it needs. */
static void set_read(struct set *s, const char *path)
{
	struct object o;
	struct tables t;
	int uses;

	if (object_open(&o, path)) {
		s->knows_all = false;
		return;
	}
	uses = read_tables(&t, &o) ? uses_of(&t) : LOADS;
	s->knows_all &= !(uses & LOADS) && !t.has_path;
	s->asks |= uses & ASKS;
	s->has_tls |= o.has_tls;
	s->is_static_tls |= t.is_static_tls;
	set_add_needed(s, &o, &t);
	object_close(&o);
}

/* Of the set and all that it needs: none loads any more. For what is itself loaded late: none has a part in the static
 * block. */
static bool set_is_closed(struct set *s, bool late)
{
	for (unsigned i = 0; i < s->count && s->knows_all; i++)
		set_read(s, s->paths[i]);
	return s->knows_all && !(late && s->has_tls && s->is_static_tls);
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
	map_cache();
	set_add(&s, path);
	return set_is_closed(&s, false) && (!s.asks || services_are_closed()) ? 0 : 1;
}
