#include "maps.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "sys.h"

#define LINE 512

/* start-end rwxp offset dev inode path */
static void parse(char *line, struct mapping *m)
{
	char *path = strpbrk(line, "/["), *p;

	m->start = strtoul(line, &p, 16);
	m->end = strtoul(p + 1, &p, 16);
	m->readable = p[1] == 'r';
	m->executable = p[3] == 'x';
	m->offset = strtoul(p + 5, NULL, 16);
	m->path = path ? path : "";
}

/* The lines in buf, which ends with a zero byte: where the rest begins. */
static char *parse_lines(char *buf, void (*each)(const struct mapping *m, void *arg), void *arg)
{
	char *line = buf, *end;
	struct mapping m;

	for (; (end = strchr(line, '\n')); line = end + 1) {
		*end = 0;
		parse(line, &m);
		each(&m, arg);
	}
	return line;
}

bool maps_each(void (*each)(const struct mapping *m, void *arg), void *arg)
{
	char buf[LINE], *rest;
	long fd = sys_call(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC), got;
	size_t have = 0;

	if (sys_failed(fd))
		return false;
	while ((got = sys_call(SYS_read, fd, buf + have, sizeof(buf) - 1 - have)) > 0) {
		have += (size_t)got;
		buf[have] = 0;
		rest = parse_lines(buf, each, arg);
		have -= (size_t)(rest - buf);
		memmove(buf, rest, have);
		if (have == sizeof(buf) - 1)
			have = 0; /* a path longer than that: not worth more */
	}
	sys_call(SYS_close, fd);
	return true;
}
