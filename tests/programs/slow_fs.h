/* slow_fs.h - a file system whose requests take as long as its user says: a FUSE server in a child process, by the kernel's
 * own protocol (linux/fuse.h). Its files live in memory and are never cached, so every call on them is a request.
 *
 *   slow_fs_mount(limit_ms)  mounts it in a name space of the process's own; call it before the first thread. NULL: it
 *                            cannot be mounted here; else the directory.
 *   slow_fs_hold(opcode)     the next request of this kind is held ...
 *   slow_fs_held()           ... this waits until one is ...
 *   slow_fs_let_go()         ... until this, or until limit_ms have passed.
 *   slow_fs_delay(us)        every READ, WRITE and FSYNC takes so long. */
#ifndef SLOW_FS_H
#define SLOW_FS_H

#include "slow_fs_server.h"

static inline void slow_order(char kind, unsigned value)
{
	struct slow_order order = {kind, value};

	if (write(slow.orders, &order, sizeof(order)) != sizeof(order))
		abort();
}

static inline void slow_answered(char kind)
{
	char c;

	if (read(slow.orders, &c, 1) != 1 || c != kind)
		abort();
}

static inline void slow_fs_hold(unsigned opcode)
{
	slow_order('h', opcode);
	slow_answered('o');
}

static inline void slow_fs_delay(unsigned us)
{
	slow_order('d', us);
	slow_answered('o');
}

static inline void slow_fs_held(void)
{
	slow_answered('h');
}

static inline void slow_fs_let_go(void)
{
	slow_order('l', 0);
}

/* A name space in which to mount: ours by right, or with a user name space around it. */
static inline bool slow_may_mount(void)
{
	if (unshare(CLONE_NEWNS) && unshare(CLONE_NEWNS | CLONE_NEWUSER))
		return false;
	return !mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

static inline const char *slow_fs_mount(unsigned limit_ms)
{
	static char directory[] = "/tmp/slow_fs.XXXXXX";
	char options[128];
	int ends[2];
	pid_t parent = getpid();

	slow.device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (slow.device < 0 || !slow_may_mount() || !mkdtemp(directory))
		return NULL;
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=%u,group_id=%u", slow.device, getuid(),
		 getgid());
	if (mount("slow", directory, "fuse", MS_NOSUID | MS_NODEV, options)) {
		rmdir(directory);
		return NULL;
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		abort();
	slow.limit_ns = limit_ms * 1000000L;
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(1);
		close(ends[0]);
		slow.orders = ends[1];
		slow.files = calloc(SLOW_FILES, sizeof(*slow.files));
		slow.held = calloc(1, sizeof(*slow.held));
		slow_serve();
	}
	close(ends[1]);
	close(slow.device);
	slow.orders = ends[0];
	return directory;
}

static inline void slow_fs_unmount(const char *directory)
{
	umount2(directory, MNT_DETACH);
	rmdir(directory);
}

#endif
