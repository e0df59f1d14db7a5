#include "known.h"

#include <string.h>

static const struct known_object objects[] = {
#include "known.inc" /* made by the build */
	{.id_size = 0},
};

static const struct known_object *find(const struct object *o)
{
	for (const struct known_object *k = objects; k->id_size; k++)
		if (o->build_id_size == k->id_size && !memcmp(o->build_id, k->id, k->id_size) &&
		    known_code_size(o) == k->code_size)
			return k;
	return NULL;
}

long known_sites(const struct object *o, struct site *sites, size_t max)
{
	const struct known_object *k = find(o);

	if (!k || k->count > max)
		return 0;
	for (uint32_t i = 0; i < k->count; i++) {
		const struct known_site *from = &k->sites[i];
		const uint8_t *at = o->all.start + from->at;

		sites[i] = (struct site){.at = at,
					 .start = at - from->start,
					 .end = at + from->end,
					 .nr = from->nr,
					 .kind = (enum site_kind)from->kind,
					 .why = "known"};
	}
	return known_hash(sites, k->count) == k->hash ? (long)k->count : 0;
}
