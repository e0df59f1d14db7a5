/* decode FILE.so ...: lengths, kinds, targets and rip-relative operands as objdump tells them, for all that it disassembles.
 *
 * Not compared: what objdump calls (bad), which is data in the text, and VEX or EVEX after REX, 66, f0, f2 or f3, which it prints though it
 * is invalid (SDM 2.3.2 to 2.3.4). Prefixes that it prints on a line of their own, since a prefix after them undoes them, belong to the
 * next line. Its fstcw is two instructions, fwait and fnstcw. */
#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "decode.h"

struct file {
	const char *name;
	const uint8_t *image;
	size_t size;
};

/* One of objdump's lines. */
struct line {
	uint64_t address, end;
	const char *mnemonic, *operands; /* no prefixes */
	bool bad;
};

struct tally {
	unsigned long instructions, branches, rip_relative, bad, mismatches;
};

static bool map_file(struct file *file, const char *name)
{
	struct stat st;
	int fd = open(name, O_RDONLY);

	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	file->name = name;
	file->size = st.st_size;
	file->image = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	return file->image != MAP_FAILED && !memcmp(file->image, ELFMAG, SELFMAG);
}

/* Where the image has an address of an executable segment, and the segment's end. NULL: in none. */
static const uint8_t *locate(const struct file *file, uint64_t address, const uint8_t **end)
{
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)file->image;
	const Elf64_Phdr *segment = (const Elf64_Phdr *)(file->image + header->e_phoff);

	for (int i = 0; i < header->e_phnum; i++, segment++) {
		if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_X))
			continue;
		if (address - segment->p_vaddr >= segment->p_filesz)
			continue;
		*end = file->image + segment->p_offset + segment->p_filesz;
		return file->image + segment->p_offset + (address - segment->p_vaddr);
	}
	return NULL;
}

static bool is_any_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (!strcmp(word, *words))
			return true;
	return false;
}

static bool is_prefix(const char *word)
{
	static const char *const prefixes[] = {"bnd",	"notrack", "data16",   "addr32",   "rep", "repz",
					       "repnz", "lock",	   "cs",       "ds",	   "es",  "fs",
					       "gs",	"ss",	   "xacquire", "xrelease", NULL};

	return !strncmp(word, "rex", 3) || is_any_of(word, prefixes);
}

/* "  26000:\tf3 0f 1e fa          \tendbr64" */
static bool parse(char *text, struct line *line)
{
	char *bytes = strchr(text, '\t'), *word = bytes ? strchr(bytes + 1, '\t') : NULL, *rest;

	if (!word || text[0] != ' ')
		return false;
	line->address = line->end = strtoull(text, NULL, 16);
	for (char *byte = bytes + 1; byte + 2 < word && byte[0] != ' '; byte += 3)
		line->end++;
	text[strcspn(text, "\n")] = 0;
	rest = word + 1;
	do {
		word = strsep(&rest, " ");
		while (rest && *rest == ' ')
			rest++;
	} while (rest && is_prefix(word));
	word[strcspn(word, ",")] = 0; /* a hint, as in jne,pt */
	line->mnemonic = is_prefix(word) ? "" : word;
	line->operands = rest ? rest : "";
	line->bad = strstr(word, "(bad)") || strstr(line->operands, "(bad)") || !strcmp(word, ".byte");
	return true;
}

static unsigned kind_of(const struct line *line)
{
	static const char *const branches[] = {"loop", "loope", "loopne", "loopel", "loopnel", "loopl", "xbegin", NULL};
	static const char *const stops[] = {"ret",     "retw",	  "lret",     "lretw",	  "lretq",    "iret", "iretw",
					    "iretl",   "iretq",	  "hlt",      "ud0",	  "ud1",      "ud2",  "int3",
					    "sysretl", "sysretq", "sysexitl", "sysexitq", "sysenter", "rsm",  NULL};
	const char *name = line->mnemonic;
	bool indirect = line->operands[0] == '*';

	if (!strncmp(name, "jmp", 3) || !strncmp(name, "ljmp", 4))
		return indirect ? INSN_INDIRECT : INSN_JUMP;
	if (!strncmp(name, "call", 4) || !strncmp(name, "lcall", 5))
		return indirect ? INSN_ICALL : INSN_CALL;
	if (name[0] == 'j' || is_any_of(name, branches))
		return INSN_BRANCH;
	if (is_any_of(name, stops))
		return INSN_STOP;
	return !strcmp(name, "syscall") ? INSN_SYSCALL : INSN_PLAIN;
}

static uint64_t target_of(const struct insn *insn, const uint8_t *p, uint64_t address)
{
	return address + (insn->target - p);
}

static bool same_target(const struct line *line, const struct insn *insn, const uint8_t *p, struct tally *tally)
{
	if (!insn->rel_at)
		return !insn->target && !insn->rel_size;
	tally->branches++;
	return target_of(insn, p, line->address) == strtoull(line->operands, NULL, 16);
}

/* objdump: "lea    0x1b3a5(%rip),%rsi        # 3b4a1 <...>" */
static bool same_operand(const struct line *line, const struct insn *insn, const uint8_t *p, struct tally *tally)
{
	bool narrow = strstr(line->operands, "(%eip)"), wide = strstr(line->operands, "(%rip)");
	const char *comment = strstr(line->operands, "# ");
	uint64_t address;
	int32_t disp;

	if (!narrow && !wide)
		return !insn->rip_at;
	if (!insn->rip_at || !comment)
		return false;
	tally->rip_relative++;
	memcpy(&disp, p + insn->rip_at, sizeof disp);
	address = line->end + disp;
	address ^= strtoull(comment + 2, NULL, 16);
	return narrow ? (uint32_t)address == 0 : address == 0;
}

static const char *difference(const struct line *line, const uint8_t *p, const uint8_t *end, struct tally *tally)
{
	struct insn insn;

	if (insn_decode(p, end, &insn) != line->end - line->address || insn.length != line->end - line->address)
		return "length";
	if (insn.kind != kind_of(line))
		return "kind";
	if (!same_target(line, &insn, p, tally))
		return "target";
	if (!same_operand(line, &insn, p, tally))
		return "rip";
	return NULL;
}

/* The length of an instruction's prefixes, and whether any of them excludes VEX. */
static unsigned prefixes(const uint8_t *p, bool *exclude)
{
	unsigned n;

	*exclude = false;
	for (n = 0;; n++) {
		switch (p[n]) {
		case 0x26:
		case 0x2e:
		case 0x36:
		case 0x3e:
		case 0x64:
		case 0x65:
		case 0x67:
			break;
		case 0x40 ... 0x4f:
		case 0x66:
		case 0xf0:
		case 0xf2:
		case 0xf3:
			*exclude = true;
			break;
		default:
			return n;
		}
	}
}

static bool is_invalid_vector(const uint8_t *p)
{
	bool excluded;
	uint8_t opcode = p[prefixes(p, &excluded)];

	return excluded && (opcode == 0xc4 || opcode == 0xc5 || opcode == 0x62);
}

/* The length of the fwait that objdump has made a part of the instruction, of `length`, after it. */
static unsigned fwait_before(const uint8_t *p, unsigned length)
{
	bool excluded;
	unsigned n = prefixes(p, &excluded);

	return p[n] == 0x9b && n + 1 < length ? n + 1 : 0;
}

static void compare(const struct file *file, struct line *line, struct tally *tally)
{
	const uint8_t *end, *p = locate(file, line->address, &end);
	const char *what;
	unsigned fwait;

	if (!p)
		return;
	if (is_invalid_vector(p)) {
		tally->bad++;
		return;
	}
	fwait = fwait_before(p, line->end - line->address);
	p += fwait;
	line->address += fwait;
	tally->instructions++;
	what = difference(line, p, end, tally);
	if (!what)
		return;
	if (tally->mismatches++ < 20)
		printf("%s: %s of %lx: %s %s\n", file->name, what, (long)line->address, line->mnemonic, line->operands);
}

static bool compare_all(const struct file *file, struct tally *tally)
{
	char command[4096], text[4096];
	uint64_t pending = 0; /* where prefixes on lines of their own began */
	struct line line;
	FILE *objdump;

	snprintf(command, sizeof command, "objdump -d -w -M intel64 '%s'", file->name);
	objdump = popen(command, "r");
	while (objdump && fgets(text, sizeof text, objdump)) {
		if (!parse(text, &line))
			continue;
		if (pending)
			line.address = pending;
		pending = line.bad || line.mnemonic[0] ? 0 : line.address;
		if (line.bad)
			tally->bad++;
		else if (!pending)
			compare(file, &line, tally);
	}
	return objdump && pclose(objdump) == 0;
}

int main(int argc, char **argv)
{
	int status = argc < 2;

	for (int i = 1; i < argc; i++) {
		struct tally tally = {0};
		struct file file;

		if (!map_file(&file, argv[i]) || !compare_all(&file, &tally) || !tally.instructions) {
			printf("%s: cannot be compared\n", argv[i]);
			return 2;
		}
		printf("%s: %lu instructions, %lu branches, %lu rip-relative, %lu (bad), %lu mismatches\n", argv[i],
		       tally.instructions, tally.branches, tally.rip_relative, tally.bad, tally.mismatches);
		status |= tally.mismatches > 0;
		munmap((void *)file.image, file.size);
	}
	return status;
}
