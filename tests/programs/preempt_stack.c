/* A program with stacks that no signal may use: those on its alternate stack are all that there are, though it has a
 * handler for none. Computes with the stack pointer at the end of a page that nothing may be written below. */
#include <signal.h>
#include <sys/mman.h>
#include <time.h>

#include "thread_test.h"

#define ALTERNATE 65536

static volatile unsigned long counted;

static void *count(void *arg)
{
	while (!*(volatile int *)arg)
		counted++;
	return NULL;
}

/* Half a second without a stack. */
static void compute(char *top)
{
#if defined(__x86_64__)
	unsigned long rounds = 600000000;

	__asm__ volatile("mov %%rsp, %%rbx\n\t"
			 "mov %[top], %%rsp\n"
			 "1:	dec %[rounds]\n\t"
			 "jnz 1b\n\t"
			 "mov %%rbx, %%rsp"
			 : [rounds] "+r"(rounds)
			 : [top] "r"(top)
			 : "rbx", "cc", "memory");
#else
	(void)top;
#endif
}

int main(void)
{
	static char alternate[ALTERNATE];
	stack_t ss = {.ss_sp = alternate, .ss_size = sizeof(alternate)};
	char *pages = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	volatile int stop = 0;
	pthread_t t;

	sigaltstack(&ss, NULL);
	t = go(count, (void *)&stop);
	for (int i = 0; i < 3; i++)
		compute(pages + 4096);
	stop = 1;
	done(t);
	printf("counted meanwhile: %d\n", counted > 0);
	return 0;
}
