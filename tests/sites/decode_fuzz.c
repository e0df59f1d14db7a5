/* decode_fuzz [COUNT [SEED]]: decodes pseudo-random bytes that end where memory ends. A length is 1 to 15, every offset lies inside the
 * instruction, and where the readable bytes end changes nothing but whether they suffice. With libFuzzer instead:
 * clang -fsanitize=fuzzer,address -DLIBFUZZER -iquote shim tests/sites/decode_fuzz.c shim/decode.c */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "decode.h"

/* FIELDS: the bytes of struct insn before its padding and target. */
enum { LONGEST = 15, WINDOW = 20, FIELDS = offsetof(struct insn, rex) + 1 };

#define EXPECT(condition) ((condition) ? (void)0 : fail(#condition, bytes, size))

static void fail(const char *what, const uint8_t *bytes, unsigned size)
{
	fprintf(stderr, "not so: %s, of", what);
	for (unsigned i = 0; i < size; i++)
		fprintf(stderr, " %02x", bytes[i]);
	fprintf(stderr, "\n");
	abort();
}

/* The first byte that nobody can read. */
static uint8_t *memory_end(void)
{
	static uint8_t *end;
	long page = sysconf(_SC_PAGESIZE);

	if (!end) {
		end = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (end == MAP_FAILED || mprotect(end + page, page, PROT_NONE) < 0)
			abort();
		end += page;
	}
	return end;
}

/* Decodes `size` bytes that end where memory does, and makes the target an offset. */
static unsigned decode(const uint8_t *bytes, unsigned size, struct insn *insn, intptr_t *target)
{
	uint8_t *end = memory_end(), *p = end - size;
	unsigned length;

	memcpy(p, bytes, size);
	length = insn_decode(p, end, insn);
	*target = insn->target ? (intptr_t)insn->target - (intptr_t)p : 0;
	insn->target = NULL;
	return length;
}

static void check_fields(const struct insn *insn, const uint8_t *bytes, unsigned size)
{
	unsigned length = insn->length;
	int relative = insn->kind == INSN_JUMP || insn->kind == INSN_BRANCH || insn->kind == INSN_CALL;

	EXPECT(length <= LONGEST && length <= size);
	EXPECT(insn->kind <= INSN_SYSCALL && insn->map <= 4);
	EXPECT(insn->opcode_at < length);
	EXPECT(!insn->modrm_at || (insn->modrm_at > insn->opcode_at && insn->modrm_at < length));
	EXPECT(!insn->rip_at || (insn->rip_at == insn->modrm_at + 1 && insn->rip_at + 4u <= length));
	EXPECT(relative == (insn->rel_at > 0));
	EXPECT(!relative || (insn->rel_at > insn->opcode_at && insn->rel_at + insn->rel_size == insn->length));
	EXPECT(insn->rel_size == 0 || (relative && (insn->rel_size == 1 || insn->rel_size == 4)));
	EXPECT(!insn->rex ||
	       (insn->rex >> 4 == 4 && bytes[insn->opcode_at - (insn->map ? insn->map < 2 ? 2 : 3 : 1)] == insn->rex));
}

static void check(const uint8_t *bytes, unsigned size)
{
	static const struct insn none;
	struct insn whole, cut;
	intptr_t target, cut_target;
	unsigned length = decode(bytes, size, &whole, &target);

	EXPECT(length == whole.length);
	if (length)
		check_fields(&whole, bytes, size);
	for (unsigned n = 0; n < size; n++) {
		decode(bytes, n, &cut, &cut_target);
		EXPECT(!memcmp(&cut, length && n >= length ? &whole : &none, FIELDS));
		EXPECT(cut_target == (length && n >= length ? target : 0));
	}
}

#ifdef LIBFUZZER
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check(data, size < WINDOW ? size : WINDOW);
	return 0;
}
#else
static uint64_t next_random(uint64_t *state) /* xorshift64* */
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1d;
}

/* Random bytes; most begin with prefixes and escapes, which chance alone would seldom put together. */
static void make(uint8_t *bytes, uint64_t *state)
{
	static const uint8_t often[] = {0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x3e, 0x65, 0x48, 0x41, 0x4f,
					0x0f, 0x0f, 0x38, 0x3a, 0xc4, 0xc5, 0x62, 0x8f, 0xf6, 0xf7, 0xff,
					0xc7, 0xe8, 0xe9, 0x74, 0xa1, 0xb8, 0xc8, 0x05, 0x78, 0xba};
	unsigned leading = next_random(state) >> 32 & 3;

	if (leading == 3 && next_random(state) >> 63)
		leading = LONGEST;
	for (unsigned i = 0; i < WINDOW; i++) {
		unsigned byte = next_random(state) >> 40;

		bytes[i] = i < leading ? often[byte % (leading == LONGEST ? 11 : sizeof often)] : byte;
	}
}

int main(int argc, char **argv)
{
	unsigned long count = argc > 1 ? strtoul(argv[1], NULL, 0) : 2000000, decoded = 0;
	uint64_t state = argc > 2 ? strtoull(argv[2], NULL, 0) : 20240229;
	uint8_t bytes[WINDOW];
	struct insn insn;

	state |= state == 0; /* which it would stay */
	for (unsigned long i = 0; i < count; i++) {
		make(bytes, &state);
		check(bytes, WINDOW);
		decoded += insn_decode(bytes, bytes + WINDOW, &insn) > 0;
	}
	printf("%lu inputs, %lu instructions\n", count, decoded);
	return decoded == 0 && count > 0;
}
#endif
