/* init.c - when the shim comes to life. The constructor only reads options. The first call that is about to make a
 * thread activates: objects are scanned and patched, the hub is made, the caller becomes the main greenlet. */
#include <aio.h>
#include <errno.h>
#include <mqueue.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "cpus.h"
#include "dump.h"
#include "filter.h"
#include "loader.h"
#include "offload.h"
#include "options.h"
#include "others.h"
#include "patch.h"
#include "symbol.h"
#include "thread.h"
#include "userdispatch.h"

#define EXPORT __attribute__((visibility("default")))

static void say(const char *what, const char *why)
{
	char line[256];
	int n = snprintf(line, sizeof(line), "greenshim: %s: %s; the program runs natively\n", what, why);

	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return; /* nowhere left to say it */
}

__attribute__((constructor)) static void start(void)
{
	options_read();
	filter_start();
	if (options.syscalls_all && !options.off && loader_patch_new())
		userdispatch_prepare();
}

/* Found by name, like all of pthreads here: before glibc 2.34 they are in a library that not every program has. */
static void default_stack(void)
{
	int (*set_size)(pthread_attr_t *, size_t) =
		(int (*)(pthread_attr_t *, size_t))symbol_next("pthread_attr_setstacksize");
	int (*set_default)(const pthread_attr_t *) =
		(int (*)(const pthread_attr_t *))symbol_next("pthread_setattr_default_np");
	pthread_attr_t attr;

	if (!options.stack || !set_size || !set_default || pthread_attr_init(&attr))
		return;
	if (!set_size(&attr, options.stack))
		set_default(&attr);
	pthread_attr_destroy(&attr);
}

static void on_attention(struct hub *hub)
{
	offload_collect(hub);
	signals_attention(hub);
}

static void say_counts(void)
{
	const struct patch_counts *sites = patch_counts();
	char line[256];
	int n = snprintf(line, sizeof(line), "greenshim: %u system call sites, %u redirected, %u left\n", sites->found,
			 sites->patched, sites->left);

	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return; /* nowhere left to say it */
}

/* LeakSanitizer's, in the program or a library. It asks the kernel for the threads whose stacks it searches. */
extern int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

static bool leaks_are_looked_for(void)
{
	const char *set = getenv("ASAN_OPTIONS");

	return __lsan_do_recoverable_leak_check && !(set && strstr(set, "detect_leaks=0"));
}

static void dispatch_all(void)
{
	static const char line[] = "greenshim: --syscalls all: this kernel has no Syscall User Dispatch (Linux 5.11); "
				   "calls from code that no object brought stay native\n";

	if (options.syscalls_all && userdispatch_open() && write(STDERR_FILENO, line, sizeof(line) - 1) < 0)
		return; /* nowhere left to say it */
}

/* Nothing has been changed yet. */
static bool is_out_of_place(void)
{
	bool filtered = filter_came();
	long err = filtered ? 0 : signals_refused();

	if (filtered)
		say("the program filters its system calls", "what greenshim calls may be what the filter kills for");
	else if (leaks_are_looked_for())
		say("a sanitizer looks for leaks", "it sees no stacks but those of the kernel's threads");
	else if (others_run())
		say("other threads run already", "not made by the functions that are watched");
	else if (err)
		say("the last signal is another's, as under valgrind", strerror((int)-err));
	else
		return false;
	return true;
}

static void activate(void)
{
	static bool given_up;
	int err;

	if (given_up || options.off)
		return;
	if (!threads.active && is_out_of_place()) {
		given_up = true;
		return;
	}
	if (!loader_patch_new()) {
		given_up = true;
		say("system calls could not be redirected",
		    patch_counts()->cause ? patch_counts()->cause : "unknown cause");
		return;
	}
	if (threads.active)
		return;
	err = threads_open();
	if (err) {
		given_up = true;
		say("no hub", strerror(-err));
		return;
	}
	threads.hub.on_attention = on_attention;
	threads.hub.on_continue = signals_continued;
	threads.hub.measures = options.stats;
	if (options.stats)
		hub_measure(&threads.hub);
	threads.hub.seed = options.seed;
	if (options.report_stall)
		threads.hub.on_stall = dump_on_stall;
	if (options.verbose)
		say_counts();
	signals_open();
	cpus_open();
	loader_watch();
	dispatch_all();
	default_stack();
}

static void makes_thread(bool does)
{
	if (threads.active && fiber_self)
		thread_self()->makes_thread = does;
}

/* Everything that makes a thread, in the program or inside libc. */
#define INTERPOSE(ret, name, params, args)                        \
	EXPORT ret name params                                    \
	{                                                         \
		static ret(*real) params;                         \
		if (!real)                                        \
			real = (ret(*) params)symbol_next(#name); \
		if (!real) {                                      \
			errno = ENOSYS;                           \
			return -1;                                \
		}                                                 \
		activate();                                       \
		makes_thread(true);                               \
		ret result = real args;                           \
		makes_thread(false);                              \
		return result;                                    \
	}

INTERPOSE(int, pthread_create, (pthread_t * thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg),
	  (thread, attr, run, arg))
INTERPOSE(int, thrd_create, (thrd_t * thread, thrd_start_t run, void *arg), (thread, run, arg))
INTERPOSE(int, timer_create, (clockid_t clock, struct sigevent *event, timer_t *timer), (clock, event, timer))
INTERPOSE(int, mq_notify, (mqd_t queue, const struct sigevent *event), (queue, event))
INTERPOSE(int, aio_read, (struct aiocb * cb), (cb))
INTERPOSE(int, aio_write, (struct aiocb * cb), (cb))
INTERPOSE(int, aio_fsync, (int op, struct aiocb *cb), (op, cb))
INTERPOSE(int, lio_listio, (int mode, struct aiocb *const list[], int n, struct sigevent *event),
	  (mode, list, n, event))
INTERPOSE(int, aio_read64, (struct aiocb64 * cb), (cb))
INTERPOSE(int, aio_write64, (struct aiocb64 * cb), (cb))
INTERPOSE(int, aio_fsync64, (int op, struct aiocb64 *cb), (op, cb))
INTERPOSE(int, lio_listio64, (int mode, struct aiocb64 *const list[], int n, struct sigevent *event),
	  (mode, list, n, event))
INTERPOSE(int, getaddrinfo_a, (int mode, struct gaicb *list[], int n, struct sigevent *event), (mode, list, n, event))

/* CPUCLOCK_PERTHREAD, CPUCLOCK_SCHED: the kernel's numbers of threads' CPU clocks (include/linux/posix-timers.h). */
#define THREAD_CLOCK 6

/* glibc makes the clock's number of the thread's, and the vDSO asks the kernel, which does not know greenlets. Where the
 * vDSO cannot be changed theirs is that of the OS thread which runs them all. */
EXPORT int pthread_getcpuclockid(pthread_t thread, clockid_t *clock)
{
	int (*real)(pthread_t, clockid_t *) = (int (*)(pthread_t, clockid_t *))symbol_next("pthread_getcpuclockid");
	int ret = real ? real(thread, clock) : ENOSYS;

	if (!ret && threads.active && !patch_has_vdso()) /* a clock of one of ours, surely */
		*clock = (clockid_t)(~(unsigned)threads.main.tid << 3 | THREAD_CLOCK);
	return ret;
}
