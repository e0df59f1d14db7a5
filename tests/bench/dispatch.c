/* What a call that is native costs, made by libc or ("made") by code that the program makes itself. */
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

static const unsigned char code[] = {0xb8, SYS_getppid, 0, 0, 0, 0x0f, 0x05, 0xc3}; /* mov $nr,%eax; syscall; ret */

static long rounds;

static void *run(void *arg)
{
	int (*call)(void) = arg;
	int64_t begin = now_ns();

	for (long i = 0; i < rounds; i++)
		call();
	report(begin, rounds);
	return arg;
}

static void *make(void)
{
	void *made = mmap(NULL, sizeof(code), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memcpy(made, code, sizeof(code));
	mprotect(made, sizeof(code), PROT_READ | PROT_EXEC);
	return made;
}

int main(int argc, char **argv)
{
	rounds = times(argc, argv, 300000);
	done(go(run, argc > 2 ? make() : (void *)getppid));
	return 0;
}
