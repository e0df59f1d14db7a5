/* random_files.h - for random_calls.c: descriptors of every kind. */
#ifndef RANDOM_FILES_H
#define RANDOM_FILES_H

#include <netinet/in.h>
#include <pty.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <termios.h>

#include "random_world.h"

static char directory[64] = "/tmp/random_calls.XXXXXX";

static char *path_of(char to[96], const char *name)
{
	snprintf(to, 96, "%s/%s", directory, name);
	return to;
}

static void make_pipe(void)
{
	int p[2];

	if (pipe2(p, one_in(4) ? O_NONBLOCK : O_CLOEXEC))
		abort();
	add_pair("pipe", "pipe", p, IN_TURN);
}

static void make_stream(void)
{
	int p[2], size = 16384;

	if (socketpair(AF_UNIX, SOCK_STREAM | (one_in(4) ? SOCK_NONBLOCK : 0), 0, p))
		abort();
	for (int i = 0; i < 2; i++)
		setsockopt(p[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	add_pair("stream", "stream", p, SOCKET);
}

static void make_packets(void)
{
	int p[2], type = one_in(2) ? SOCK_DGRAM : SOCK_SEQPACKET, size = 16384;

	if (socketpair(AF_UNIX, type, 0, p))
		abort();
	for (int i = 0; i < 2; i++)
		setsockopt(p[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	add_pair(type == SOCK_DGRAM ? "dgram" : "seqpacket", type == SOCK_DGRAM ? "dgram" : "seqpacket", p,
		 SOCKET | PACKETS);
}

static struct sockaddr_in bound(int fd)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t n = sizeof(any);

	if (bind(fd, (struct sockaddr *)&any, n) || getsockname(fd, (struct sockaddr *)&any, &n))
		abort();
	return any;
}

static void make_udp(void)
{
	int p[2] = {socket(AF_INET, SOCK_DGRAM, 0), socket(AF_INET, SOCK_DGRAM, 0)};
	struct sockaddr_in a = bound(p[0]), b = bound(p[1]);

	if (connect(p[0], (struct sockaddr *)&b, sizeof(b)) || connect(p[1], (struct sockaddr *)&a, sizeof(a)))
		abort();
	add_pair("udp", "udp", p, SOCKET | PACKETS | SMALL);
}

static void make_tcp(void)
{
	int l = socket(AF_INET, SOCK_STREAM, 0), p[2] = {socket(AF_INET, SOCK_STREAM, 0), -1};
	struct sockaddr_in a = bound(l);

	if (listen(l, 5) || connect(p[0], (struct sockaddr *)&a, sizeof(a)))
		abort();
	p[1] = accept(l, NULL, NULL);
	close(l);
	add_pair("tcp", "tcp", p, SOCKET | SMALL);
}

static void make_event(void)
{
	add_end(eventfd((unsigned)pick(3), (one_in(2) ? EFD_SEMAPHORE : 0) | (one_in(4) ? EFD_NONBLOCK : 0)),
		add_file("eventfd", 0));
	files[n_files - 1].peer = &files[n_files - 1];
}

static void make_timer(void)
{
	add_end(timerfd_create(one_in(2) ? CLOCK_MONOTONIC : CLOCK_REALTIME, one_in(4) ? TFD_NONBLOCK : 0),
		add_file("timerfd", 0));
	files[n_files - 1].peer = &files[n_files - 1];
}

static void make_signal(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 2);
	add_end(signalfd(-1, &set, one_in(4) ? SFD_NONBLOCK : 0), add_file("signalfd", 0));
}

static void make_set(void)
{
	add_end(epoll_create1(EPOLL_CLOEXEC), add_file("epoll", SET));
}

static void make_fifo(void)
{
	char path[96], name[16];
	int p[2];

	snprintf(name, sizeof(name), "f%d", n_files);
	if (mkfifo(path_of(path, name), 0600))
		abort();
	p[0] = open(path, O_RDONLY | O_NONBLOCK);
	p[1] = open(path, O_WRONLY);
	fcntl(p[0], F_SETFL, 0);
	add_pair("fifo", "fifo", p, IN_TURN);
}

static void make_tty(void)
{
	struct termios raw;
	int p[2];

	if (openpty(&p[0], &p[1], NULL, NULL, NULL))
		abort();
	tcgetattr(p[1], &raw);
	cfmakeraw(&raw);
	tcsetattr(p[1], TCSANOW, &raw);
	add_pair("tty", "tty", p, SMALL);
}

static void make_file(void)
{
	char path[96];
	int fd = open(path_of(path, "file"), O_RDWR | O_CREAT, 0600);

	if (fd < 0 || pwrite(fd, "0123456789abcdef", 16, 0) != 16)
		abort();
	add_end(fd, add_file("file", 0));
}

static void make_notify(void)
{
	int fd = inotify_init1(one_in(4) ? IN_NONBLOCK : 0);

	inotify_add_watch(fd, directory, IN_CREATE | IN_DELETE);
	add_end(fd, add_file("inotify", 0));
}

static void make_listener(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	bool local = one_in(2);
	int fd = socket(local ? AF_UNIX : AF_INET, SOCK_STREAM, 0);

	snprintf(un.sun_path, sizeof(un.sun_path), "%s/l%d", directory, n_files);
	if (local && bind(fd, (struct sockaddr *)&un, sizeof(un)))
		abort();
	if (!local)
		bound(fd);
	if (listen(fd, local ? 1 : 50))
		abort();
	add_end(fd, add_file("listener", SOCKET));
}

static void (*const makers[])(void) = {
	make_pipe, make_pipe, make_stream, make_stream, make_packets, make_packets,
	make_udp,  make_tcp,  make_event,  make_timer,	make_fifo,    make_signal,
	make_set,  make_set,  make_tty,	   make_file,	make_notify,  make_listener,
};

static void make_any(void)
{
	if (room_for(2))
		ANY(makers)();
}

#endif
