/* fcntl(2), F_SETOWN_EX with F_OWNER_TID: a descriptor's signals for one thread. The kernel sends them to the only one that it
 * knows; whose they are is told by the descriptor, and where the signal names none (no F_SETSIG), by the last that was set. */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include "owner.h"
#include "signal_state.h"
#include "user.h"

#define OWNERS 64

static struct {
	int fd, tid; /* tid 0: unused */
} owners[OWNERS];
static int last_tid;

static void forget(int fd)
{
	last_tid = 0;
	for (int i = 0; i < OWNERS; i++) {
		if (owners[i].fd == fd)
			owners[i].tid = 0;
		else if (owners[i].tid)
			last_tid = owners[i].tid;
	}
}

static int find(int fd)
{
	for (int i = 0; i < OWNERS; i++)
		if (owners[i].tid && owners[i].fd == fd)
			return owners[i].tid;
	return 0;
}

static bool note(int fd, int tid)
{
	for (int i = 0; i < OWNERS; i++) {
		if (owners[i].tid && thread_find(owners[i].tid))
			continue;
		owners[i].fd = fd;
		owners[i].tid = last_tid = tid;
		return true;
	}
	return false;
}

/* Of a process, by the number of any of its threads. */
static long set_process(const struct call *c, struct f_owner_ex owner)
{
	owner.pid = signal_pid();
	return sys_call(SYS_fcntl, c->arg[0], F_SETOWN_EX, &owner);
}

static long set_thread(const struct call *c, struct f_owner_ex owner)
{
	int tid = owner.pid;
	long ret;

	owner.pid = signal_os_tid();
	ret = sys_call(SYS_fcntl, c->arg[0], F_SETOWN_EX, &owner);
	if (ret)
		return ret;
	forget((int)c->arg[0]);
	return note((int)c->arg[0], tid) ? 0 : -ENOMEM;
}

long owner_set(struct call *c)
{
	struct f_owner_ex owner = {F_OWNER_PID, (int)c->arg[2]};

	if (((int)c->arg[1] == F_SETOWN_EX && user_get(&owner, (void *)c->arg[2])) || owner.type > F_OWNER_PID ||
	    !thread_find_other(owner.pid)) {
		forget((int)c->arg[0]);
		return CALL_PASS;
	}
	if (owner.type == F_OWNER_PID) {
		forget((int)c->arg[0]);
		return set_process(c, owner);
	}
	return set_thread(c, owner);
}

long owner_get(struct call *c)
{
	struct f_owner_ex owner;
	long ret = sys_call(SYS_fcntl, c->arg[0], F_GETOWN_EX, &owner);
	int tid = find((int)c->arg[0]);

	if (ret)
		return ret;
	if (tid && owner.type == F_OWNER_TID && owner.pid == signal_os_tid())
		owner.pid = tid;
	return user_put((void *)c->arg[2], &owner);
}

struct thread *owner_of(const siginfo_t *info)
{
	int tid = 0;

	if (!last_tid || info->si_signo == SIGCHLD)
		return NULL;
	if (info->si_code >= POLL_IN && info->si_code <= POLL_HUP)
		tid = find(info->si_fd);
	else if (info->si_signo == SIGIO && info->si_code == SI_KERNEL)
		tid = last_tid;
	return tid ? thread_find(tid) : NULL;
}

void owners_forked(void)
{
	for (int i = 0; i < OWNERS; i++)
		owners[i].tid = 0;
	last_tid = 0;
}
