/* name.c - names of threads. One's own is set by prctl; another's by writing to its comm file (pthread_setname_np(3)),
 * which for a greenlet is a memfd: what was written there is taken over when somebody wants to know. */
#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../core/deadline.h"
#include "../core/highfd.h"
#include "cpus.h"
#include "offload.h"
#include "sched.h"
#include "scratch.h"
#include "seccomp.h"
#include "sys.h"
#include "thread.h"
#include "user.h"

#define NAME_MAX_BYTES 15
#define PR_SET_SYSCALL_USER_DISPATCH_ 59 /* <sys/prctl.h> of Linux 5.11 */

static void name_set(struct thread *t, const char *name, size_t max)
{
	size_t n = 0;

	for (; n < max && n < NAME_MAX_BYTES && name[n]; n++)
		t->name[n] = name[n];
	while (n < sizeof(t->name))
		t->name[n++] = '\0';
}

void name_sync(struct thread *t)
{
	char text[NAME_MAX_BYTES + 1];
	long n;

	if (!t->name_fd)
		return;
	n = sys_call(SYS_pread64, t->name_fd, text, NAME_MAX_BYTES, 0);
	if (n > 0)
		name_set(t, text, (size_t)n);
}

void name_thread_exit(struct thread *t)
{
	if (t->name_fd)
		sys_call(SYS_close, t->name_fd);
}

/* What a thread may do, or that a later one may do less. */
static bool changes_rights(int option)
{
	return option == PR_CAPBSET_DROP || option == PR_CAP_AMBIENT || option == PR_SET_SECUREBITS ||
	       option == PR_SET_KEEPCAPS;
}

/* As strncpy_from_user: no byte after the end is looked at. */
static long name_read(struct thread *t, const char *from)
{
	char name[NAME_MAX_BYTES];
	size_t n = 0;

	do
		if (user_copy(&name[n], &from[n], 1))
			return -EFAULT;
	while (name[n] && ++n < NAME_MAX_BYTES);
	name_set(t, name, n);
	return 0;
}

long sys_prctl(struct call *c)
{
	struct thread *t = thread_self();
	bool main_thread = t == &threads.main;

	switch ((int)c->arg[0]) {
	case PR_SET_NAME:
		if (name_read(t, (const char *)c->arg[1]))
			return -EFAULT;
		if (t->name_fd)
			sys_call(SYS_ftruncate, t->name_fd, 0);
		return main_thread ? CALL_PASS : 0;
	case PR_GET_NAME:
		if (main_thread)
			return CALL_PASS;
		name_sync(t);
		return user_put((void *)c->arg[1], &t->name);
	case PR_GET_TID_ADDRESS: /* the kernel's is that of the OS thread */
		return user_put((void *)c->arg[1], &t->clear_tid);
	case PR_SET_TSC: /* it is the OS thread's */
		cpus_retire();
		deadline_by_call = c->arg[1] == PR_TSC_SIGSEGV;
		return CALL_PASS;
	case PR_SET_SYSCALL_USER_DISPATCH_: /* it is the OS thread's, and the hub's with it: as before Linux 5.11 */
		return -EINVAL;
	case PR_SET_SECCOMP:
	case PR_GET_SECCOMP:
	case PR_SET_NO_NEW_PRIVS:
	case PR_GET_NO_NEW_PRIVS:
		return seccomp_prctl(c);
	default:
		if (changes_rights((int)c->arg[0]))
			offload_retire();
		return CALL_PASS;
	}
}

/* "/proc/self/task/4194305/comm" */
static struct thread *named_by(const char *path)
{
	static const char before[] = "/proc/self/task/", after[] = "/comm";
	int tid = 0;

	for (const char *p = before; *p; p++)
		if (*path++ != *p)
			return NULL;
	for (; *path >= '0' && *path <= '9' && tid < TID_LAST / 10; path++)
		tid = tid * 10 + *path - '0';
	for (const char *p = after; *p; p++)
		if (*path++ != *p)
			return NULL;
	return *path || tid < TID_FIRST ? NULL : thread_find(tid);
}

static long memfd(int flags)
{
	return sys_call(SYS_memfd_create, "comm", flags & O_CLOEXEC ? 1 : 0);
}

static long open_reader(struct thread *t, int flags)
{
	size_t n = 0;
	long fd = memfd(flags);

	if (fd < 0)
		return fd;
	name_sync(t);
	while (n < NAME_MAX_BYTES && t->name[n])
		n++;
	sys_call(SYS_pwrite64, fd, t->name, n, 0);
	sys_call(SYS_pwrite64, fd, "\n", 1, n);
	return fd;
}

/* The program's descriptor and our own are one file. */
static long open_writer(struct thread *t, int flags)
{
	long fd, own;

	name_sync(t);
	fd = memfd(flags);
	if (fd < 0)
		return fd;
	own = highfd_duplicate((int)fd);
	if (own < 0) {
		sys_call(SYS_close, fd);
		return own;
	}
	name_thread_exit(t);
	t->name_fd = (int)own;
	return fd;
}

long name_open(const char *path, int flags)
{
	struct thread *t = named_by(path);

	if (!t)
		return -ENOENT;
	return (flags & O_ACCMODE) == O_RDONLY ? open_reader(t, flags) : open_writer(t, flags);
}
