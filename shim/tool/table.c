#include "table.h"

#include <stdio.h>

#include "../known.h"
#include "wanted.h"

#define SITES_MAX 16384

static struct site sites[SITES_MAX];

static bool fits(const struct object *o, long n)
{
	for (long i = 0; i < n; i++)
		if (sites[i].at - o->all.start > UINT32_MAX || sites[i].nr > INT16_MAX || sites[i].nr < INT16_MIN)
			return false;
	return n > 0 && o->build_id_size > 0 && o->build_id_size <= BUILD_ID_MAX;
}

static void write_site(const struct object *o, const struct site *s)
{
	bool has_window = s->kind == SITE_BEFORE || s->kind == SITE_ACROSS;

	printf("\t\t{%#lx, %d, %d, %ld, %ld},\n", (unsigned long)(s->at - o->all.start), s->nr, (int)s->kind,
	       has_window ? (long)(s->at - s->start) : 0, has_window ? (long)(s->end - s->at) : 0);
}

static void write_object(const struct object *o, long n)
{
	printf("{\n\t.id = {");
	for (unsigned i = 0; i < o->build_id_size; i++)
		printf("%u, ", o->build_id[i]);
	printf("},\n\t.id_size = %u, .code_size = %zu, .count = %ld, .hash = %#llx,\n", o->build_id_size,
	       known_code_size(o), n, (unsigned long long)known_hash(sites, (size_t)n));
	puts("\t.sites = (const struct known_site[]){");
	for (long i = 0; i < n; i++)
		write_site(o, &sites[i]);
	puts("\t},\n},");
}

int table_write(char *const *paths)
{
	for (; *paths; paths++) {
		struct object o;
		long n;

		if (object_open(&o, *paths))
			continue;
		n = sites_find(&o, is_in_table, sites, SITES_MAX);
		if (fits(&o, n)) {
			printf("/* %s */\n", o.name);
			write_object(&o, n);
		}
		object_close(&o);
	}
	return 0;
}
