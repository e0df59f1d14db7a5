#include "patch.h"

#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "call.h"
#include "options.h"
#include "patch_stub.h"
#include "sites.h"
#include "sys.h"

#define PAGE ((uintptr_t)4096)
#define SITES_MAX 16384
#define OBJECTS_MAX 4096
#define STUBS_FROM ((uintptr_t)1 << 20)	/* where a place for stubs is looked for: this far from the object, doubling */
#define STUBS_TO ((uintptr_t)1 << 30)

/* What was seen: an object that dlclose took away may be followed by another in its place. */
struct known {
	const uint8_t *start, *end;
	const uint8_t *window, *stub; /* of its first site: the jump is there as long as the object is; NULL: none */
};

static struct known known[OBJECTS_MAX];
static unsigned known_count;
static struct patch_counts counts;
static char cause[192];

const struct patch_counts *patch_counts(void)
{
	return &counts;
}

static bool fail(const struct object *o, const char *what, long err)
{
	snprintf(cause, sizeof(cause), "%.60s: %s%s%s", *o->name ? o->name : "the program", what, err ? ": " : "",
		 err ? strerror((int)-err) : "");
	counts.cause = cause;
	return false;
}

static uintptr_t page_of(const void *p)
{
	return (uintptr_t)p & ~(PAGE - 1);
}

/* Memory that a five-byte jump from anywhere in the object reaches. The heap grows upwards from the program: below it
 * is the better side. */
static long map_near(const struct object *o, size_t size)
{
	uintptr_t low = page_of(o->all.start), high = page_of(o->all.end) + PAGE;

	for (uintptr_t distance = STUBS_FROM; distance <= STUBS_TO; distance *= 2) {
		uintptr_t places[] = {low - distance - size, high + distance};

		for (int i = 0; i < 2; i++) {
			long map = sys_call(SYS_mmap, page_of((void *)places[i]), size, PROT_READ | PROT_WRITE,
					    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

			if (sys_failed(map))
				continue;
			if ((uintptr_t)map == page_of((void *)places[i]))
				return map;
			sys_call(SYS_munmap, map, size); /* before Linux 4.17 the flag is a hint */
		}
	}
	return -ENOMEM;
}

/* A copy of the pages [from, from + size), in which the windows of the sites that touch them are jumps. */
static long copy_patched(uintptr_t from, size_t size, const struct site *sites, size_t count, uint8_t *const *stubs)
{
	long map = sys_call(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t window[WINDOW_MAX];

	if (sys_failed(map))
		return map;
	memcpy((void *)map, (const void *)from, size);
	for (size_t i = 0; i < count; i++) {
		if (!stubs[i])
			continue;
		stub_jump(window, &sites[i], stubs[i]);
		for (const uint8_t *p = sites[i].start; p < sites[i].end; p++)
			if ((uintptr_t)p >= from && (uintptr_t)p < from + size)
				((uint8_t *)map)[(uintptr_t)p - from] = window[p - sites[i].start];
	}
	return map;
}

static long replace_pages(uintptr_t from, size_t size, const struct site *sites, size_t count, uint8_t *const *stubs)
{
	long map = copy_patched(from, size, sites, count, stubs), err;

	if (sys_failed(map))
		return map;
	err = sys_call(SYS_mprotect, map, size, PROT_READ | PROT_EXEC);
	if (!err)
		err = sys_call(SYS_mremap, map, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, from);
	if (sys_failed(err))
		sys_call(SYS_munmap, map, size);
	return sys_failed(err) ? err : 0;
}

/* Runs of adjoining pages with windows in them, one after the other. */
static bool write_windows(const struct object *o, const struct site *sites, size_t count, uint8_t *const *stubs)
{
	for (size_t i = 0, next; i < count; i = next) {
		uintptr_t from, to;
		long err;

		next = i + 1;
		if (!stubs[i])
			continue;
		from = page_of(sites[i].start);
		to = page_of(sites[i].end - 1) + PAGE;
		for (; next < count && (!stubs[next] || page_of(sites[next].start) <= to); next++)
			if (stubs[next])
				to = page_of(sites[next].end - 1) + PAGE;
		err = replace_pages(from, to - from, &sites[i], next - i, &stubs[i]);
		if (err)
			return fail(o, "its text cannot be replaced", err);
	}
	return true;
}

static bool is_redirected(const struct site *site)
{
	return site->kind == SITE_BEFORE || site->kind == SITE_ACROSS;
}

/* Without these a thread would not be a greenlet, or would stop all others. */
static bool is_needed(const struct object *o, const struct site *site)
{
	return o->is_glibc && (site->nr < 0 || site->nr == SYS_clone || site->nr == SYS_clone3 || site->nr == SYS_exit ||
			       site->nr == SYS_futex || site->nr == SYS_rt_sigprocmask);
}

static bool count_site(const struct object *o, const struct site *site, const uint8_t *stub)
{
	counts.found++;
	if (site->kind == SITE_NATIVE)
		return true;
	if (stub) {
		counts.patched++;
		return true;
	}
	counts.left++;
	return !is_needed(o, site) || fail(o, "a system call that it needs cannot be redirected", 0);
}

/* stubs[i] becomes the stub of sites[i], or NULL. */
static bool write_stubs(const struct object *o, const struct site *sites, size_t count, uint8_t **stubs)
{
	const void *entry = o->is_glibc ? shim_entry : shim_entry_full;
	size_t wanted = 0, size;
	uint8_t *to, window[WINDOW_MAX];
	long map;

	for (size_t i = 0; i < count; i++)
		wanted += is_redirected(&sites[i]);
	if (!wanted)
		return true;
	size = (wanted * STUB_MAX + PAGE - 1) & ~(PAGE - 1);
	map = map_near(o, size);
	if (sys_failed(map))
		return fail(o, "no room for code near it", map);
	to = (uint8_t *)map;
	for (size_t i = 0; i < count; i++) {
		size_t used = is_redirected(&sites[i]) ? stub_write(to, &sites[i], entry) : 0;

		if (!used || !stub_jump(window, &sites[i], to))
			continue;
		stubs[i] = to;
		to += (used + 15) & ~(size_t)15;
	}
	map = sys_call(SYS_mprotect, map, size, PROT_READ | PROT_EXEC);
	return !map || fail(o, "code cannot be made executable", map);
}

static void remember(const struct object *o, const struct site *sites, size_t count, uint8_t *const *stubs)
{
	struct known *k = &known[known_count];

	if (known_count == OBJECTS_MAX)
		return;
	*k = (struct known){.start = o->all.start, .end = o->all.end};
	for (size_t i = 0; i < count && !k->window; i++)
		if (stubs[i]) {
			k->window = sites[i].start;
			k->stub = stubs[i];
		}
	known_count++;
}

struct work {
	struct site sites[SITES_MAX];
	uint8_t *stubs[SITES_MAX];
};

static bool patch_object(const struct object *o, struct work *w)
{
	long n = sites_find(o, call_is_intercepted, w->sites, SITES_MAX);
	bool fine = true;

	if (sys_failed(n))
		return !o->is_glibc || fail(o, "it cannot be searched for system calls", n);
	memset(w->stubs, 0, (size_t)n * sizeof(w->stubs[0]));
	if (!write_stubs(o, w->sites, (size_t)n, w->stubs) || !write_windows(o, w->sites, (size_t)n, w->stubs))
		fine = false;
	for (long i = 0; i < n; i++)
		fine &= count_site(o, &w->sites[i], w->stubs[i]);
	remember(o, w->sites, (size_t)n, w->stubs);
	return fine || !o->is_glibc;
}

static bool is_known(const struct object *o)
{
	for (unsigned i = 0; i < known_count; i++) {
		struct known *k = &known[i];
		uint8_t jump[WINDOW_MAX];
		struct site site;

		if (k->start != o->all.start || k->end != o->all.end)
			continue;
		if (!k->window)
			return true;
		site = (struct site){.start = k->window, .end = k->window + JUMP_SIZE};
		if (stub_jump(jump, &site, k->stub) && !memcmp(jump, k->window, JUMP_SIZE))
			return true;
		*k = known[--known_count]; /* another object is in its place */
		return false;
	}
	return false;
}

struct round {
	struct work *work;
	bool fine;
};

static int each(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct round *round = arg;
	struct object o;

	(void)size;
	if (!object_of_loaded(&o, info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum, info->dlpi_name) || is_known(&o))
		return 0;
	if ((const char *)o.all.start <= shim_entry && shim_entry < (const char *)o.all.end)
		return 0; /* this one's calls are the kernel's */
	if ((uintptr_t)o.all.start == getauxval(AT_SYSINFO_EHDR))
		return 0; /* the vDSO */
	if (!patch_object(&o, round->work))
		round->fine = false;
	return 0;
}

bool patch_loaded_objects(void)
{
	long map = sys_call(SYS_mmap, 0, sizeof(struct work), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct round round = {.work = (struct work *)map, .fine = true};

	if (sys_failed(map)) {
		counts.cause = "no memory";
		return false;
	}
	dl_iterate_phdr(each, &round);
	sys_call(SYS_munmap, map, sizeof(struct work));
	return round.fine;
}
