/* O_NONBLOCK is the program's: never set behind its back, as a child sees too, and honoured wherever it was set: through
 * a duplicate, by ioctl, by a child. */
#include <sys/ioctl.h>

#include "io_test.h"

static int pair[2], ends[2];

static void *read_socket(void *arg)
{
	char byte;

	(void)arg;
	return (void *)read(pair[0], &byte, 1);
}

static void *read_pipe(void *arg)
{
	char byte;

	(void)arg;
	return (void *)read(ends[0], &byte, 1);
}

static bool blocking(int fd)
{
	return !(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

static void show_flags(const char *who)
{
	printf("%s: %d %d %d %d\n", who, blocking(pair[0]), blocking(pair[1]), blocking(ends[0]), blocking(ends[1]));
	fflush(stdout);
}

static void in_child(void (*run)(void))
{
	fflush(stdout);
	if (!fork()) {
		run();
		fflush(stdout);
		_exit(0);
	}
	wait(NULL);
}

static void child_looks(void)
{
	show_flags("child");
}

static void unchanged(void)
{
	pthread_t a = spawn(read_socket, NULL), b = spawn(read_pipe, NULL);

	settle();
	show_flags("while others read");
	in_child(child_looks);
	must("write", write(pair[1], "x", 1) == 1 && write(ends[1], "x", 1) == 1);
	printf("read %ld %ld\n", join(a), join(b));
	show_flags("after");
}

static void try(const char *what)
{
	char byte;

	printf("%s, ", what);
	show("socket", read(pair[0], &byte, 1));
	printf("%s, ", what);
	show("pipe", read(ends[0], &byte, 1));
}

static void waits(const char *what)
{
	pthread_t a = spawn(read_socket, NULL), b = spawn(read_pipe, NULL);

	settle();
	must("write", write(pair[1], "x", 1) == 1 && write(ends[1], "x", 1) == 1);
	printf("%s, waits: %ld %ld\n", what, join(a), join(b));
}

static void set(int fd, bool on)
{
	fcntl(fd, F_SETFL, on ? O_NONBLOCK : 0);
}

static void child_sets(void)
{
	set(pair[0], true);
	set(ends[0], true);
}

static void child_resets(void)
{
	set(pair[0], false);
	set(ends[0], false);
}

static void own(void)
{
	int on = 1, off = 0, dups[2] = {dup(pair[0]), dup(ends[0])};

	waits("before");
	set(pair[0], true), set(ends[0], true);
	try("F_SETFL");
	set(pair[0], false), set(ends[0], false);
	waits("F_SETFL back");
	ioctl(pair[0], FIONBIO, &on), ioctl(ends[0], FIONBIO, &on);
	try("FIONBIO");
	ioctl(dups[0], FIONBIO, &off), ioctl(dups[1], FIONBIO, &off);
	waits("FIONBIO back, on a duplicate");
	set(dups[0], true), set(dups[1], true);
	try("on a duplicate");
	in_child(child_resets);
	waits("back by a child");
	in_child(child_sets);
	try("by a child");
	show_flags("seen");
	child_resets();
	waits("at last");
	close(dups[0]);
	close(dups[1]);
}

static void made_so(void)
{
	char byte;
	int fds[2];

	must("socketpair", !socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds));
	show("SOCK_NONBLOCK", recv(fds[0], &byte, 1, 0));
	close(fds[0]);
	close(fds[1]);
	must("pipe2", !pipe2(fds, O_NONBLOCK));
	show("pipe2", read(fds[0], &byte, 1));
	close(fds[0]);
	close(fds[1]);
}

static void timeouts(void)
{
	char byte;
	int copy = dup(pair[0]);

	set_timeout(pair[0], SO_RCVTIMEO, 40);
	show("SO_RCVTIMEO", read(pair[0], &byte, 1));
	set_timeout(copy, SO_RCVTIMEO, 20);
	show("on a duplicate", read(pair[0], &byte, 1));
	set_timeout(copy, SO_RCVTIMEO, 0);
	waits("none");
	close(copy);
}

int main(void)
{
	begin();
	for (int i = 0; i < 2; i++) {
		must("pipe", !pipe(ends));
		if (i)
			tcp_pair(pair);
		else
			must("socketpair", !socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
		unchanged();
		own();
		timeouts();
	}
	made_so();
	return 0;
}
