#include "patch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "call.h"
#include "known.h"
#include "loaded.h"
#include "options.h"
#include "patch_stub.h"
#include "patch_text.h"
#include "sites.h"
#include "sys.h"

#define PAGE ((uintptr_t)4096)
#define SITES_MAX 16384
#define OBJECTS_MAX 4096
#define STAGE (32 * PAGE)
#define GAP (4 * PAGE) /* so many pages without windows are replaced too: less than another call costs */
#define STUBS_FROM ((uintptr_t)1 << 20) /* where a place for stubs is looked for: this far from the object, doubling */
#define STUBS_TO ((uintptr_t)1 << 30)

/* What was seen: an object that dlclose took away may be followed by another in its place. */
struct known {
	const uint8_t *start, *end;
	const uint8_t *window; /* of its first site: the jump is there as long as the object is; NULL: none */
	uintptr_t stub;
	uintptr_t stubs; /* all of them, as mapped */
	size_t stubs_size;
	bool is_glibc;
	bool has_left; /* sites that could not be redirected */
	bool is_there; /* still, in this round */
};

static struct known known[OBJECTS_MAX];
static unsigned known_count;
static struct patch_counts counts;
static char cause[192];

const struct patch_counts *patch_counts(void)
{
	return &counts;
}

static uintptr_t page_of(const void *p)
{
	return (uintptr_t)p & ~(PAGE - 1);
}

bool patch_covers(uintptr_t at)
{
	for (unsigned i = 0; i < known_count; i++) {
		const struct known *k = &known[i];

		if (at - k->stubs < k->stubs_size)
			return true;
		if (at >= (uintptr_t)k->start && at < (uintptr_t)k->end)
			return !k->has_left;
	}
	return false;
}

static void widen(uintptr_t *low, uintptr_t *high, uintptr_t from, uintptr_t to)
{
	if (from < *low)
		*low = from;
	if (to > *high)
		*high = to;
}

void patch_libc_span(uintptr_t *low, uintptr_t *high)
{
	for (unsigned i = 0; i < known_count; i++) {
		const struct known *k = &known[i];

		if (!k->is_glibc)
			continue;
		widen(low, high, page_of(k->start), page_of(k->end - 1) + PAGE);
		if (k->stubs_size)
			widen(low, high, k->stubs, k->stubs + k->stubs_size);
	}
}

static bool fail(const struct object *o, const char *what, long err)
{
	snprintf(cause, sizeof(cause), "%.60s: %s%s%s", *o->name ? o->name : "the program", what, err ? ": " : "",
		 err ? strerror((int)-err) : "");
	counts.cause = cause;
	return false;
}

/* Room that a five-byte jump from anywhere in the object reaches. The heap grows upwards from the program: below it
 * is the better side. */
static long reserve_near(const struct object *o, size_t size)
{
	uintptr_t low = page_of(o->all.start), high = page_of(o->all.end) + PAGE;

	for (uintptr_t distance = STUBS_FROM; distance <= STUBS_TO; distance *= 2) {
		uintptr_t places[] = {low - distance - size, high + distance};

		for (int i = 0; i < 2; i++) {
			long map = sys_call(SYS_mmap, page_of((void *)places[i]), size, PROT_NONE,
					    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

			if (sys_failed(map))
				continue;
			if ((uintptr_t)map == page_of((void *)places[i]))
				return map;
			sys_call(SYS_munmap, map, size); /* before Linux 4.17 the flag is a hint */
		}
	}
	return -ENOMEM;
}

/* Adjoining pages of text that are replaced together, with the sites that have windows in them. */
struct run {
	uintptr_t from, to;
	size_t first, last; /* sites; last is the next run's first */
};

/* The run that begins with the first site that has a stub, from `next` on. False: none is left. */
static bool next_run(struct run *run, const struct site *sites, size_t count, const uintptr_t *stubs, size_t next)
{
	while (next < count && !stubs[next])
		next++;
	if (next == count)
		return false;
	*run = (struct run){
		.from = page_of(sites[next].start), .to = page_of(sites[next].end - 1) + PAGE, .first = next};
	for (; next < count && (!stubs[next] || page_of(sites[next].start) <= run->to + GAP); next++) {
		if (!stubs[next])
			continue;
		if (page_of(sites[next].end - 1) + PAGE > run->from + STAGE)
			break;
		run->to = page_of(sites[next].end - 1) + PAGE;
	}
	run->last = next;
	return true;
}

/* The run's pages at `to`, with jumps for windows. */
static void copy_patched(uint8_t *to, const struct run *run, const struct site *sites, const uintptr_t *stubs)
{
	uint8_t window[WINDOW_MAX];

	memcpy(to, (const void *)run->from, run->to - run->from);
	for (size_t i = run->first; i < run->last; i++) {
		if (!stubs[i])
			continue;
		stub_jump(window, &sites[i], stubs[i]);
		memcpy(to + ((uintptr_t)sites[i].start - run->from), window, (size_t)(sites[i].end - sites[i].start));
	}
}

static bool is_redirected(const struct site *site)
{
	return site->kind == SITE_BEFORE || site->kind == SITE_ACROSS;
}

/* Without these a thread would not be a greenlet, or would stop all others. */
static bool is_needed(const struct object *o, const struct site *site)
{
	return o->is_glibc && (site->nr < 0 || site->nr == SYS_clone || site->nr == SYS_clone3 ||
			       site->nr == SYS_exit || site->nr == SYS_futex || site->nr == SYS_rt_sigprocmask);
}

static bool count_site(const struct object *o, const struct site *site, uintptr_t stub)
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

struct work {
	struct site sites[SITES_MAX];
	uintptr_t stubs[SITES_MAX]; /* 0: none */
	uint8_t stage[STAGE];
	struct text text;
	uintptr_t map; /* the object's stubs */
	size_t map_size;
};

/* The kernel's own mapping, which it does not let be split: all of it is replaced. */
static void take_whole(struct run *run, const struct object *o)
{
	if ((uintptr_t)o->all.start != getauxval(AT_SYSINFO_EHDR))
		return;
	run->from = page_of(o->all.start);
	run->to = page_of(o->all.end - 1) + PAGE;
}

static bool write_windows(const struct object *o, struct work *w, size_t count)
{
	struct run run = {.last = 0};

	while (next_run(&run, w->sites, count, w->stubs, run.last)) {
		long err;

		take_whole(&run, o);
		copy_patched(w->stage, &run, w->sites, w->stubs);
		err = text_replace(&w->text, run.from, w->stage, run.to - run.from);
		if (err)
			return fail(o, "its text cannot be replaced", err);
	}
	return true;
}

/* The stubs of as many sites as fit on the stage, from `next` on, at `place`: how many bytes. */
static size_t stage_stubs(const struct object *o, struct work *w, size_t count, uintptr_t place, size_t *next)
{
	const void *entry = o->is_glibc ? shim_entry : shim_entry_full;
	uint8_t window[WINDOW_MAX];
	size_t at = 0;

	for (; *next < count && at + STUB_MAX <= STAGE; ++*next) {
		const struct site *site = &w->sites[*next];
		size_t used = is_redirected(site) ? stub_write(w->stage + at, place + at, site, entry) : 0;

		if (!used || !stub_jump(window, site, place + at))
			continue;
		w->stubs[*next] = place + at;
		memset(w->stage + at + used, 0xcc, STUB_MAX - used);
		at += (used + 15) & ~(size_t)15;
	}
	memset(w->stage + at, 0xcc, -at & (PAGE - 1));
	return (at + PAGE - 1) & ~(PAGE - 1);
}

/* stubs[i] becomes the stub of sites[i], or 0. */
static bool write_stubs(const struct object *o, struct work *w, size_t count)
{
	size_t wanted = 0, size, done = 0;
	long map, err = 0;

	for (size_t i = 0; i < count; i++)
		wanted += is_redirected(&w->sites[i]);
	if (!wanted)
		return true;
	size = (wanted * STUB_MAX + PAGE - 1) & ~(PAGE - 1);
	map = reserve_near(o, size);
	if (sys_failed(map))
		return fail(o, "no room for code near it", map);
	for (size_t next = 0, used; next < count && !err; done += used) {
		used = stage_stubs(o, w, count, (uintptr_t)map + done, &next);
		if (used)
			err = text_replace(&w->text, (uintptr_t)map + done, w->stage, used);
	}
	if (done < size || err)
		sys_call(SYS_munmap, map + (err ? 0 : (long)done), size - (err ? 0 : done));
	w->map = (uintptr_t)map;
	w->map_size = err ? 0 : done;
	return !err || fail(o, "code cannot be made executable", err);
}

static void remember(const struct object *o, const struct work *w, size_t count)
{
	struct known *k = &known[known_count];

	*k = (struct known){.start = o->all.start,
			    .end = o->all.end,
			    .stubs = w->map,
			    .stubs_size = w->map_size,
			    .is_glibc = o->is_glibc,
			    .is_there = true};
	for (size_t i = 0; i < count; i++) {
		if (w->sites[i].kind != SITE_NATIVE && !w->stubs[i])
			k->has_left = true;
		if (w->stubs[i] && !k->window) {
			k->window = w->sites[i].start;
			k->stub = w->stubs[i];
		}
	}
	known_count++;
}

static bool patch_object(const struct object *o, struct work *w)
{
	long n = known_sites(o, w->sites, SITES_MAX);
	bool fine;

	for (long i = 0; i < n; i++) /* the table is of all calls that may be answered */
		if (w->sites[i].nr >= 0 && !call_is_intercepted(w->sites[i].nr))
			w->sites[i].kind = SITE_NATIVE;
	if (!n)
		n = sites_find(o, call_is_intercepted, w->sites, SITES_MAX);
	if (n == -EOPNOTSUPP)
		return fail(o, "its threads wait in code that no table describes", 0);
	if (sys_failed(n))
		return !o->is_glibc || fail(o, "it cannot be searched for system calls", n);
	memset(w->stubs, 0, (size_t)n * sizeof(w->stubs[0]));
	w->map_size = 0;
	fine = write_stubs(o, w, (size_t)n) && write_windows(o, w, (size_t)n);
	for (long i = 0; i < n; i++)
		fine &= count_site(o, &w->sites[i], w->stubs[i]);
	remember(o, w, (size_t)n);
	return fine || !o->is_glibc;
}

static void forget(struct known *k)
{
	if (k->stubs_size)
		sys_call(SYS_munmap, k->stubs, k->stubs_size);
	*k = known[--known_count];
}

static bool has_window(const struct known *k)
{
	struct site site = {.start = k->window, .end = k->window + JUMP_SIZE};
	uint8_t jump[WINDOW_MAX];

	return !k->window || (stub_jump(jump, &site, k->stub) && !memcmp(jump, k->window, JUMP_SIZE));
}

static bool is_known(const struct object *o)
{
	for (unsigned i = 0; i < known_count; i++) {
		struct known *k = &known[i];

		if (k->start != o->all.start || k->end != o->all.end)
			continue;
		k->is_there = has_window(k);
		if (!k->is_there) /* another object is in its place */
			forget(k);
		return k->is_there;
	}
	return false;
}

struct round {
	struct work *work;
	bool fine, relocated, all;
};

static void each(const struct dl_phdr_info *info, void *arg)
{
	struct round *round = arg;
	struct object o;

	if (!object_of_loaded(&o, info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum, info->dlpi_name) || is_known(&o))
		return;
	if ((const char *)o.all.start <= shim_entry && shim_entry < (const char *)o.all.end)
		return; /* this one's calls are the kernel's */
	if (o.is_relocated_in_text && !round->relocated) {
		round->all = false;
		return;
	}
	if (known_count == OBJECTS_MAX)
		return; /* what cannot be remembered is left as it is */
	if (!patch_object(&o, round->work))
		round->fine = false;
}

bool patch_has_vdso(void)
{
	uintptr_t vdso = getauxval(AT_SYSINFO_EHDR);

	for (unsigned i = 0; i < known_count; i++)
		if ((uintptr_t)known[i].start == vdso)
			return known[i].window && has_window(&known[i]);
	return false;
}

/* What dlclose took away. */
static void forget_gone(void)
{
	for (unsigned i = known_count; i-- > 0;)
		if (!known[i].is_there)
			forget(&known[i]);
}

bool patch_loaded_objects(bool relocated, bool *all)
{
	long map = sys_call(SYS_mmap, 0, sizeof(struct work), PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct round round = {.work = (struct work *)map, .fine = true, .relocated = relocated, .all = true};

	if (sys_failed(map)) {
		counts.cause = "no memory";
		return false;
	}
	for (unsigned i = 0; i < known_count; i++)
		known[i].is_there = false;
	loaded_each(each, &round);
	forget_gone();
	text_close(&round.work->text);
	sys_call(SYS_munmap, map, sizeof(struct work));
	*all = round.all;
	return round.fine;
}
