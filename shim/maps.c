#include "maps.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include "sys.h"

/* One at a time: they are read when threads are few, on the hub, or for one that dies. */
static struct {
	long fd, used, at;
	char buffer[2048];
	char path[512];
} reader;

static int next_char(void)
{
	if (reader.at == reader.used) {
		reader.used = sys_call(SYS_read, reader.fd, reader.buffer, sizeof(reader.buffer));
		reader.at = 0;
		if (reader.used <= 0)
			return reader.used = 0, -1;
	}
	return reader.buffer[reader.at++];
}

static uintptr_t next_number(void)
{
	uintptr_t n = 0;
	int c;

	while ((c = next_char()) > ' ' && c != '-')
		n = n * 16 + (uintptr_t)(c <= '9' ? c - '0' : c - 'a' + 10);
	return n;
}

/* What is left of the line, from the first slash or bracket on. */
static void next_path(void)
{
	unsigned used = 0;
	int c;

	while ((c = next_char()) >= 0 && c != '\n')
		if ((used || c == '/' || c == '[') && used < sizeof(reader.path) - 1)
			reader.path[used++] = (char)c;
	reader.path[used] = '\0';
}

/* A line: start-end perms offset dev inode path. False at the end. */
static bool next_mapping(struct mapping *m)
{
	m->start = next_number();
	m->end = next_number();
	m->readable = next_char() == 'r';
	next_char();
	m->executable = next_char() == 'x';
	next_char();
	next_char();
	m->offset = next_number();
	next_path();
	m->path = reader.path;
	return m->end;
}

bool maps_each(bool (*each)(const struct mapping *m, void *arg), void *arg)
{
	struct mapping m;

	reader.used = reader.at = 0;
	reader.fd = sys_call(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC);
	if (sys_failed(reader.fd))
		return false;
	while (next_mapping(&m) && !each(&m, arg))
		;
	sys_call(SYS_close, reader.fd);
	return true;
}
