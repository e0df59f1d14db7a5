/* greenlet_report.c - lines about what nobody can be told otherwise. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "greenlet_impl.h"
#include "kernel.h"

#define LINE_MAX_BYTES 256

static void (*reporter)(const char *line);

void greenlet_set_report(void (*report)(const char *line))
{
	reporter = report;
}

void greenlet_report(const char *format, ...)
{
	char line[LINE_MAX_BYTES];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (reporter) {
		reporter(line);
		return;
	}
	if (n > (int)sizeof(line) - 2)
		n = (int)sizeof(line) - 2;
	line[n] = '\n';
	kernel_call(SYS_write, 2, line, n + 1);
}

void greenlet_fatal(const struct greenlet *g, const char *what)
{
	reporter = NULL;
	greenlet_report("greenlet %llu: %s", (unsigned long long)g->number, what);
	abort();
}
