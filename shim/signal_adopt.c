/* What is pending for the thread that is about to become the main greenlet, and for the one that executes a program. The
 * kernel keeps what was sent to the thread apart from what was sent to the process (ShdPnd), but only /proc tells which is
 * which: proc_pid_status(5). */
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

static uint64_t handed_set;
static unsigned handed;

static void hand_over(const siginfo_t *info, bool directed)
{
	int sig = info->si_signo;
	siginfo_t copy;
	long ret;

	if (!set_has(thread_self()->signals.mask, sig)) /* its handler is about to run */
		return;
	siginfo_copy(&copy, info);
	if (directed)
		ret = sys_call(SYS_rt_tgsigqueueinfo, signal_pid(), signal_os_tid(), sig, &copy);
	else
		ret = sys_call(SYS_rt_sigqueueinfo, signal_pid(), sig, &copy);
	if (ret)
		return;
	handed_set |= SIGNAL_BIT(sig);
	handed++;
}

void signals_hand_over(void)
{
	handed_set = 0;
	handed = 0;
	signals_drain();
	signal_queue_each(&thread_self()->signals.queue, hand_over);
	signal_queue_each(&signals_process, hand_over);
}

void signals_take_back(void)
{
	struct timespec zero = {0, 0};
	siginfo_t info;

	for (; handed; handed--)
		if (sys_call(SYS_rt_sigtimedwait, &handed_set, &info, &zero, SIGNAL_SETSIZE) <= 0)
			break;
}
