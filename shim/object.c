#include "object.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys.h"

#define PAGE ((uintptr_t)4096)
#define EH_TABLE_SORTED 0x3b /* DW_EH_PE_datarel | DW_EH_PE_sdata4 */
#define EH_PCREL_SDATA4 0x1b
#define EH_UDATA4 0x03
#define EH_HEADER 12

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* By the names that the C library's own objects have had since 2.0. */
static bool is_of_glibc(const char *name)
{
	static const char *const names[] = {"libc.so.6",       "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1",
					    "libpthread.so.0", "librt.so.1",	       "libanl.so.1",
					    "libresolv.so.2",  "libdl.so.2",	       "libnss_",
					    "libc-2.",	       "libpthread-2.",	       "ld-2."};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(name, names[i], strlen(names[i])))
			return true;
	return false;
}

static struct range range_of(uintptr_t start, uintptr_t end)
{
	return (struct range){(const uint8_t *)start, (const uint8_t *)end};
}

static void add_segment(struct object *o, const Elf64_Phdr *ph)
{
	struct range r = range_of(o->bias + ph->p_vaddr, o->bias + ph->p_vaddr + ph->p_filesz);

	if (!o->all.start || r.start < o->all.start)
		o->all.start = r.start;
	if (r.end > o->all.end)
		o->all.end = r.end;
	if (ph->p_flags & PF_X && o->code_count < OBJECT_CODE_MAX)
		o->code[o->code_count++] = r;
	else if (ph->p_flags & PF_R && o->data_count < OBJECT_CODE_MAX)
		o->data[o->data_count++] = r;
}

/* The GNU build id among notes, each a header, a name and a description in whole words. gABI, "Note Section". */
static void find_build_id(struct object *o, const uint8_t *note, size_t size)
{
	while (size >= sizeof(Elf64_Nhdr)) {
		const Elf64_Nhdr *h = (const Elf64_Nhdr *)note;
		size_t name = (h->n_namesz + 3ul) & ~3ul, all = sizeof(*h) + name + ((h->n_descsz + 3ul) & ~3ul);

		if (all > size)
			return;
		if (h->n_type == NT_GNU_BUILD_ID && h->n_namesz == 4 && !memcmp(h + 1, "GNU", 4)) {
			o->build_id = note + sizeof(*h) + name;
			o->build_id_size = h->n_descsz;
			return;
		}
		note += all;
		size -= all;
	}
}

static void read_dynamic(struct object *o, const Elf64_Dyn *d, size_t size)
{
	if ((uintptr_t)d % _Alignof(Elf64_Dyn))
		return; /* a damaged file's */
	o->dynamic = d;
	o->dynamic_count = 0;
	for (; size >= sizeof(*d) && d->d_tag != DT_NULL; d++, size -= sizeof(*d), o->dynamic_count++)
		if (d->d_tag == DT_TEXTREL || (d->d_tag == DT_FLAGS && d->d_un.d_val & DF_TEXTREL))
			o->is_relocated_in_text = true;
}

bool object_of_loaded(struct object *o, uintptr_t bias, const Elf64_Phdr *ph, unsigned phnum, const char *name)
{
	memset(o, 0, sizeof(*o));
	o->bias = bias;
	o->name = base_name(name);
	o->is_glibc = is_of_glibc(o->name);
	for (unsigned i = 0; i < phnum; i++)
		if (ph[i].p_type == PT_LOAD)
			add_segment(o, &ph[i]);
		else if (ph[i].p_type == PT_TLS)
			o->has_tls |= ph[i].p_memsz > 0;
	for (unsigned i = 0; i < phnum; i++) {
		const uint8_t *start = (const uint8_t *)(bias + ph[i].p_vaddr);

		if (start < o->all.start || start >= o->all.end || ph[i].p_filesz > (size_t)(o->all.end - start))
			continue;
		if (ph[i].p_type == PT_GNU_EH_FRAME)
			o->eh_frame_hdr = start;
		if (ph[i].p_type == PT_DYNAMIC)
			read_dynamic(o, (const Elf64_Dyn *)start, ph[i].p_filesz);
		if (ph[i].p_type == PT_NOTE && ph[i].p_align <= 4)
			find_build_id(o, start, ph[i].p_filesz);
		if (ph[i].p_type == PT_INTERP && ph[i].p_filesz < sizeof(o->interpreter))
			memcpy(o->interpreter, start, ph[i].p_filesz);
	}
	return o->code_count > 0;
}

static bool header_fits(const Elf64_Ehdr *eh, size_t size)
{
	return size >= sizeof(*eh) && !memcmp(eh->e_ident, ELFMAG, SELFMAG) && eh->e_ident[EI_CLASS] == ELFCLASS64 &&
	       eh->e_phentsize == sizeof(Elf64_Phdr) && eh->e_phoff % _Alignof(Elf64_Phdr) == 0 && eh->e_phoff < size &&
	       eh->e_phnum <= (size - eh->e_phoff) / sizeof(Elf64_Phdr);
}

static const char *judge(const Elf64_Ehdr *eh, size_t size)
{
#if defined(__x86_64__)
	const unsigned machine = EM_X86_64;
#else
	const unsigned machine = EM_AARCH64;
#endif
	if (size < SELFMAG || memcmp(eh->e_ident, ELFMAG, SELFMAG) != 0)
		return "is not an ELF file";
	if (size < sizeof(*eh) || eh->e_machine != machine || eh->e_ident[EI_CLASS] != ELFCLASS64)
		return "is for another CPU";
	if (!header_fits(eh, size) || (eh->e_type != ET_EXEC && eh->e_type != ET_DYN))
		return "is not a program or shared object";
	return NULL;
}

/* As the loader lays it out, but for reading only. */
static const char *lay_out(struct object *o, int fd, const Elf64_Phdr *ph, unsigned phnum, size_t file_size)
{
	uintptr_t low = UINTPTR_MAX, high = 0;
	char *base;

	for (unsigned i = 0; i < phnum; i++) {
		if (ph[i].p_type != PT_LOAD)
			continue;
		if (ph[i].p_offset > file_size || ph[i].p_filesz > file_size - ph[i].p_offset ||
		    (ph[i].p_offset - ph[i].p_vaddr) % PAGE || ph[i].p_vaddr > UINTPTR_MAX - PAGE - ph[i].p_filesz)
			return "is damaged";
		low = ph[i].p_vaddr < low ? ph[i].p_vaddr : low;
		high = ph[i].p_vaddr + ph[i].p_filesz > high ? ph[i].p_vaddr + ph[i].p_filesz : high;
	}
	low &= ~(PAGE - 1);
	if (high <= low || high - low > (uintptr_t)1 << 40)
		return "is not a program or shared object";
	o->map_size = high - low;
	base = mmap(NULL, o->map_size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return "cannot be mapped";
	o->map = base;
	for (unsigned i = 0; i < phnum; i++) {
		uintptr_t from = ph[i].p_vaddr & ~(PAGE - 1), skew = ph[i].p_vaddr - from;

		if (ph[i].p_type == PT_LOAD && ph[i].p_filesz &&
		    mmap(base + (from - low), ph[i].p_filesz + skew, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd,
			 (off_t)(ph[i].p_offset - skew)) == MAP_FAILED)
			return "cannot be mapped";
	}
	o->bias = (uintptr_t)base - low;
	return NULL;
}

static const char *open_mapped(struct object *o, int fd, const Elf64_Ehdr *eh, size_t size, const char *path)
{
	const Elf64_Phdr *ph = (const Elf64_Phdr *)((uintptr_t)eh + eh->e_phoff);
	struct object laid = {0};
	const char *why = judge(eh, size);

	if (!why)
		why = lay_out(&laid, fd, ph, eh->e_phnum, size);
	if (!why && !object_of_loaded(o, laid.bias, ph, eh->e_phnum, path))
		why = "has no code";
	if (why) {
		object_close(&laid);
		return why;
	}
	o->map = laid.map;
	o->map_size = laid.map_size;
	return NULL;
}

const char *object_open(struct object *o, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	const char *why = "cannot be read";
	void *file;

	memset(o, 0, sizeof(*o));
	errno = 0;
	if (fd < 0)
		return why;
	if (!sys_call(SYS_fstat, fd, &st) && S_ISREG(st.st_mode) && st.st_size > 0) {
		file = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (file != MAP_FAILED) {
			why = open_mapped(o, fd, file, (size_t)st.st_size, path);
			munmap(file, (size_t)st.st_size);
		}
	} else {
		why = "is not a regular file with something in it";
	}
	close(fd);
	return why;
}

void object_close(struct object *o)
{
	if (o->map)
		munmap(o->map, o->map_size);
	o->map = NULL;
}

struct eh_entry {
	int32_t pc, fde; /* from the table's start */
};

/* The sorted table of .eh_frame_hdr; its length, 0 where there is none. */
static size_t eh_table(const struct object *o, const struct eh_entry **table)
{
	const uint8_t *h = o->eh_frame_hdr;
	size_t room = h ? (size_t)(o->all.end - h) : 0, count;

	if (room < EH_HEADER || h[0] != 1 || h[1] != EH_PCREL_SDATA4 || h[2] != EH_UDATA4 || h[3] != EH_TABLE_SORTED)
		return 0;
	*table = (const struct eh_entry *)(h + EH_HEADER);
	count = *(const uint32_t *)(h + 8);
	return count <= (room - EH_HEADER) / sizeof(**table) ? count : 0;
}

/* The function's length, where its description has the usual encoding: pc-relative, four bytes. */
static uint32_t fde_length(const struct object *o, const uint8_t *fde, const uint8_t *pc)
{
	const int32_t *words = (const int32_t *)fde;
	const uint8_t *pc_field = fde + 8;

	if (fde < o->all.start || fde + 16 > o->all.end || pc_field + words[2] != pc)
		return 0;
	return (uint32_t)words[3];
}

/* The description of a signal's return begins a byte early, so that unwinders find it from the first instruction. */
static bool is_signal_frame(const struct object *o, const uint8_t *fde)
{
	const uint8_t *cie = fde + 4;

	if (fde < o->all.start || fde + 16 > o->all.end)
		return false;
	cie -= *(const uint32_t *)cie;
	return cie >= o->all.start && cie + 16 <= o->all.end && strnlen((const char *)cie + 9, 7) < 7 &&
	       strchr((const char *)cie + 9, 'S');
}

static const struct range *segment_of(const struct object *o, const uint8_t *at)
{
	for (unsigned i = 0; i < o->code_count; i++)
		if (at >= o->code[i].start && at < o->code[i].end)
			return &o->code[i];
	return NULL;
}

bool object_function(const struct object *o, const uint8_t *at, struct range *function, const uint8_t **edge)
{
	const struct range *segment = segment_of(o, at);
	const struct eh_entry *table = NULL;
	size_t low = 0, high = eh_table(o, &table);
	uint32_t length;

	if (!high || !segment)
		return false;
	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (o->eh_frame_hdr + table[mid].pc <= at)
			low = mid;
		else
			high = mid;
	}
	function->start = o->eh_frame_hdr + table[low].pc;
	if (function->start > at || function->start < segment->start)
		return false;
	length = fde_length(o, o->eh_frame_hdr + table[low].fde, function->start);
	*edge = length ? function->start + length : NULL;
	if (is_signal_frame(o, o->eh_frame_hdr + table[low].fde))
		function->start++;
	high = eh_table(o, &table);
	function->end = low + 1 < high ? o->eh_frame_hdr + table[low + 1].pc : segment->end;
	if (function->end > segment->end)
		function->end = segment->end;
	if (*edge && *edge >= function->end)
		*edge = NULL;
	return function->end > at; /* the table is sorted, unless the file is damaged */
}
