#include "user.h"

#include <ucontext.h>

extern char user_begin[] __attribute__((visibility("hidden")));
extern char user_end[] __attribute__((visibility("hidden")));
extern char user_failed[] __attribute__((visibility("hidden")));

bool user_fault(const siginfo_t *info, void *ucontext)
{
	greg_t *pc = &((ucontext_t *)ucontext)->uc_mcontext.gregs[REG_RIP];

	if (info->si_code <= 0 || (info->si_signo != SIGSEGV && info->si_signo != SIGBUS))
		return false;
	if (*pc < (greg_t)user_begin || *pc >= (greg_t)user_end)
		return false;
	*pc = (greg_t)user_failed;
	return true;
}
