/* What a program has unmapped stays free until one of its threads maps something: waiting, of any kind, maps nothing there;
 * neither does a child that makes threads. */
#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/wait.h>

#include "wait_test.h"

#define PAGES 3

static char *hole;
static size_t page;
static int ends[2];

/* As high as the kernel puts what comes next. */
static void unmap(void)
{
	hole = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	munmap(hole, PAGES * page);
}

static void show(const char *after)
{
	char *p = mmap(hole, PAGES * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	printf("after %s: %s\n", after, p == hole ? "free" : outcome(-1));
	if (p == hole)
		munmap(p, PAGES * page);
}

static void *lets_go(void *arg)
{
	nap(20);
	flock(*(int *)arg, LOCK_UN);
	nap(20);
	if (write(ends[1], "x", 1) != 1)
		puts("write failed");
	return NULL;
}

static void *sleeps(void *arg)
{
	nap(1);
	return arg;
}

static void waits_of_many_kinds(void)
{
	struct pollfd fds[200];
	int set = epoll_create1(0);

	for (int i = 0; i < 200; i++)
		fds[i] = (struct pollfd){dup(ends[0]), POLLIN, 0};
	poll(fds, 200, 5);
	show("poll");
	select(ends[0] + 1, &(fd_set){{1UL << ends[0]}}, NULL, NULL, &(struct timeval){0, 5000});
	show("select");
	epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &(struct epoll_event){EPOLLIN, {0}});
	epoll_wait(set, &(struct epoll_event){0}, 1, 5);
	show("epoll_wait");
	for (int i = 0; i < 200; i++)
		close(fds[i].fd);
	close(set);
}

static void waits_for_others(void)
{
	char name[] = "/tmp/memory_free.XXXXXX", byte;
	int first = mkstemp(name), second = open(name, O_RDWR);
	pthread_t t;
	pid_t pid;

	flock(first, LOCK_EX);
	t = go(lets_go, &first);
	unmap(); /* its stack is there */
	flock(second, LOCK_EX);
	show("flock");
	if (read(ends[0], &byte, 1) != 1)
		puts("read failed");
	show("read");
	done(t);
	pid = fork();
	if (!pid) {
		nap(10);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	show("waitpid");
	unlink(name);
	close(first);
	close(second);
}

static void *all(void *arg)
{
	unmap();
	nap(5);
	show("nanosleep");
	waits_of_many_kinds();
	waits_for_others();
	return arg;
}

int main(void)
{
	pid_t pid;

	page = (size_t)sysconf(_SC_PAGESIZE);
	if (pipe(ends))
		return 1;
	done(go(sleeps, NULL));
	all(NULL);
	unmap();
	fflush(stdout);
	pid = fork();
	if (!pid) {
		done(go(sleeps, NULL));
		show("a thread of a child's");
		all(NULL);
		fflush(stdout);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	return 0;
}
