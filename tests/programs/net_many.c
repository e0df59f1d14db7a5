/* An echo server with a thread for each of 100 connections, all clients in the same process; several readers and several
 * writers on one socket. */
#include "io_test.h"

#define CLIENTS 100
#define ROUNDS 50

static struct sockaddr_in at;
static int listener;

static void *serve(void *arg)
{
	int fd = (int)(long)arg;
	char buf[4096];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		if (write(fd, buf, (size_t)n) != n)
			break;
	close(fd);
	return NULL;
}

static void *accept_all(void *arg)
{
	(void)arg;
	for (int i = 0; i < CLIENTS; i++)
		pthread_detach(spawn(serve, (void *)(long)accept(listener, NULL, NULL)));
	return NULL;
}

static void *client(void *arg)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char out[64], in[64];
	long good = 0;

	if (connect(fd, (struct sockaddr *)&at, sizeof(at)))
		return NULL;
	for (int i = 0; i < ROUNDS; i++) {
		snprintf(out, sizeof(out), "client %ld round %d", (long)arg, i);
		if (send(fd, out, sizeof(out), 0) != sizeof(out) || read_n(fd, in, sizeof(in)) != sizeof(in))
			break;
		good += !memcmp(out, in, sizeof(in));
	}
	close(fd);
	return (void *)good;
}

static void echo(void)
{
	pthread_t t[CLIENTS], server = spawn(accept_all, NULL);
	long good = 0;

	for (long i = 0; i < CLIENTS; i++)
		t[i] = spawn(client, (void *)i);
	for (int i = 0; i < CLIENTS; i++)
		good += join(t[i]);
	join(server);
	printf("echoes: %ld of %d\n", good, CLIENTS * ROUNDS);
}

/* Messages of eight bytes on one local socket that keeps their boundaries. */
#define SHARED 8
#define EACH 500

static int pair[2];

static void *read_shared(void *arg)
{
	uint64_t n, total = 0;

	(void)arg;
	while (read(pair[0], &n, sizeof(n)) == sizeof(n) && n)
		total += n;
	return (void *)total;
}

static void *write_shared(void *arg)
{
	for (uint64_t i = 1; i <= EACH; i++) {
		uint64_t n = i + (uint64_t)arg * EACH;

		if (write(pair[1], &n, sizeof(n)) != sizeof(n))
			return NULL;
	}
	return NULL;
}

static void shared(void)
{
	pthread_t readers[SHARED], writers[SHARED];
	uint64_t zero = 0;
	long total = 0;

	must("socketpair", !socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
	for (long i = 0; i < SHARED; i++)
		readers[i] = spawn(read_shared, NULL);
	for (long i = 0; i < SHARED; i++)
		writers[i] = spawn(write_shared, (void *)i);
	for (int i = 0; i < SHARED; i++)
		join(writers[i]);
	for (int i = 0; i < SHARED; i++)
		must("write", write(pair[1], &zero, sizeof(zero)) == sizeof(zero));
	for (int i = 0; i < SHARED; i++)
		total += join(readers[i]);
	printf("total %ld of %ld\n", total, (long)SHARED * EACH * (SHARED * EACH + 1) / 2);
}

int main(void)
{
	begin();
	listener = tcp_listener(&at, CLIENTS);
	echo();
	shared();
	return 0;
}
