#include "symbol.h"

#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>

#define VERSION_HIDDEN 0x8000 /* not the default */

struct tables {
	const ElfW(Sym) * symbols;
	const char *strings;
	const ElfW(Half) * versions; /* NULL: none */
	const uint32_t *hash;
};

struct search {
	const char *name;
	uint32_t hash;
	bool is_behind; /* this library was passed */
	void *found;
};

/* The loader has made addresses of the offsets in the dynamic section. */
static bool read_tables(struct tables *t, const ElfW(Dyn) * dynamic)
{
	memset(t, 0, sizeof(*t));
	for (; dynamic->d_tag != DT_NULL; dynamic++) {
		const void *at = (const void *)dynamic->d_un.d_ptr;

		if (dynamic->d_tag == DT_SYMTAB)
			t->symbols = at;
		else if (dynamic->d_tag == DT_STRTAB)
			t->strings = at;
		else if (dynamic->d_tag == DT_VERSYM)
			t->versions = at;
		else if (dynamic->d_tag == DT_GNU_HASH)
			t->hash = at;
	}
	return t->symbols && t->strings && t->hash;
}

static uint32_t hash_of(const char *name)
{
	uint32_t hash = 5381;

	for (; *name; name++)
		hash = hash * 33 + (unsigned char)*name;
	return hash;
}

static bool is_match(const struct tables *t, uint32_t i, const char *name)
{
	const ElfW(Sym) *s = &t->symbols[i];

	return s->st_shndx != SHN_UNDEF && ELF64_ST_TYPE(s->st_info) == STT_FUNC &&
	       !(t->versions && t->versions[i] & VERSION_HIDDEN) && !strcmp(t->strings + s->st_name, name);
}

/* Header: buckets, first symbol, words of the Bloom filter (skipped), its shift; a chain's last entry has bit 0. */
static const ElfW(Sym) * look_up(const struct tables *t, const struct search *search)
{
	const uint32_t *h = t->hash, buckets = h[0], first = h[1];
	const uint32_t *bucket = h + 4 + h[2] * (sizeof(ElfW(Addr)) / 4), *chain = bucket + buckets;
	uint32_t i = buckets ? bucket[search->hash % buckets] : 0;

	if (i < first)
		return NULL;
	for (;; i++) {
		if ((chain[i - first] | 1) == (search->hash | 1) && is_match(t, i, search->name))
			return &t->symbols[i];
		if (chain[i - first] & 1)
			return NULL;
	}
}

static bool has_address(const struct dl_phdr_info *info, uintptr_t address)
{
	for (unsigned i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD &&
		    address - info->dlpi_addr - info->dlpi_phdr[i].p_vaddr < info->dlpi_phdr[i].p_memsz)
			return true;
	return false;
}

static int each(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct search *search = arg;
	const ElfW(Sym) *symbol = NULL;
	struct tables t;

	(void)size;
	if (!search->is_behind) {
		search->is_behind = has_address(info, (uintptr_t)symbol_next);
		return 0;
	}
	if (has_address(info, getauxval(AT_SYSINFO_EHDR)))
		return 0; /* nobody made addresses there */
	for (unsigned i = 0; i < info->dlpi_phnum && !symbol; i++)
		if (info->dlpi_phdr[i].p_type == PT_DYNAMIC &&
		    read_tables(&t, (const ElfW(Dyn) *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr)))
			symbol = look_up(&t, search);
	if (symbol)
		search->found = (void *)(info->dlpi_addr + symbol->st_value);
	return symbol != NULL;
}

void *symbol_next(const char *name)
{
	struct search search = {.name = name, .hash = hash_of(name)};

	dl_iterate_phdr(each, &search);
	return search.found;
}
