#include "loader.h"

#include <errno.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "decode.h"
#include "loaded.h"
#include "patch.h"
#include "patch_stub.h"
#include "patch_text.h"
#include "sys.h"
#include "thread.h"

#define PAGE 4096

static struct loaded_version patched;

static bool patch_new(bool relocated)
{
	struct loaded_version now = loaded_version();
	bool fine, all;

	if (loaded_same(now, patched))
		return true;
	fine = patch_loaded_objects(relocated, &all);
	if (fine && all)
		patched = now;
	return fine;
}

bool loader_patch_new(void)
{
	return patch_new(true);
}

/* Too late to run natively. */
static void warn(void)
{
	static bool warned;
	char line[256];
	int n;

	if (warned)
		return;
	warned = true;
	n = snprintf(line, sizeof(line), "greenshim: %.200s; it may stop the other threads\n", patch_counts()->cause);
	sys_call(SYS_write, STDERR_FILENO, line, n);
}

/* On the stack of the greenlet that loads or unloads, which has the loader's locks: they are its own to take again. */
static void changed(void)
{
	int saved = errno;

	if (_r_debug.r_state == RT_CONSISTENT && threads.active && fiber_self && !patch_new(false))
		warn();
	errno = saved;
}

static bool is_padding(const uint8_t *at, const struct insn *insn)
{
	uint8_t op = at[insn->opcode_at];

	return (insn->map == 0 && (op == 0x90 || op == 0xcc)) || (insn->map == 1 && op == 0x1f); /* nop, int3 */
}

/* A function that only returns, and what follows it before the next one: room for a jump over it. */
static bool does_nothing(const uint8_t *function)
{
	static const uint8_t endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};
	const uint8_t *at = function, *end = function + JUMP_SIZE;
	struct insn insn;

	if (!memcmp(at, endbr64, sizeof(endbr64)))
		at += sizeof(endbr64);
	if (*at++ != 0xc3)
		return false;
	for (; at < end; at += insn.length)
		if (!insn_decode(at, at + 15, &insn) || !is_padding(at, &insn))
			return false;
	return (uintptr_t)function % PAGE <= PAGE - JUMP_SIZE;
}

void loader_watch(void)
{
	static bool watched;
	const uint8_t *function = (const uint8_t *)_r_debug.r_brk; /* NOLINT: an address */
	struct site site = {.start = function, .end = function + JUMP_SIZE};
	uint8_t page[PAGE], jump[WINDOW_MAX];
	uintptr_t from = (uintptr_t)function & ~(uintptr_t)(PAGE - 1);
	struct text text = {0};

	if (watched || !function || !does_nothing(function) || !stub_jump(jump, &site, (uintptr_t)changed))
		return;
	memcpy(page, (const void *)from, PAGE);
	memcpy(page + ((uintptr_t)function - from), jump, JUMP_SIZE);
	watched = !text_replace(&text, from, page, PAGE);
	text_close(&text);
}
