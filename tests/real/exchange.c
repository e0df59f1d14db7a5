/* exchange.c - requests, and answers compared byte by byte. */
#define _GNU_SOURCE
#include "exchange.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK 8192

static bool read_file(const char *name, char **data, size_t *size)
{
	FILE *f = fopen(name, "rb");
	long length;

	if (!f)
		return false;
	fseek(f, 0, SEEK_END);
	length = ftell(f);
	rewind(f);
	*data = malloc((size_t)length + 1);
	*size = fread(*data, 1, (size_t)length, f);
	fclose(f);
	return *size == (size_t)length;
}

bool script_parse(struct script *s, const char *host, const char *port, char **arguments)
{
	if (!strcmp(arguments[0], "talk")) {
		int count = 0;

		s->pairs = arguments + 1;
		while (s->pairs[count])
			count++;
		return count > 0 && count % 2 == 0;
	}
	if (strcmp(arguments[0], "http") || !arguments[2])
		return false;
	s->http = true;
	if (asprintf(&s->request, "GET %s HTTP/1.1\r\nHost: %s:%s\r\n%s\r\n", arguments[1], host, port,
		     s->one_request ? "Connection: close\r\n" : "") < 0)
		return false;
	return read_file(arguments[2], &s->body, &s->body_size);
}

static char *put_block(char *to, int connection, int round)
{
	uint32_t x = (uint32_t)connection * 2654435761u + (uint32_t)round + 1;

	for (int i = 0; i < BLOCK; i++) {
		x = x * 1664525u + 1013904223u;
		*to++ = (char)('!' + (x >> 24) % 90);
	}
	return to;
}

static char *put_percent(char *to, char letter, int connection, int round)
{
	if (letter == 'c')
		return to + sprintf(to, "%06d", connection);
	if (letter == 'r')
		return to + sprintf(to, "%06d", round);
	if (letter == 'z')
		return put_block(to, connection, round);
	*to++ = letter;
	return to;
}

static char *put_escape(char *to, const char **from)
{
	unsigned value = 0;
	char letter = *(*from)++;

	if (letter == 'x' && sscanf(*from, "%2x", &value) == 1) {
		*from += 2;
		*to++ = (char)value;
	} else {
		*to++ = letter == 'r' ? '\r' : letter == 'n' ? '\n' : letter == '0' ? '\0' : letter;
	}
	return to;
}

static char *expand(const char *from, int connection, int round, size_t *size)
{
	char *text = malloc(strlen(from) * (BLOCK / 2 + 1) + 16), *to = text;

	while (*from) {
		if (*from == '%' && from[1]) {
			to = put_percent(to, from[1], connection, round);
			from += 2;
		} else if (*from == '\\' && from[1]) {
			from++;
			to = put_escape(to, &from);
		} else {
			*to++ = *from++;
		}
	}
	*size = (size_t)(to - text);
	return text;
}

static void next_pair(struct exchange *e)
{
	char **pair = e->script->pairs + (ptrdiff_t)2 * e->pair;

	free(e->send);
	free(e->expect);
	e->send = expand(pair[0], e->connection, e->round, &e->send_size);
	e->expect = expand(pair[1], e->connection, e->round, &e->expect_size);
	e->sent = e->matched = 0;
}

void exchange_begin(struct exchange *e, const struct script *s, int connection, int round)
{
	e->script = s;
	e->connection = connection;
	e->round = round;
	e->sent = e->matched = e->head_size = 0;
	e->received = 0;
	e->in_body = e->closes = false;
	e->pair = 0;
	if (!s->http) {
		next_pair(e);
		return;
	}
	e->send = s->request;
	e->send_size = strlen(s->request);
	e->expect = s->body;
	e->expect_size = s->body_size;
}

static enum verdict wrong(struct exchange *e, const char *why)
{
	e->why = why;
	return WRONG;
}

static enum verdict take_head(struct exchange *e)
{
	char *length;

	e->head[e->head_size] = '\0';
	if (strncmp(e->head, "HTTP/1.", 7) || strncmp(e->head + 8, " 200", 4))
		return wrong(e, "status is not 200");
	length = strcasestr(e->head, "\r\nContent-Length:");
	if (length && strtoul(length + 17, NULL, 10) != e->expect_size)
		return wrong(e, "Content-Length differs");
	e->closes = e->script->one_request || !length || strcasestr(e->head, "\r\nConnection: close") ||
		    (e->head[7] == '0' && !strcasestr(e->head, "\r\nConnection: keep-alive"));
	e->in_body = true;
	return MORE;
}

/* Takes the head's bytes; returns how many, leaving *data at the body. */
static enum verdict find_head(struct exchange *e, const char **data, size_t *size)
{
	while (*size && !e->in_body) {
		if (e->head_size == sizeof(e->head) - 1)
			return wrong(e, "head is too long");
		e->head[e->head_size++] = *(*data)++;
		--*size;
		if (e->head_size >= 4 && !memcmp(e->head + e->head_size - 4, "\r\n\r\n", 4))
			return take_head(e);
	}
	return MORE;
}

enum verdict exchange_take(struct exchange *e, const char *data, size_t size)
{
	e->received += (long)size;
	if (e->script->http && !e->in_body) {
		enum verdict verdict = find_head(e, &data, &size);

		if (verdict == WRONG || !e->in_body)
			return verdict;
	}
	if (size > e->expect_size - e->matched)
		return wrong(e, "more bytes than expected");
	if (memcmp(data, e->expect + e->matched, size))
		return wrong(e, "bytes differ");
	e->matched += size;
	if (e->matched < e->expect_size)
		return MORE;
	if (e->script->http)
		return e->closes ? COMPLETE_CLOSE : COMPLETE;
	if (!e->script->pairs[2 * ++e->pair])
		return COMPLETE;
	next_pair(e);
	return MORE;
}

enum verdict exchange_end(struct exchange *e)
{
	if (e->script->http && e->in_body && e->matched == e->expect_size)
		return COMPLETE_CLOSE;
	return wrong(e, "closed too early");
}
