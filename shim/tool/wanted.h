/* wanted.h - the calls that greenshim answers: the shim's own table, without its handlers. */
#ifndef TOOL_WANTED_H
#define TOOL_WANTED_H

#include <stdbool.h>
#include <sys/syscall.h>

static inline bool is_wanted(long nr)
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

#endif
