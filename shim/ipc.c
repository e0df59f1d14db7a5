#include <errno.h>
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <time.h>

#include "ipc.h"
#include "offload.h"
#include "scratch.h"
#include "stats.h"
#include "sys.h"
#include "thread.h"
#include "timeout.h"
#include "user.h"

/* System V semaphores: signal(7) lists them, and the queues, among the calls that are never restarted. */

#define OPS_FEW 16

static bool has_undo_list;

static long semop_now(const struct call *c, size_t n)
{
	struct sembuf ops[OPS_FEW];

	if (user_copy(ops, (void *)c->arg[1], n * sizeof(*ops)))
		return -EFAULT;
	for (size_t i = 0; i < n; i++)
		ops[i].sem_flg |= IPC_NOWAIT;
	stats.kernel_calls++;
	return sys_call(SYS_semtimedop, c->arg[0], ops, n, NULL);
}

/* An attempt with IPC_NOWAIT, then a helper. */
static long semop_wait(struct call *c)
{
	size_t n = (size_t)c->arg[2];
	long ret = -EAGAIN;

	if (n <= OPS_FEW && c->arg[1])
		ret = semop_now(c, n);
	if (ret == -EAGAIN)
		return offload_call(c);
	thread_did_not_block();
	return ret;
}

long sys_semop(struct call *c)
{
	return semop_wait(c);
}

long sys_semtimedop(struct call *c)
{
	return semop_wait(c);
}

static long msg_wait(struct call *c, int flag_at, int blocked)
{
	long flags = c->arg[flag_at], ret;

	c->arg[flag_at] = flags | IPC_NOWAIT;
	ret = call_native(c);
	c->arg[flag_at] = flags;
	if (ret == -blocked && !(flags & IPC_NOWAIT))
		return offload_call(c);
	thread_did_not_block();
	return ret;
}

long sys_msgsnd(struct call *c)
{
	return msg_wait(c, 3, EAGAIN);
}

long sys_msgrcv(struct call *c)
{
	return msg_wait(c, 4, ENOMSG);
}

/* POSIX queues can be polled, but who polls is none of the receivers that a message goes to past the queue, and for whose
 * sake nobody is notified. mq_notify(3). */
static long mq_wait(struct call *c)
{
	struct timespec past = {0, 0};
	uint64_t deadline_ns;
	long ret = timeout_at(CLOCK_REALTIME, (void *)c->arg[4], &deadline_ns);

	if (ret)
		return ret;
	stats.kernel_calls++;
	ret = sys_call(c->nr, c->arg[0], c->arg[1], c->arg[2], c->arg[3], &past);
	if (ret == -ETIMEDOUT && deadline_ns)
		return offload_restartable(offload_call(c));
	thread_did_not_block();
	return ret;
}

long sys_mq_timedsend(struct call *c)
{
	return mq_wait(c);
}

long sys_mq_timedreceive(struct call *c)
{
	return mq_wait(c);
}

/* What has ended already is taken at once; a helper waits for the rest. io_getevents(2). */
long sys_io_getevents(struct call *c)
{
	const size_t event_size = 32;
	struct timespec zero = {0, 0};
	long rest[6], got, more;

	stats.kernel_calls++;
	got = sys_call(SYS_io_getevents, c->arg[0], c->arg[1] < 0 || c->arg[1] > c->arg[2] ? -1 : 0, c->arg[2],
		       c->arg[3], &zero);
	if (got < 0 || got >= c->arg[1])
		return got;
	for (int i = 0; i < 6; i++)
		rest[i] = c->arg[i];
	rest[1] -= got;
	rest[2] -= got;
	rest[3] += got * (long)event_size;
	more = offload("io_getevents", SYS_io_getevents, rest);
	return more < 0 ? (got ? got : more) : got + more;
}

long sys_io_pgetevents(struct call *c)
{
	return offload_call(c);
}

/* Waits for what is under way. */
long sys_io_destroy(struct call *c)
{
	return threads.alive == 1 ? CALL_PASS : offload_to_the_end("io_destroy", c->nr, c->arg);
}

/* A process whose threads share them has a list of what semaphores are to undo, as kcmp(2) can tell, from its first thread
 * on: the kernel makes it before it finds that there is no such set. */
void ipc_undo_list(void)
{
	struct sembuf op = {.sem_flg = SEM_UNDO};

	if (!has_undo_list)
		sys_call(SYS_semtimedop, INT_MAX, &op, 1, NULL);
	has_undo_list = true;
}

void ipc_undo_list_gone(void)
{
	has_undo_list = false;
}
