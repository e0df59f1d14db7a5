#include "check.h"

#include <stdlib.h>

#include "kernel.h"

static char *put(char *p, const char *s)
{
	while (*s)
		*p++ = *s++;
	return p;
}

static char *put_long(char *p, long v)
{
	char digits[24], *d = digits + sizeof(digits);
	unsigned long u = v < 0 ? -(unsigned long)v : (unsigned long)v;

	*--d = '\0';
	do
		*--d = (char)('0' + u % 10);
	while (u /= 10);
	if (v < 0)
		*--d = '-';
	return put(p, d);
}

void check_failed(const char *file, int line, const char *what, long a, long b)
{
	char text[512], *p = text;

	p = put(p, "greenshim: internal error: ");
	p = put(p, file);
	p = put(p, ":");
	p = put_long(p, line);
	p = put(p, ": ");
	p = put(p, what);
	p = put(p, ": ");
	p = put_long(p, a);
	p = put(p, ", ");
	p = put_long(p, b);
	p = put(p, "\n");
	kernel_call(SYS_write, 2, text, p - text);
	abort();
}
