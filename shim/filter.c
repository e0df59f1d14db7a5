#include "filter.h"

#include <errno.h>
#include <stdarg.h>
#include <sys/prctl.h>

#include "loader.h"
#include "options.h"
#include "seccomp.h"
#include "symbol.h"
#include "sys.h"
#include "thread.h"

bool filter_seen;
static long at_start;

static long mode(void)
{
	return sys_call(SYS_prctl, PR_GET_SECCOMP, 0, 0, 0, 0);
}

void filter_start(void)
{
	at_start = mode();
}

bool filter_came(void)
{
	return filter_seen || (!at_start && !seccomp_is_inherited() && mode() > 0);
}

/* PR_SET_NO_NEW_PRIVS: it announces a filter, as seccomp(2) wants it to for whoever is not root. libseccomp does so always.
 * That the filter comes then is seen at libc's sites. */
__attribute__((visibility("default"))) int prctl(int option, ...)
{
	static int (*real)(int, ...);
	unsigned long arg[4];
	va_list args;
	int ret;

	va_start(args, option);
	for (int i = 0; i < 4; i++)
		arg[i] = va_arg(args, unsigned long);
	va_end(args);
	if (!real)
		real = (int (*)(int, ...))symbol_next("prctl");
	if (!real) {
		errno = ENOSYS;
		return -1;
	}
	if (option == PR_SET_NO_NEW_PRIVS && !threads.active && !options.off)
		loader_patch_new();
	ret = real(option, arg[0], arg[1], arg[2], arg[3]);
	if (option == PR_SET_SECCOMP && !ret && !threads.active)
		filter_seen = true;
	return ret;
}
