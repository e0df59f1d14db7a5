/* membarrier: the global one takes its time, in which other threads go on; the others, and errors. */
#include <linux/membarrier.h>
#include <sys/syscall.h>

#include "wait_test.h"

static long barrier(int command)
{
	return syscall(SYS_membarrier, command, 0, 0);
}

static void *registers(void *arg)
{
	printf("register global: %s\n", outcome(barrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED)));
	printf("global: %s\n", outcome(barrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED)));
	printf("register core: %s\n", outcome(barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE)));
	printf("core: %s\n", outcome(barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE)));
	printf("two commands: %s\n", outcome(barrier(3)));
	return arg;
}

static void *many(void *arg)
{
	for (int i = 0; i < 20; i++)
		if (barrier(MEMBARRIER_CMD_GLOBAL))
			return "refused";
	return arg;
}

int main(void)
{
	long commands = barrier(MEMBARRIER_CMD_QUERY);
	pthread_t t[4];

	printf("commands: %lx\n", (unsigned long)commands);
	ticker_start();
	for (int i = 0; i < 4; i++)
		t[i] = go(many, NULL);
	for (int i = 0; i < 4; i++)
		printf("global: %s\n", done(t[i]) ? "refused" : "done");
	printf("not registered: %s\n", outcome(barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED)));
	printf("register: %s\n", outcome(barrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED)));
	printf("registered: %s\n", outcome(barrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED)));
	done(go(registers, NULL));
	printf("no such command: %s\n", outcome(barrier(1 << 30)));
	printf("no such flags: %s\n", outcome(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 1 << 20, 0)));
	ticker_stop();
	return 0;
}
