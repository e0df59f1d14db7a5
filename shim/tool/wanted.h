/* wanted.h - the calls that greenshim answers: the shim's own table, without its handlers. */
#ifndef TOOL_WANTED_H
#define TOOL_WANTED_H

#include <stdbool.h>
#include <sys/syscall.h>

/* As the table says; without those that need --files pool. */
static inline bool is_in_table(long nr)
{
	switch (nr) {
#define CALL(name, handler, waits) case SYS_##name:
#include "../calls.def"
#undef CALL
		return true;
	default:
		return false;
	}
}

static inline bool is_wanted(long nr)
{
	switch (nr) {
#define CALL(name, handler, waits)
#define CALL_FILE(name, handler, waits) case SYS_##name:
#include "../calls.def"
#undef CALL
		return false;
	default:
		return is_in_table(nr);
	}
}

#endif
