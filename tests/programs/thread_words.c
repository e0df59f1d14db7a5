/* What the kernel knows of a thread beside its stack: its tid, the word that is cleared at its end, its robust list. */
#include <linux/futex.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "thread_test.h"

static void show_words(const char *who)
{
	int *word = NULL, *other = (int *)&word;
	void *list = NULL, *list_of_tid = NULL;
	size_t size = 0;
	long tid = syscall(SYS_gettid);

	SHOW_ERRNO(prctl(PR_GET_TID_ADDRESS, &word));
	printf("%s: the word holds the tid: %d\n", who, word && *word == tid);
	printf("set_tid_address says the tid: %d\n", syscall(SYS_set_tid_address, other) == tid);
	SHOW_ERRNO(prctl(PR_GET_TID_ADDRESS, &other));
	printf("it is the one that was set: %d\n", other == (int *)&word);
	printf("and back: %d\n", syscall(SYS_set_tid_address, word) == tid);
	SHOW_ERRNO(syscall(SYS_get_robust_list, 0, &list, &size) < 0);
	SHOW_ERRNO(syscall(SYS_get_robust_list, tid, &list_of_tid, &size) < 0);
	printf("robust lists: %d %d\n", list && list == list_of_tid, (int)size);
}

static void *in_thread(void *arg)
{
	show_words(arg);
	return arg;
}

/* The kernel gives up at the first entry that it cannot read. */
static void *with_bad_list(void *arg)
{
	static struct robust_list_head head;

	head.list.next = arg;
	SHOW_ERRNO(syscall(SYS_set_robust_list, &head, 1));
	SHOW_ERRNO(syscall(SYS_set_robust_list, &head, sizeof(head)));
	return arg;
}

/* A join waits for the very word: it must still be the thread's own. */
int main(void)
{
	static void *const bad[] = {NULL, (void *)0x123456788, (void *)0x7fffffffffff0000};

	show_words("main");
	for (int i = 0; i < 3; i++)
		done(go(in_thread, "thread"));
	for (int i = 0; i < 3; i++)
		printf("with a bad list: %d\n", done(go(with_bad_list, bad[i])) == (long)bad[i]);
	show_words("main again");
	return 0;
}
