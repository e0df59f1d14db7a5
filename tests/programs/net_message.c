/* Messages: descriptors in ancillary data, truncation, many at once, a peer whose queue is full. */
#include "io_test.h"

static int pair[2];

static void *receive_descriptor(void *arg)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(pair[1], &msg, MSG_CMSG_CLOEXEC);
	struct cmsghdr *h = CMSG_FIRSTHDR(&msg);
	int fd = -1;

	(void)arg;
	if (n == 1 && h && h->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(h), sizeof(fd));
	printf("received %zd, flags %d, descriptor %d\n", n, msg.msg_flags == MSG_CMSG_CLOEXEC, fd >= 0);
	return (void *)(long)fd;
}

static void send_descriptor(int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = "";
	struct iovec iov = {"x", 1};
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *h = CMSG_FIRSTHDR(&msg);

	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(h), &fd, sizeof(fd));
	must("sendmsg", sendmsg(pair[0], &msg, 0) == 1);
}

static void descriptors(void)
{
	pthread_t t = spawn(receive_descriptor, NULL);
	int ends[2], got;
	char buf[8] = "";

	must("pipe", !pipe(ends));
	settle();
	send_descriptor(ends[1]);
	got = (int)join(t);
	show("through it", write(got, "pipe", 4));
	show("and back", read(ends[0], buf, sizeof(buf)));
	close(got);
	close(ends[0]);
	close(ends[1]);
}

static void *truncated(void *arg)
{
	char buf[4];
	struct iovec iov = {buf, sizeof(buf)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n = recvmsg(pair[1], &msg, (int)(long)arg);

	printf("got %zd, truncated %d\n", n, !!(msg.msg_flags & MSG_TRUNC));
	return NULL;
}

static void datagrams(void)
{
	char buf[8];
	pthread_t t;

	for (long i = 0; i < 2; i++) {
		t = spawn(truncated, (void *)(i ? (long)MSG_TRUNC : 0));
		settle();
		must("send", send(pair[0], "12345678", 8, 0) == 8);
		join(t);
	}
	show("bad message", recvmsg(pair[1], nowhere, MSG_DONTWAIT));
	show("bad message to send", sendmsg(pair[1], nowhere, 0));
	show("empty", send(pair[0], buf, 0, 0));
	show("empty received", recv(pair[1], buf, sizeof(buf), 0));
	show("nothing", recv(pair[1], buf, sizeof(buf), MSG_DONTWAIT));
}

#define MANY 6

static char text[MANY][16];
static struct iovec iov[MANY];
static struct mmsghdr vec[MANY];

static void prepare(void)
{
	memset(vec, 0, sizeof(vec));
	for (int i = 0; i < MANY; i++) {
		snprintf(text[i], sizeof(text[i]), "message %d", i);
		iov[i] = (struct iovec){text[i], 10};
		vec[i].msg_hdr.msg_iov = &iov[i];
		vec[i].msg_hdr.msg_iovlen = 1;
	}
}

static void *receive_many(void *arg)
{
	static char in[MANY][16];
	struct iovec where[MANY];
	struct mmsghdr got[MANY];
	struct timespec *timeout = arg;
	int n;

	memset(got, 0, sizeof(got));
	for (int i = 0; i < MANY; i++) {
		where[i] = (struct iovec){in[i], sizeof(in[i])};
		got[i].msg_hdr.msg_iov = &where[i];
		got[i].msg_hdr.msg_iovlen = 1;
	}
	n = recvmmsg(pair[1], got, MANY, timeout ? 0 : MSG_WAITFORONE, timeout);
	for (int i = 0; i < n; i++)
		printf("%d: %.*s\n", i, (int)got[i].msg_len, in[i]);
	return (void *)(long)n;
}

static void many(void)
{
	struct timespec timeout = {20, 0}, short_timeout = {0, 50000000};
	pthread_t t;

	prepare();
	t = spawn(receive_many, &timeout);
	settle();
	must("sendmmsg", sendmmsg(pair[0], vec, 2, 0) == 2);
	settle();
	must("sendmmsg", sendmmsg(pair[0], vec + 2, MANY - 2, 0) == MANY - 2);
	printf("all: %ld\n", join(t));
	t = spawn(receive_many, NULL);
	settle();
	must("sendmmsg", sendmmsg(pair[0], vec, 1, 0) == 1);
	printf("for one: %ld\n", join(t));
	show("three", sendmmsg(pair[0], vec, 3, 0));
	printf("as many as there are: %ld\n", join(spawn(receive_many, NULL)));
	t = spawn(receive_many, &short_timeout);
	settle();
	settle();
	settle();
	must("sendmmsg", sendmmsg(pair[0], vec, 1, 0) == 1);
	printf("the first one ends it: %ld\n", join(t));
	show("none", sendmmsg(pair[0], vec, 0, 0));
	show("bad pointer", sendmmsg(pair[0], nowhere, 1, 0));
	show("not a socket", sendmmsg(0, vec, 1, 0));
}

/* A stream takes a message bit by bit. */
static char big[1 << 20], back[1 << 20];

static void *send_big(void *arg)
{
	struct iovec parts[3] = {{big, 1 << 19}, {big + (1 << 19), 100}, {big + (1 << 19) + 100, (1 << 19) - 100}};
	struct mmsghdr two[2];
	int n;

	(void)arg;
	memset(two, 0, sizeof(two));
	two[0].msg_hdr = (struct msghdr){.msg_iov = parts, .msg_iovlen = 1};
	two[1].msg_hdr = (struct msghdr){.msg_iov = parts + 1, .msg_iovlen = 2};
	n = sendmmsg(pair[0], two, 2, 0);
	printf("sent %d: %u %u\n", n, two[0].msg_len, two[1].msg_len);
	return NULL;
}

static void stream(void)
{
	pthread_t t;

	fill(big, sizeof(big));
	t = spawn(send_big, NULL);
	settle();
	must("read_n", read_n(pair[1], back, sizeof(back)) == sizeof(back));
	join(t);
	puts(memcmp(big, back, sizeof(big)) ? "differs" : "same");
}

/* An unconnected sender finds its peer's queue full, which poll does not tell. */
static struct sockaddr_un name;

static void *send_more(void *arg)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	long sent = 0;

	(void)arg;
	for (int i = 0; i < 100; i++)
		sent += sendto(fd, "datagram", 8, 0, (struct sockaddr *)&name, sizeof(name)) == 8;
	close(fd);
	return (void *)sent;
}

static void full_queue(void)
{
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0), got = 0;
	char buf[16];
	pthread_t t;

	name.sun_family = AF_UNIX;
	snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "greenshim-message-%d", getpid());
	must("bind", !bind(fd, (struct sockaddr *)&name, sizeof(name)));
	t = spawn(send_more, NULL);
	settle();
	for (int i = 0; i < 100; i++)
		got += recv(fd, buf, sizeof(buf), 0) == 8;
	printf("sent %ld, ", join(t));
	printf("received %d\n", got);
	close(fd);
}

int main(void)
{
	begin();
	must("socketpair", !socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	descriptors();
	stream();
	must("socketpair", !socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
	datagrams();
	many();
	full_queue();
	return 0;
}
