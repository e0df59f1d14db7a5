/* EPOLLEXCLUSIVE: of many sets that wait for one pipe, in several processes and by several threads, one is woken for each
 * byte. */
#include <dirent.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "wait_test.h"

#define CHILDREN 3
#define SETS 2 /* each; by as many threads */
#define ALL (CHILDREN * SETS)

static struct shared {
	int set[ALL]; /* descriptors; 0: not there yet */
	int woken;
} * shared;

static int ends[2];

static void *waits(void *arg)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLET | EPOLLEXCLUSIVE};
	long which = (long)arg;
	int set = epoll_create1(0), ret;

	if (epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &e))
		perror("epoll_ctl");
	if (epoll_wait(set, &e, 1, 0) || epoll_wait(set, &e, 1, 20))
		puts("woken before anything was written");
	__atomic_store_n(&shared->set[which], set, __ATOMIC_SEQ_CST);
	ret = epoll_wait(set, &e, 1, which % 2 ? 60000 : -1);
	if (ret != 1)
		printf("waiting: %s\n", outcome(ret));
	__atomic_add_fetch(&shared->woken, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

/* Some thread of the process is in the kernel, to wait for that set. */
static bool is_waiting(pid_t pid, int set)
{
	char path[300], line[256];
	DIR *dir;
	struct dirent *entry;
	bool found = false;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		unsigned long nr = 0, fd = 0;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/task/%s/syscall", pid, entry->d_name);
		f = fopen(path, "r");
		if (f && fgets(line, sizeof(line), f) && sscanf(line, "%lu %lx", &nr, &fd) == 2)
			found |= fd == (unsigned long)set &&
				 (nr == SYS_epoll_wait || nr == SYS_epoll_pwait || nr == SYS_epoll_pwait2);
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
	return found;
}

static void child(long which)
{
	pthread_t t[SETS];

	for (long i = 0; i < SETS; i++)
		t[i] = go(waits, (void *)(which * SETS + i));
	for (int i = 0; i < SETS; i++)
		done(t[i]);
	fflush(stdout);
	_exit(0);
}

int main(void)
{
	pid_t pids[CHILDREN];
	char byte;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || pipe(ends))
		return 1;
	for (long i = 0; i < CHILDREN; i++) {
		pids[i] = fork();
		if (!pids[i])
			child(i);
	}
	for (int i = 0; i < ALL; i++)
		while (!__atomic_load_n(&shared->set[i], __ATOMIC_SEQ_CST) ||
		       !is_waiting(pids[i / SETS], shared->set[i]))
			nap(1);
	for (int i = 1; i <= ALL; i++) {
		if (write(ends[1], "x", 1) != 1)
			puts("write failed");
		while (__atomic_load_n(&shared->woken, __ATOMIC_SEQ_CST) < i)
			nap(1);
		nap(20);
		printf("byte %d: woken %d\n", i, __atomic_load_n(&shared->woken, __ATOMIC_SEQ_CST));
		if (read(ends[0], &byte, 1) != 1)
			puts("read failed");
	}
	for (int i = 0; i < CHILDREN; i++)
		waitpid(pids[i], NULL, 0);
	return 0;
}
