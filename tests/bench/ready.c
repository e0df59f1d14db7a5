/* What a call costs that need not wait: a write to a socket pair and a read of what is there. */
#include <sys/socket.h>
#include <unistd.h>

#include "bench.h"

static long rounds;

static void *run(void *arg)
{
	char message[64] = "";
	int64_t begin;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		abort();
	begin = now_ns();
	for (long i = 0; i < rounds; i++)
		if (write(fds[0], message, sizeof(message)) != sizeof(message) ||
		    read(fds[1], message, sizeof(message)) != sizeof(message))
			abort();
	report(begin, rounds);
	return arg;
}

int main(int argc, char **argv)
{
	rounds = times(argc, argv, 300000);
	done(go(run, NULL));
	return 0;
}
