#include "fsbase.h"

#include <asm/prctl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "../core/context.h"
#include "../core/reserve.h"
#include "signal_state.h"
#include "sys.h"

#define HWCAP2_FSGSBASE 2
/* Thread-local storage lies below the thread pointer, the thread's descriptor above. */
#define BELOW ((uintptr_t)64 << 20)
#define ABOVE ((uintptr_t)1 << 20)

/* The unmapped stretch: fsbase-x86_64.S. */
uintptr_t fsbase_low __attribute__((visibility("hidden")));
uintptr_t fsbase_size __attribute__((visibility("hidden"))) = BELOW + ABOVE;
/* What rdfsbase said; 0: there is no such instruction (fsbase_probe_ill skips it). */
uintptr_t fsbase_probe(void) __attribute__((visibility("hidden")));
void fsbase_probe_ill(int sig, void *info, void *context) __attribute__((visibility("hidden")));

static bool instruction_works(void)
{
	struct signal_action ours = {(uintptr_t)fsbase_probe_ill, SA_SIGINFO | SIGNAL_RESTORER_FLAG, SIGNAL_RESTORER,
				     SIGNAL_ALL};
	struct signal_action before;
	uintptr_t tp;

	if (sys_call(SYS_rt_sigaction, SIGILL, &ours, &before, SIGNAL_SETSIZE))
		return false;
	tp = fsbase_probe();
	sys_call(SYS_rt_sigaction, SIGILL, &before, NULL, SIGNAL_SETSIZE);
	return tp == context_thread_pointer();
}

static void tell_kernel(uintptr_t tp)
{
	sys_call(SYS_arch_prctl, ARCH_SET_FS, tp);
}

void fsbase_open(void)
{
	long map;

	if (getauxval(AT_HWCAP2) & HWCAP2_FSGSBASE || !instruction_works())
		return;
	map = sys_call(SYS_mmap, reserve_place(fsbase_size), fsbase_size, PROT_NONE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (sys_failed(map))
		return;
	fsbase_low = (uintptr_t)map;
	context_tp = context_thread_pointer();
	context_stale_tp = fsbase_low + BELOW;
}

bool fsbase_is_trapped(void)
{
	return context_stale_tp;
}

void fsbase_publish(void)
{
	if (!context_stale_tp)
		return;
	context_published_tp = context_tp;
	tell_kernel(context_tp);
}

void fsbase_hide(void)
{
	if (!context_stale_tp)
		return;
	context_published_tp = 0;
	tell_kernel(context_stale_tp);
	context_restore_tp();
}

void fsbase_forked(void)
{
	if (!context_stale_tp)
		return;
	context_stale_tp = context_published_tp = 0;
	sys_call(SYS_munmap, fsbase_low, fsbase_size);
}
