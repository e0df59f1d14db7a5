#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "../core/highfd.h"
#include "../core/deadline.h"
#include "../core/fdwait.h"
#include "fd.h"
#include "offload.h"
#include "stats.h"
#include "sys.h"
#include "thread.h"
#include "user.h"

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

/* Whom a call waits for, in waitid's terms. */
struct wanted {
	idtype_t type;
	id_t id;
	int fd;	     /* of P_PIDFD, while it is waited for: id, or what that was changed to */
	int options; /* with WEXITED where it is implied */
	uint64_t since_ns;
};

static id_t id_now(const struct wanted *w)
{
	return w->type == P_PIDFD ? (id_t)w->fd : w->id;
}

/* A tracer also waits for stops that no option asks for, and no pidfd tells of them. */
static bool tracing;
#define FIRST_LOOK_NS 10000000

/* To go on, a tracee needs its tracer's ptrace: who has stopped tracees has called it, but for the first one. */
long sys_ptrace(struct call *c)
{
	if (c->arg[0] != PTRACE_TRACEME)
		tracing = true;
	return CALL_PASS;
}

/* A child that asks to be traced is not seen to do so. It is looked for when as much time again has passed: late by no
 * more than it took, and rarely in a long wait. */
static uint64_t next_look_ns(struct wanted *w)
{
	uint64_t now = now_ns(), past;

	if (!w->since_ns)
		w->since_ns = now;
	past = now - w->since_ns;
	return now + (past > FIRST_LOOK_NS ? past : FIRST_LOOK_NS);
}

/* A low number would be seen: the program's next descriptor would not be the lowest that it knows to be free. */
static long pidfd_high(id_t pid)
{
	long fd = highfd_move(sys_call(SYS_pidfd_open, pid, 0));

	if (fd >= 0)
		fd_own((int)fd);
	return fd;
}

/* SWITCHES. A pidfd is readable once its process has ended. 0: look again. */
static long park_on_pid(struct wanted *w)
{
	long fd = pidfd_high(w->id), ret;

	if (fd == -ESRCH)
		return 0; /* reaped by another thread just now */
	if (fd < 0)
		return fd;
	ret = thread_wait_fd((int)fd, POLLIN, "wait", next_look_ns(w));
	fdwait_forget(&threads.hub, (int)fd, 0);
	fd_forget((int)fd);
	sys_call(SYS_close, fd);
	return ret < 0 && ret != -ETIMEDOUT ? ret : 0;
}

/* SWITCHES. Any of several children, or a stop: a helper waits, and leaves the child to be waited for.
 * Its own children are none: every child belongs to the process. */
static long park_on_any(const struct wanted *w)
{
	long arg[6] = {w->type, id_now(w), 0, (w->options & ~(WNOHANG | __WNOTHREAD)) | WNOWAIT, 0, 0};
	long ret = offload("wait", SYS_waitid, arg);

	return ret == -ECHILD ? 0 : ret;
}

/* SWITCHES. 0: look again; -EINTR. */
static long park_on(struct wanted *w)
{
	bool stops = tracing || w->options & (WSTOPPED | WCONTINUED);
	long ret = -EINVAL;

	if (w->type == P_PID && !stops)
		ret = park_on_pid(w);
	else if (w->type == P_PIDFD && !stops)
		ret = fd_wait_with_all(w->id, &w->fd, POLLIN, "wait", next_look_ns(w));
	if (ret == -ETIMEDOUT)
		return 0;
	if (ret >= 0 || ret == -EINTR)
		return ret;
	return park_on_any(w);
}

static struct wanted wanted_by_pid(int pid, int options)
{
	struct wanted w = {.type = P_ALL, .options = options | WEXITED};

	if (pid > 0)
		w = (struct wanted){.type = P_PID, .id = (id_t)pid, .options = options | WEXITED};
	else if (pid != -1)
		w = (struct wanted){.type = P_PGID, .id = (id_t)-pid, .options = options | WEXITED};
	return w;
}

/* A signal may have come because a child ended: that is looked for once more, as do_wait() in the kernel does. */
long sys_wait4(struct call *c)
{
	int options = (int)c->arg[2];
	struct wanted w = wanted_by_pid((int)c->arg[0], options);
	long why = 0;

	for (;;) {
		long ret;

		stats.kernel_calls++;
		ret = sys_call(SYS_wait4, c->arg[0], c->arg[1], options | WNOHANG, c->arg[3]);
		if (ret || options & WNOHANG) {
			thread_did_not_block();
			return ret;
		}
		if (why < 0)
			return offload_restartable(why);
		why = park_on(&w);
	}
}

/* The kernel's siginfo, as far as waitid(2) fills it in. */
struct child_info {
	int signo, error, code, pad;
	int pid, uid, status;
	char rest[128 - 28];
};

/* As the kernel writes it, member by member, whatever the result is. */
static long report(const struct call *c, const struct child_info *info, long ret)
{
	const size_t first = offsetof(struct child_info, pad), second = offsetof(struct child_info, pid);
	struct child_info *to = (struct child_info *)c->arg[2];

	if (ret == -EFAULT || !to)
		return ret;
	if (user_copy(to, info, first) || user_copy(&to->pid, &info->pid, offsetof(struct child_info, rest) - second))
		return -EFAULT;
	return ret;
}

static long waitid_for(const struct call *c, struct wanted *w)
{
	struct child_info info = {.signo = 0};
	long why = 0;

	for (;;) {
		long ret;

		stats.kernel_calls++;
		ret = sys_call(SYS_waitid, w->type, id_now(w), &info, w->options | WNOHANG, c->arg[4]);
		if (ret || info.signo || w->options & WNOHANG) {
			thread_did_not_block();
			return report(c, &info, ret);
		}
		if (why < 0)
			return report(c, &info, offload_restartable(why));
		if (w->type == P_PIDFD && fd_nonblocking(w->fd)) /* PIDFD_NONBLOCK, Linux 5.10 */
			return report(c, &info, -EAGAIN);
		why = park_on(w);
	}
}

long sys_waitid(struct call *c)
{
	struct wanted w = {(idtype_t)c->arg[0], (id_t)c->arg[1], (int)c->arg[1], (int)c->arg[3], 0};
	long ret = waitid_for(c, &w);

	if (w.type == P_PIDFD)
		fd_wait_over(w.id, w.fd);
	return ret;
}
