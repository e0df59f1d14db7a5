/* exchange.h - what the client sends and the proof that the answer is right.
 * A script is made once from the command line; an exchange is one request and
 * its answer on one connection, compared as it comes in. */
#ifndef TESTS_REAL_EXCHANGE_H
#define TESTS_REAL_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>

enum verdict { MORE, COMPLETE, COMPLETE_CLOSE, WRONG };

struct script {
	bool http;
	bool one_request; /* http: the connection is for one request */
	char **pairs;	  /* talk: SEND EXPECT SEND EXPECT ... NULL */
	char *request;	  /* http */
	char *body;
	size_t body_size;
};

struct exchange {
	const struct script *script;
	char *send;
	size_t send_size, sent;
	char *expect;
	size_t expect_size, matched;
	char head[4096];
	size_t head_size;
	bool in_body, closes;
	long received;
	int pair, connection, round;
	const char *why;
};

bool script_parse(struct script *s, const char *host, const char *port, char **arguments);
void exchange_begin(struct exchange *e, const struct script *s, int connection, int round);
enum verdict exchange_take(struct exchange *e, const char *data, size_t size);
enum verdict exchange_end(struct exchange *e);

#endif
