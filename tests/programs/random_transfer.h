/* random_transfer.h - for random_calls.c: calls that move bytes. */
#ifndef RANDOM_TRANSFER_H
#define RANDOM_TRANSFER_H

#include <limits.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "random_files.h"

enum { WHERE, FLAGS, PARTS, EXTRA }; /* of job.n */

static const int receive_flags[] = {0,
				    0,
				    0,
				    MSG_DONTWAIT,
				    MSG_PEEK,
				    MSG_WAITALL,
				    MSG_TRUNC,
				    MSG_WAITALL | MSG_DONTWAIT,
				    MSG_PEEK | MSG_DONTWAIT,
				    MSG_OOB | MSG_DONTWAIT,
				    MSG_ERRQUEUE};
static const int send_flags[] = {
	0, 0, 0, MSG_DONTWAIT, MSG_NOSIGNAL, MSG_EOR, MSG_MORE | MSG_DONTWAIT, MSG_OOB | MSG_DONTWAIT};

static bool draw_transfer(struct job *j, int side, const int *flags, long n_flags)
{
	struct end e = draw_end(j, NULL);

	j->length = draw_length(&e);
	j->n[WHERE] = draw_pointer(j) - j->buffer;
	j->n[PARTS] = 1 + pick(3);
	j->n[FLAGS] = flags ? flags[pick(n_flags)] : 0;
	if (j->n[FLAGS])
		say(j, " flags %lx", j->n[FLAGS]);
	/* TCP's urgent byte and MSG_MORE's delay are the other end's affair. */
	if (j->n[FLAGS] & (MSG_OOB | MSG_MORE) && !strcmp(e.file->kind, "tcp"))
		j->n[FLAGS] = MSG_DONTWAIT;
	if (one_in(60) && !(e.file->flags & SMALL))
		j->length = ANY(((size_t[]){SSIZE_MAX, SIZE_MAX, 1UL << 31, 1UL << 33}));
	say(j, " (%zd)", (ssize_t)j->length);
	return j->n[FLAGS] & MSG_DONTWAIT || may_wait(j, 0, side, false);
}

static bool draw_read(struct job *j)
{
	return draw_transfer(j, IN, NULL, 0);
}

static bool draw_write(struct job *j)
{
	bool drawn = draw_transfer(j, OUT, NULL, 0);

	fill_buffer(j);
	return drawn;
}

static bool draw_receive(struct job *j)
{
	return draw_transfer(j, IN, receive_flags, LENGTH(receive_flags));
}

static bool draw_send(struct job *j)
{
	bool drawn = draw_transfer(j, OUT, send_flags, LENGTH(send_flags));

	fill_buffer(j);
	return drawn;
}

static char *at(struct job *j)
{
	return j->buffer + j->n[WHERE];
}

/* One buffer in several parts; an empty one among them. */
static struct iovec *vectors(struct job *j, struct iovec iov[3])
{
	size_t part = j->n[PARTS] == 1 ? j->length : j->length / 3;

	iov[0] = (struct iovec){at(j), part};
	iov[1] = (struct iovec){at(j) + part, j->n[PARTS] == 3 ? 0 : j->length - part};
	iov[2] = (struct iovec){at(j) + part, j->length - part};
	return iov;
}

static void got(struct job *j, long ret)
{
	long n = say_ret(j, ret);
	long most = BUFFER - j->n[WHERE];
	struct signalfd_siginfo info;

	if (!strcmp(j->end[0].file->kind, "signalfd")) {
		for (long i = 0; i < n; i += (long)sizeof(info)) {
			memcpy(&info, at(j) + i, sizeof(info));
			say(j, " %u %d", info.ssi_signo, info.ssi_int);
		}
	} else if (j->n[WHERE] >= 0 && most > 0)
		say_bytes(j, at(j), n < most ? n : most);
}

static void run_read(struct job *j)
{
	got(j, read(j->end[0].fd, at(j), j->length));
}

static void run_readv(struct job *j)
{
	struct iovec iov[3];

	got(j, readv(j->end[0].fd, vectors(j, iov), (int)j->n[PARTS]));
}

static void run_preadv2(struct job *j)
{
	struct iovec iov[3];

	got(j, preadv2(j->end[0].fd, vectors(j, iov), (int)j->n[PARTS], -1, 0));
}

static void run_preadv2_nowait(struct job *j)
{
	struct iovec iov[3];

	got(j, preadv2(j->end[0].fd, vectors(j, iov), (int)j->n[PARTS], -1, RWF_NOWAIT));
}

static void run_recv(struct job *j)
{
	got(j, recv(j->end[0].fd, at(j), j->length, (int)j->n[FLAGS]));
}

static void run_recvfrom(struct job *j)
{
	struct sockaddr_storage from;
	socklen_t n = sizeof(from);

	got(j, recvfrom(j->end[0].fd, at(j), j->length, (int)j->n[FLAGS], (struct sockaddr *)&from, &n));
	say(j, " address %u", n);
}

/* What came with it: descriptors are closed again. */
static void say_message(struct job *j, struct msghdr *m)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	int fd;

	say(j, " flags %x control %zu", (unsigned)m->msg_flags, m->msg_controllen);
	if (!c || c->cmsg_type != SCM_RIGHTS)
		return;
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	say(j, " and a descriptor: %s", outcome(close(fd)));
}

static void run_recvmsg(struct job *j)
{
	struct iovec iov[3];
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct msghdr m = {.msg_iov = vectors(j, iov), .msg_iovlen = (size_t)j->n[PARTS], .msg_control = control};
	long ret;

	m.msg_controllen = sizeof(control);
	ret = recvmsg(j->end[0].fd, &m, (int)j->n[FLAGS]);
	got(j, ret);
	if (ret >= 0)
		say_message(j, &m);
}

static void run_recvmmsg(struct job *j)
{
	struct iovec iov[2][3];
	struct mmsghdr m[2] = {0};
	size_t whole = j->length;
	long ret;

	j->length /= 2;
	for (int i = 0; i < 2; i++) {
		m[i].msg_hdr.msg_iov = vectors(j, iov[i]);
		m[i].msg_hdr.msg_iovlen = (size_t)j->n[PARTS];
		j->n[WHERE] += i ? 0 : (long)(whole / 2);
	}
	/* What interrupts the wait for a second message Linux reports by the next call, as an error of its own. */
	ret = recvmmsg(j->end[0].fd, m, j->n[PARTS] == 1 ? 1 : 2, (int)j->n[FLAGS] | MSG_WAITFORONE, NULL);
	say_ret(j, ret);
	for (int i = 0; i < ret; i++)
		say(j, " %u", m[i].msg_len);
}

static void run_write(struct job *j)
{
	say_ret(j, write(j->end[0].fd, at(j), j->length));
}

static void run_writev(struct job *j)
{
	struct iovec iov[3];

	say_ret(j, writev(j->end[0].fd, vectors(j, iov), (int)j->n[PARTS]));
}

static void run_send(struct job *j)
{
	say_ret(j, send(j->end[0].fd, at(j), j->length, (int)j->n[FLAGS]));
}

/* Every third with a descriptor. */
static void run_sendmsg(struct job *j)
{
	struct iovec iov[3];
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
	struct msghdr m = {.msg_iov = vectors(j, iov), .msg_iovlen = (size_t)j->n[PARTS]};
	struct cmsghdr c = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};

	memcpy(control, &c, sizeof(c));
	if (j->n[PARTS] == 3) {
		m.msg_control = control;
		m.msg_controllen = sizeof(control);
	}
	say_ret(j, sendmsg(j->end[0].fd, &m, (int)j->n[FLAGS]));
}

static bool draw_sendmmsg(struct job *j)
{
	return draw_send(j) && j->length <= 100;
}

static void run_sendmmsg(struct job *j)
{
	struct iovec iov[3];
	struct mmsghdr m[2] = {{.msg_hdr = {.msg_iov = vectors(j, iov), .msg_iovlen = 1}}};

	say_ret(j, sendmmsg(j->end[0].fd, m, 1, (int)j->n[FLAGS]));
	say(j, " %u", m[0].msg_len);
}

/* ---- from one descriptor to another ---- */

static bool draw_between(struct job *j)
{
	struct end e = draw_end(j, one_in(4) ? NULL : "pipe"), to = draw_end(j, one_in(4) ? NULL : "pipe");
	size_t most = draw_length(&to);

	/* A wait for a socket keeps everybody else from the pipe. */
	if (e.file->flags & (SOCKET | SMALL))
		return false;
	j->length = draw_length(&e);
	if (most < j->length)
		j->length = most;
	/* A socket's and a file's data come in pieces, as they please. */
	if (e.file->flags & (SOCKET | SMALL) || to.file->flags & (SOCKET | SMALL))
		j->length = j->length > 100 ? 100 : j->length;
	j->n[FLAGS] = one_in(3) ? SPLICE_F_NONBLOCK : 0;
	say(j, " (%zu)%s", j->length, j->n[FLAGS] ? " NONBLOCK" : "");
	return e.file != to.file && may_wait(j, 0, IN, false) && may_wait(j, 1, OUT, false);
}

static void run_splice(struct job *j)
{
	say_ret(j, splice(j->end[0].fd, NULL, j->end[1].fd, NULL, j->length, (unsigned)j->n[FLAGS]));
}

static void run_tee(struct job *j)
{
	say_ret(j, tee(j->end[0].fd, j->end[1].fd, j->length, (unsigned)j->n[FLAGS]));
}

static bool draw_sendfile(struct job *j)
{
	draw_end(j, "file");
	draw_end(j, NULL);
	j->length = (size_t)pick(20);
	say(j, " (%zu)", j->length);
	return j->end[0].file != j->end[1].file && may_wait(j, 0, IN, false) && may_wait(j, 1, OUT, false);
}

static void run_sendfile(struct job *j)
{
	off_t from = 0;

	say_ret(j, sendfile(j->end[1].fd, j->end[0].fd, &from, j->length));
	say(j, " to %ld", (long)from);
}

static void run_vmsplice(struct job *j)
{
	static char steady[BUFFER];
	struct iovec iov = {steady, j->length > BUFFER ? BUFFER : j->length};

	say_ret(j, vmsplice(j->end[0].fd, &iov, 1, 0));
}

#define TRANSFERS                                                                                                    \
	{"read", draw_read, run_read}, {"read", draw_read, run_read}, {"readv", draw_read, run_readv},               \
		{"preadv2", draw_read, run_preadv2}, {"preadv2 NOWAIT", draw_read, run_preadv2_nowait},              \
		{"recv", draw_receive, run_recv}, {"recv", draw_receive, run_recv},                                  \
		{"recvfrom", draw_receive, run_recvfrom}, {"recvmsg", draw_receive, run_recvmsg},                    \
		{"recvmmsg", draw_receive, run_recvmmsg}, {"write", draw_write, run_write},                          \
		{"write", draw_write, run_write}, {"writev", draw_write, run_writev}, {"send", draw_send, run_send}, \
		{"sendmsg", draw_send, run_sendmsg}, {"sendmmsg", draw_sendmmsg, run_sendmmsg},                      \
		{"splice", draw_between, run_splice}, {"splice", draw_between, run_splice},                          \
		{"tee", draw_between, run_tee}, {"sendfile", draw_sendfile, run_sendfile},                           \
	{                                                                                                            \
		"vmsplice", draw_write, run_vmsplice                                                                 \
	}

#endif
