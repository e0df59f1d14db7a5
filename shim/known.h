/* known.h - sites that were found when greenshim was built: those of the C library it was built beside, so that starting
 * does not search for them. An object is known by its build id; the bytes at every site that would be redirected must be
 * those that were found. `greenshim-check --table` makes the tables. */
#ifndef SHIM_KNOWN_H
#define SHIM_KNOWN_H

#include "object.h"
#include "sites.h"

#define BUILD_ID_MAX 20

struct known_site {
	uint32_t at; /* from the object's start */
	int16_t nr;
	uint8_t kind;	    /* enum site_kind */
	uint8_t start, end; /* the window, before and behind `at` */
};

struct known_object {
	uint8_t id[BUILD_ID_MAX];
	uint32_t id_size, code_size, count;
	uint64_t hash;
	const struct known_site *sites;
};

/* All sites as sites_find would tell them: their number, 0 where the object is not known. */
long known_sites(const struct object *o, struct site *sites, size_t max);

/* The bytes that windows replace, and of the instructions behind them; FNV-1a. */
static inline uint64_t known_hash(const struct site *sites, size_t count)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < count; i++) {
		const uint8_t *end = sites[i].end > sites[i].at ? sites[i].end : sites[i].at + 2;

		if (sites[i].kind != SITE_BEFORE && sites[i].kind != SITE_ACROSS)
			continue;
		for (const uint8_t *p = sites[i].start; p < end; p++)
			hash = (hash ^ *p) * 0x100000001b3;
	}
	return hash;
}

static inline size_t known_code_size(const struct object *o)
{
	size_t size = 0;

	for (unsigned i = 0; i < o->code_count; i++)
		size += (size_t)(o->code[i].end - o->code[i].start);
	return size;
}

#endif
