/* getaddrinfo in one thread does not stop another: the name server that it asks is a thread of this program, which
 * answers late, and not at all the first time. */
#include <netdb.h>
#include <resolv.h>

#include "io_test.h"

#define THREADS 4

static int server;
static struct sockaddr_in at;

/* The question comes back with one address, 192.0.2.N, where N is the name's first character's value. */
static void reply(const unsigned char *query, ssize_t n, const struct sockaddr *peer, socklen_t size)
{
	static const unsigned char answer[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2};
	unsigned char out[600];
	const unsigned char *end = query + 12;

	while (end < query + n && *end)
		end += *end + 1;
	end += 5;
	n = end - query;
	memcpy(out, query, (size_t)n);
	out[2] = 0x85;
	out[3] = 0x80;
	memset(out + 6, 0, 6);
	if (end[-3] == 1) { /* type A */
		out[7] = 1;
		memcpy(out + n, answer, sizeof(answer));
		n += (ssize_t)sizeof(answer);
		out[n++] = query[13];
	}
	if (sendto(server, out, (size_t)n, 0, peer, size) < 0)
		perror("sendto");
}

static void *serve(void *arg)
{
	unsigned char query[512];
	struct sockaddr_storage peer;
	bool first = true;

	(void)arg;
	for (;;) {
		socklen_t size = sizeof(peer);
		ssize_t n = recvfrom(server, query, sizeof(query), 0, (struct sockaddr *)&peer, &size);

		if (n < 17 || query[13] == 'Q')
			return NULL;
		settle();
		if (!first)
			reply(query, n, (struct sockaddr *)&peer, size);
		first = false;
	}
}

/* Each thread has a resolver state of its own. */
static void use_server(void)
{
	res_init();
	_res.nscount = 1;
	_res.nsaddr_list[0] = at;
	_res.retrans = 1;
	_res.retry = 5;
	_res.dnsrch[0] = NULL;
	_res.options &= ~(unsigned long)(RES_DNSRCH | RES_DEFNAMES);
}

static void *look_up(void *arg)
{
	struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found = NULL;
	char name[64];
	int err;

	snprintf(name, sizeof(name), "%c.example.test", (char)(long)arg);
	use_server();
	err = getaddrinfo(name, "80", &hints, &found);
	if (err) {
		printf("%s: %s\n", name, gai_strerror(err));
		return NULL;
	}
	err = (int)(ntohl(((struct sockaddr_in *)found->ai_addr)->sin_addr.s_addr) & 255);
	freeaddrinfo(found);
	return (void *)(long)err;
}

int main(void)
{
	socklen_t size = sizeof(at);
	pthread_t t[THREADS], name_server;
	struct addrinfo *found;

	begin();
	server = socket(AF_INET, SOCK_DGRAM, 0);
	at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	must("bind",
	     !bind(server, (struct sockaddr *)&at, size) && !getsockname(server, (struct sockaddr *)&at, &size));
	name_server = spawn(serve, NULL);
	for (long i = 0; i < THREADS; i++)
		t[i] = spawn(look_up, (void *)('a' + i));
	settle();
	puts("main goes on while others ask");
	for (int i = 0; i < THREADS; i++)
		printf("%c: 192.0.2.%ld\n", 'a' + i, join(t[i]));
	show("localhost", getaddrinfo("localhost", "80", NULL, &found));
	freeaddrinfo(found);
	must("sendto", sendto(server, "1234567890123QQQQQQ", 19, 0, (struct sockaddr *)&at, sizeof(at)) == 19);
	join(name_server);
	return 0;
}
