/* Pipes, eventfd and socket pairs both of whose ends are here: threads wake each other through them, also where a
 * descriptor was duplicated, closed and its number used again, or others move bytes as well. */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>

#include "io_test.h"

#define ROUNDS 1000

struct ends {
	int in, out;
};

static void *answer(void *arg)
{
	const struct ends *e = arg;
	uint64_t n;
	long seen = 0;

	while (read(e->in, &n, sizeof(n)) == sizeof(n) && n != UINT32_MAX) {
		seen += (long)n;
		if (write(e->out, &n, sizeof(n)) != sizeof(n))
			break;
	}
	return (void *)seen;
}

static void ping_pong(const char *what, struct ends here, struct ends there)
{
	pthread_t t = spawn(answer, &there);
	uint64_t n, last = UINT32_MAX;
	long seen = 0;

	for (uint64_t i = 1; i <= ROUNDS; i++) {
		must("write", write(here.out, &i, sizeof(i)) == sizeof(i));
		must("read", read(here.in, &n, sizeof(n)) == sizeof(n));
		seen += (long)n;
	}
	must("write", write(here.out, &last, sizeof(last)) == sizeof(last));
	printf("%s: %ld there, %ld back\n", what, join(t), seen);
}

static void *read_one(void *arg)
{
	char byte = 0;
	ssize_t n = read(*(int *)arg, &byte, 1);

	return (void *)(n == 1 ? (long)byte : n < 0 ? (long)-errno : 1000L);
}

/* What a read of fd gets once the bytes in `text` are written to `to`; to -1: nothing is. */
static long waits_for(int fd, int to, const char *text)
{
	pthread_t t = spawn(read_one, &fd);

	settle();
	if (to >= 0)
		must("write", write(to, text, strlen(text)) == (ssize_t)strlen(text));
	return join(t);
}

/* Written and read here, so that nothing is left and that is known. */
static void use(const int p[2])
{
	for (int i = 0; i < 3; i++)
		must("use", waits_for(p[0], p[1], "u") == 'u');
}

static void duplicates(void)
{
	int p[2], in, out;

	must("pipe", !pipe(p));
	use(p);
	in = dup(p[0]);
	out = dup(p[1]);
	printf("duplicates: %c", (char)waits_for(in, p[1], "a"));
	printf("%c", (char)waits_for(p[0], out, "b"));
	close(p[0]);
	close(p[1]);
	printf("%c", (char)waits_for(in, out, "c"));
	close(out);
	printf(", then %ld\n", waits_for(in, -1, ""));
	close(in);
}

static void numbers_again(void)
{
	int p[2], q[2], kept;
	pthread_t a, b;

	must("pipe", !pipe(p));
	use(p);
	kept = dup(p[1]);
	a = spawn(read_one, &p[0]);
	settle();
	close(p[0]);
	close(p[1]);
	must("pipe", !pipe(q) && q[0] == p[0] && q[1] == p[1]);
	b = spawn(read_one, &q[0]);
	settle();
	must("write", write(kept, "a", 1) == 1);
	printf("numbers again: %c", (char)join(a));
	must("write", write(q[1], "b", 1) == 1);
	printf("%c\n", (char)join(b));
	close(q[0]);
	close(q[1]);
	close(kept);
}

static void child_writes(const int p[2], const char *text)
{
	pid_t child = fork();

	must("fork", child >= 0);
	if (!child)
		_exit(write(p[1], text, strlen(text)) < 0);
	must("waitpid", waitpid(child, NULL, 0) == child);
}

static void others_write(void)
{
	int p[2];

	must("pipe", !pipe(p));
	use(p);
	child_writes(p, "abc");
	printf("a child's: ");
	for (int i = 0; i < 3; i++)
		printf("%c", (char)waits_for(p[0], -1, ""));
	printf("%c\n", (char)waits_for(p[0], p[1], "d"));
	close(p[0]);
	close(p[1]);
}

/* More, and less, than was written by write. */
static void spliced(void)
{
	int p[2], q[2];
	char c;

	must("pipe", !pipe(p) && !pipe(q));
	use(p);
	must("write", write(q[1], "ab", 2) == 2);
	must("splice", splice(q[0], NULL, p[1], NULL, 2, 0) == 2);
	printf("spliced: %c", (char)waits_for(p[0], -1, ""));
	printf("%c", (char)waits_for(p[0], -1, ""));
	must("write", write(p[1], "cd", 2) == 2);
	must("splice", splice(p[0], NULL, q[1], NULL, 2, 0) == 2);
	printf("%c", (char)waits_for(p[0], p[1], "e"));
	for (int i = 0; i < 2; i++)
		if (read(q[0], &c, 1) == 1)
			printf("%c", c);
	printf("\n");
	close(q[0]), close(q[1]), close(p[0]), close(p[1]);
}

static void flags(void)
{
	int p[2], other;
	char c;

	must("pipe", !pipe(p));
	use(p);
	other = dup(p[0]);
	fcntl(other, F_SETFL, O_NONBLOCK);
	show("O_NONBLOCK, read", read(p[0], &c, 1));
	fcntl(other, F_SETFL, 0);
	printf("and without: %c\n", (char)waits_for(p[0], p[1], "a"));
	close(other);
	close(p[1]);
	show("the end, read", read(p[0], &c, 1));
	close(p[0]);
}

static void sockets(void)
{
	struct timeval tv = {0, 30000};
	char text[8] = "";
	int s[2];

	must("socketpair", !socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	use(s);
	must("send", send(s[1], "ab", 2, 0) == 2);
	show("MSG_PEEK", recv(s[0], text, sizeof(text), MSG_PEEK));
	show("recv", recv(s[0], text, 1, 0));
	show("recv", recv(s[0], text, 1, 0));
	show("MSG_DONTWAIT", recv(s[0], text, 1, MSG_DONTWAIT));
	setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	show("SO_RCVTIMEO", recv(s[0], text, 1, 0));
	shutdown(s[1], SHUT_WR);
	show("shutdown", recv(s[0], text, 1, 0));
	close(s[0]), close(s[1]);
}

static void *by_poll(void *arg)
{
	struct pollfd p = {*(int *)arg, POLLIN, 0};

	return (void *)(long)(poll(&p, 1, -1) == 1 ? p.revents : -1);
}

static void *by_select(void *arg)
{
	int fd = *(int *)arg;
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	return (void *)(long)(select(fd + 1, &set, NULL, NULL, NULL) == 1 && FD_ISSET(fd, &set) ? POLLIN : -1);
}

static void *by_epoll(void *arg)
{
	int fd = *(int *)arg, set = epoll_create1(0);
	struct epoll_event e = {.events = EPOLLIN};
	long n;

	epoll_ctl(set, EPOLL_CTL_ADD, fd, &e);
	n = epoll_wait(set, &e, 1, -1);
	close(set);
	return (void *)(long)(n == 1 ? e.events : 0);
}

static void lookers(const char *what, int in, int out)
{
	uint64_t one = 1;
	pthread_t t[3];

	t[0] = spawn(by_poll, &in);
	t[1] = spawn(by_select, &in);
	t[2] = spawn(by_epoll, &in);
	settle();
	must("write", write(out, &one, sizeof(one)) == sizeof(one));
	printf("%s:", what);
	for (int i = 0; i < 3; i++)
		printf(" %ld", join(t[i]));
	must("read", read(in, &one, sizeof(one)) == sizeof(one));
	printf("\n");
}

/* One takes what the other is woken for. */
static void takers(void)
{
	int p[2], other;
	pthread_t t;
	char c;

	must("pipe", !pipe(p));
	other = dup(p[0]);
	use(p);
	t = spawn(read_one, &p[0]);
	settle();
	for (int i = 0; i < 20; i++) {
		must("write", write(p[1], "n", 1) == 1);
		fcntl(other, F_SETFL, O_NONBLOCK);
		if (read(other, &c, 1) != 1)
			break;
		fcntl(other, F_SETFL, 0);
		settle();
	}
	fcntl(other, F_SETFL, 0);
	must("write", write(p[1], "y", 1) == 1);
	c = (char)join(t);
	printf("takers: %d\n", c == 'y' || c == 'n');
	close(other);
	close(p[0]), close(p[1]);
}

static void *write_much(void *arg)
{
	static char much[1 << 20];

	return (void *)(long)write(*(int *)arg, much, sizeof(much));
}

static void room(const char *what, int in, int out)
{
	pthread_t t = spawn(write_much, &out);
	char piece[3000];
	long n = 0;

	for (ssize_t got; n < 1 << 20 && (got = read(in, piece, sizeof(piece))) > 0;)
		n += got;
	printf("%s: %ld written, %ld read\n", what, join(t), n);
	close(in), close(out);
}

static void on_signal(int sig)
{
	(void)sig;
}

static void interrupted(void)
{
	struct sigaction sa = {.sa_handler = on_signal};
	pthread_t t;
	int p[2];

	sigaction(SIGUSR1, &sa, NULL);
	must("pipe", !pipe(p));
	use(p);
	t = spawn(read_one, &p[0]);
	settle();
	pthread_kill(t, SIGUSR1);
	printf("interrupted: %s\n", name_of((int)-join(t)));
	close(p[0]), close(p[1]);
}

int main(void)
{
	int early[2], back[2], p[2], q[2], s[2], e, f;

	must("pipe", !pipe(early) && !pipe(back));
	begin();
	must("pipe", !pipe(p) && !pipe(q) && !socketpair(AF_UNIX, SOCK_SEQPACKET, 0, s));
	e = eventfd(0, 0);
	f = eventfd(0, 0);
	ping_pong("early pipes", (struct ends){back[0], early[1]}, (struct ends){early[0], back[1]});
	ping_pong("pipes", (struct ends){q[0], p[1]}, (struct ends){p[0], q[1]});
	ping_pong("sockets", (struct ends){s[0], s[0]}, (struct ends){s[1], s[1]});
	ping_pong("eventfd", (struct ends){e, f}, (struct ends){f, e});
	duplicates();
	numbers_again();
	others_write();
	spliced();
	flags();
	sockets();
	lookers("pipe", p[0], p[1]);
	lookers("socket", s[0], s[1]);
	lookers("eventfd", e, e);
	takers();
	room("pipe", p[0], p[1]);
	must("socketpair", !socketpair(AF_UNIX, SOCK_STREAM, 0, s));
	room("socket", s[0], s[1]);
	interrupted();
	return 0;
}
