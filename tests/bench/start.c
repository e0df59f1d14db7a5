/* Start-up: microseconds for fork, exec and the end of a program. Arguments: how often, the program and its arguments.
 * The environment says by GREENSHIM_BENCH_PRELOAD what to preload into the program, not into this one. */
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

int main(int argc, char **argv)
{
	long n = times(argc, argv, 200);
	const char *preload = getenv("GREENSHIM_BENCH_PRELOAD");
	int64_t begin;
	int status;

	if (argc < 3)
		return 2;
	if (preload)
		setenv("LD_PRELOAD", preload, 1);
	begin = now_ns();
	for (long i = 0; i < n; i++) {
		pid_t pid;

		if (posix_spawn(&pid, argv[2], NULL, NULL, argv + 2, environ) || waitpid(pid, &status, 0) != pid ||
		    status)
			return 1;
	}
	printf("%.1f\n", (double)(now_ns() - begin) / 1000 / (double)n);
	return 0;
}
