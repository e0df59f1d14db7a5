/* sendfile, splice, tee and vmsplice: more than fits, both ends, nothing there yet. */
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#include "io_test.h"

#define BIG (2 << 20)

static char big[BIG], back[BIG];
static int file, pair[2], a[2], b[2];

static void *send_file(void *arg)
{
	off_t offset = 100;
	ssize_t n = sendfile(pair[0], file, arg ? &offset : NULL, BIG);

	printf("sendfile %zd, offset %ld, position %ld\n", n, arg ? (long)offset : 0, (long)lseek(file, 0, SEEK_CUR));
	return NULL;
}

static void sendfiles(const char *what)
{
	pthread_t t;

	puts(what);
	lseek(file, 0, SEEK_SET);
	t = spawn(send_file, NULL);
	settle();
	must("read_n", read_n(pair[1], back, BIG) == BIG);
	join(t);
	puts(memcmp(big, back, BIG) ? "differs" : "same");
	lseek(file, 7, SEEK_SET);
	t = spawn(send_file, (void *)1);
	settle();
	must("read_n", read_n(pair[1], back, BIG - 100) == BIG - 100);
	join(t);
	puts(memcmp(big + 100, back, BIG - 100) ? "differs" : "same");
	show("at the end", sendfile(pair[0], file, &(off_t){BIG}, 10));
	show("a bad offset", sendfile(pair[0], file, (off_t *)8, 10));
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	lseek(file, 0, SEEK_SET);
	printf("O_NONBLOCK: a part %d\n", sendfile(pair[0], file, NULL, BIG) < BIG);
	fcntl(pair[0], F_SETFL, 0);
	while (recv(pair[1], back, BIG, MSG_DONTWAIT) > 0)
		usleep(2000);
}

/* file -> pipe -> socket, in two threads */
static void *feed(void *arg)
{
	loff_t at = 0;

	while (at < BIG)
		if (splice(file, &at, a[1], NULL, BIG - (size_t)at, 0) <= 0)
			break;
	return (void *)(arg ? 0 : at);
}

static void *drain(void *arg)
{
	long total = 0;

	while (total < BIG) {
		ssize_t n = splice(a[0], NULL, pair[0], NULL, (size_t)(BIG - total), 0);

		if (n <= 0)
			break;
		total += n;
	}
	return (void *)(arg ? 0 : total);
}

static void splices(const char *what)
{
	pthread_t in, out = spawn(drain, NULL);

	puts(what);
	settle();
	in = spawn(feed, NULL);
	must("read_n", read_n(pair[1], back, BIG) == BIG);
	printf("fed %ld, ", join(in));
	printf("drained %ld, %s\n", join(out), memcmp(big, back, BIG) ? "differs" : "same");
}

static void *from_socket(void *arg)
{
	(void)arg;
	return (void *)splice(pair[1], NULL, a[1], NULL, 5, 0);
}

static void into_pipe(void)
{
	pthread_t t = spawn(from_socket, NULL);

	settle();
	must("send", send(pair[0], "hello", 5, 0) == 5);
	show("from a socket", join(t));
	must("read", read_n(a[0], back, 5) == 5);
	printf("%.5s\n", back);
}

static void *tee_some(void *arg)
{
	(void)arg;
	return (void *)tee(a[0], b[1], 100, 0);
}

static void *vmsplice_some(void *arg)
{
	struct iovec iov = {big, 5000};

	(void)arg;
	return (void *)vmsplice(a[1], &iov, 1, 0);
}

static void pipes(void)
{
	pthread_t t = spawn(tee_some, NULL);
	int idle = eventfd(0, 0);

	settle();
	must("write", write(a[1], "tee", 3) == 3);
	show("tee", join(t));
	printf("both have it: %d\n",
	       read_n(a[0], back, 3) == 3 && read_n(b[0], back + 3, 3) == 3 && !memcmp(back, back + 3, 3));
	fcntl(a[1], F_SETFL, O_NONBLOCK);
	while (write(a[1], big, 4096) > 0)
		;
	fcntl(a[1], F_SETFL, 0);
	t = spawn(vmsplice_some, NULL);
	settle();
	must("read_n", read_n(a[0], back, 65536) == 65536);
	show("vmsplice", join(t));
	must("read_n", read_n(a[0], back, 5000) == 5000);
	puts(memcmp(big, back, 5000) ? "differs" : "same");
	show("a position in an empty pipe", splice(a[0], &(loff_t){1}, b[1], NULL, 10, 0));
	show("a position in a socket", splice(a[0], NULL, pair[0], &(loff_t){1}, 10, 0));
	show("from an empty pipe into itself", splice(a[0], NULL, a[1], NULL, 10, 0));
	show("out of the wrong end", splice(b[1], NULL, a[1], NULL, 10, 0));
	show("into the wrong end", splice(a[0], NULL, b[0], NULL, 10, 0));
	show("unknown flags", splice(a[0], NULL, b[1], NULL, 10, 0x1000));
	show("SPLICE_F_NONBLOCK", splice(a[0], NULL, b[1], NULL, 10, SPLICE_F_NONBLOCK));
	show("tee SPLICE_F_NONBLOCK", tee(a[0], b[1], 10, SPLICE_F_NONBLOCK));
	show("no pipe", splice(pair[0], NULL, file, NULL, 10, 0));
	show("from a descriptor that cannot", splice(idle, NULL, b[1], NULL, 10, 0));
	show("from it into the wrong end", splice(idle, NULL, b[0], NULL, 10, 0));
	show("from a socket into the wrong end", splice(pair[0], NULL, b[0], NULL, 10, 0));
	close(idle);
	show("bad descriptor", splice(987, NULL, b[1], NULL, 10, 0));
	close(a[1]);
	show("end", splice(a[0], NULL, b[1], NULL, 10, 0));
}

static void *splices_on(void *arg)
{
	show("splice", splice(a[0], NULL, b[1], NULL, 3, 0));
	return arg;
}

static void *tees_on(void *arg)
{
	show("tee", tee(a[0], b[1], 3, 0));
	return arg;
}

/* The call has both, whichever it waits for. */
static void closed_meanwhile(void *(*call)(void *), int closed)
{
	char got[8] = "";
	pthread_t t;

	must("pipe", !pipe(a) && !pipe(b));
	t = spawn(call, NULL);
	settle();
	close(closed & 1 ? a[0] : -1);
	close(closed & 2 ? b[1] : -1);
	must("write", write(a[1], "abc", 3) == 3);
	join(t);
	close(closed & 2 ? -1 : b[1]);
	printf("%d: %zd", closed, read(b[0], got, sizeof(got)));
	printf(" '%s', then %zd\n", got, read(b[0], got, sizeof(got)));
	close(closed & 1 ? -1 : a[0]);
	show("nobody reads", write(a[1], "x", 1));
	close(a[1]);
	close(b[0]);
}

#define TOGETHER (400 << 20)

static volatile bool enough;

static void *sends(void *arg)
{
	(void)arg;
	while (!enough)
		must("send", send(pair[0], big, 70000, 0) == 70000);
	return NULL;
}

static void *sends_file(void *arg)
{
	(void)arg;
	while (!enough)
		must("sendfile", sendfile(pair[0], file, &(off_t){0}, 16000) == 16000);
	return NULL;
}

static void *receives(void *arg)
{
	long total = 0;
	ssize_t n;

	(void)arg;
	while ((n = recv(pair[1], back, 5000, 0)) > 0) {
		total += n;
		enough |= total > TOGETHER;
	}
	return (void *)(long)(total > TOGETHER);
}

/* Each may take the room that another has found. */
static void together(void)
{
	pthread_t reader = spawn(receives, NULL), t[3];

	for (int i = 0; i < 3; i++)
		t[i] = spawn(i == 1 ? sends_file : sends, NULL);
	for (int i = 0; i < 3; i++)
		join(t[i]);
	shutdown(pair[0], SHUT_WR);
	printf("sent together: %ld\n", join(reader));
}

int main(void)
{
	begin();
	fill(big, BIG);
	file = memfd_create("file", 0);
	must("write", write(file, big, BIG) == BIG && !pipe(a) && !pipe(b));
	must("socketpair", !socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	sendfiles("sendfile, local");
	splices("splice, local");
	into_pipe();
	tcp_pair(pair);
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &(int){100000}, sizeof(int));
	setsockopt(pair[1], SOL_SOCKET, SO_RCVBUF, &(int){100000}, sizeof(int));
	sendfiles("sendfile, tcp");
	splices("splice, tcp");
	into_pipe();
	pipes();
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < 4; i++) {
		closed_meanwhile(splices_on, i);
		closed_meanwhile(tees_on, i);
	}
	must("socketpair", !socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	together();
	return 0;
}
