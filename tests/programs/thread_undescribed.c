/* CFLAGS: -O1 -fno-asynchronous-unwind-tables -fno-unwind-tables */
/* Threads that wait by system calls of the program's own, in functions that no unwind table describes, as in what Go's
 * compiler makes: nobody can answer those for the kernel. */
#include <linux/futex.h>
#include <sys/syscall.h>

#include "thread_test.h"

#define TURNS 100

static int turn;

#ifdef __x86_64__

static void wait_while(int *word, int value)
{
	long ret;

	__asm__ volatile("xorl %%r10d, %%r10d; movl $202, %%eax; syscall"
			 : "=a"(ret)
			 : "D"(word), "S"(FUTEX_WAIT_PRIVATE), "d"(value)
			 : "rcx", "r10", "r11", "memory");
}

static void wake_all(int *word)
{
	long ret;

	__asm__ volatile("movl $202, %%eax; syscall"
			 : "=a"(ret)
			 : "D"(word), "S"(FUTEX_WAKE_PRIVATE), "d"(1000)
			 : "rcx", "r11", "memory");
}

#else

static void wait_while(int *word, int value)
{
	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL);
}

static void wake_all(int *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1000);
}

#endif

static void *take_turns(void *arg)
{
	int me = (int)(long)arg, now, taken = 0;

	while (taken < TURNS) {
		now = __atomic_load_n(&turn, __ATOMIC_SEQ_CST);
		if (now % 2 != me) {
			wait_while(&turn, now);
			continue;
		}
		taken++;
		__atomic_add_fetch(&turn, 1, __ATOMIC_SEQ_CST);
		wake_all(&turn);
	}
	return (void *)(long)taken;
}

int main(void)
{
	pthread_t t = go(take_turns, (void *)1);

	printf("main: %ld\n", (long)take_turns(0));
	printf("thread: %ld\n", (long)done(t));
	return 0;
}
