/* What is pending for the thread that is about to become the main greenlet. The kernel keeps what was sent to the thread
 * apart from what was sent to the process (ShdPnd), but only /proc tells which is which: proc_pid_status(5). */
#include <fcntl.h>
#include <sys/syscall.h>
#include <time.h>

#include "signal_state.h"

#define STATUS 4096

static const char *after(const char *text, const char *label)
{
	for (; *text; text++) {
		const char *p = text, *l = label;

		while (*l && *p == *l)
			p++, l++;
		if (!*l)
			return p;
	}
	return NULL;
}

static uint64_t hexadecimal(const char *p)
{
	uint64_t n = 0;

	while (*p == ' ' || *p == '\t')
		p++;
	for (; (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'f'); p++)
		n = n << 4 | (uint64_t)(*p <= '9' ? *p - '0' : *p - 'a' + 10);
	return n;
}

/* The set of what was sent to the thread. */
static uint64_t threads_own(void)
{
	static char status[STATUS];
	long fd = sys_call(SYS_openat, AT_FDCWD, "/proc/self/status", O_RDONLY | O_CLOEXEC), got;
	const char *at;

	if (sys_failed(fd))
		return 0;
	got = sys_call(SYS_read, fd, status, STATUS - 1);
	sys_call(SYS_close, fd);
	status[got < 0 ? 0 : got] = '\0';
	at = after(status, "SigPnd:");
	return at ? hexadecimal(at) : 0;
}

/* The kernel takes what was sent to the thread first. */
void signals_adopt(struct thread *main_thread)
{
	struct timespec zero = {0, 0};
	siginfo_t info;
	uint64_t pending = 0;

	sys_call(SYS_rt_sigpending, &pending, SIGNAL_SETSIZE);
	while (pending && (pending = threads_own() & ~SIGNAL_NEVER_BLOCKED)) {
		uint64_t first = pending & -pending;

		if (sys_call(SYS_rt_sigtimedwait, &first, &info, &zero, SIGNAL_SETSIZE) <= 0)
			break;
		signal_queue_add(&main_thread->signals.queue, &info, true);
	}
}
