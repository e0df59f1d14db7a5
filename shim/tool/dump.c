#include "dump.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "../dump.h"

static bool file_has(long pid, const char *name, const char *what)
{
	char path[64], line[1024];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/%s", pid, name);
	f = fopen(path, "r");
	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, what);
	if (f)
		fclose(f);
	return found;
}

/* Without the shim's handler the signal would end the process. */
static bool listens(long pid)
{
	char path[64], line[256];
	unsigned long caught = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%ld/status", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "SigCgt:", 7))
			caught = strtoul(line + 7, NULL, 16);
	if (f)
		fclose(f);
	return caught >> (DUMP_SIGNAL - 1) & 1;
}

static int complain(long pid, const char *why, int status)
{
	fprintf(stderr, "greenshim: cannot dump process %ld: %s\n", pid, why);
	return status;
}

int dump_process(const char *arg)
{
	char *end;
	long pid = strtol(arg, &end, 10);

	if (pid <= 0 || pid > INT_MAX || *end) {
		fputs("greenshim: cannot dump: that is not the number of a process\n", stderr);
		return 2;
	}
	if (kill((pid_t)pid, 0))
		return complain(pid, strerror(errno), errno == ESRCH ? 2 : 1);
	if (!file_has(pid, "maps", "libgreenshim"))
		return complain(pid, "it does not run under greenshim", 1);
	if (!listens(pid))
		return complain(pid, "it has made no thread, and runs natively", 1);
	if (sigqueue((pid_t)pid, DUMP_SIGNAL, (union sigval){.sival_int = DUMP_VALUE}))
		return complain(pid, strerror(errno), 1);
	return 0;
}
