/* Every descriptor that the limit allows is the program's, by number and by count, while threads wait in all ways. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "thread_test.h"

#define LIMIT 300

static int ends[2];

static void *polls(void *arg)
{
	struct pollfd p = {.fd = ends[0], .events = POLLIN};

	poll(&p, 1, -1);
	return arg;
}

static void *waits_for_child(void *arg)
{
	waitpid((pid_t)(long)arg, NULL, 0);
	return arg;
}

static void *waits_for_signal(void *arg)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigwait(&set, &sig);
	return arg;
}

int main(void)
{
	struct rlimit limit = {LIMIT, 4096};
	pthread_t t[3];
	sigset_t set;
	pid_t child;
	int count = 0, fd, last = -1, file, replaced = 0;

	setrlimit(RLIMIT_NOFILE, &limit);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (pipe(ends))
		return 1;
	child = fork();
	if (!child) {
		pause();
		_exit(0);
	}
	pthread_create(&t[0], NULL, polls, NULL);
	pthread_create(&t[1], NULL, waits_for_child, (void *)(long)child);
	pthread_create(&t[2], NULL, waits_for_signal, NULL);
	settle();
	file = open("/dev/null", O_RDONLY);
	for (int to = file + 1; to < LIMIT; to++)
		replaced += dup2(file, to) == to;
	printf("replaced %d, then %s", replaced, dup2(file, LIMIT) < 0 ? error_name(errno) : "one more");
	printf(", dup %s\n", dup(file) < 0 ? error_name(errno) : "0");
	for (int to = file + 1; to < LIMIT; to++)
		close(to);
	while ((fd = open("/dev/null", O_RDONLY)) >= 0) {
		count++;
		last = fd;
	}
	printf("opened %d, the last %d, then %s\n", count, last, error_name(errno));
	close(last);
	close(last - 1);
	getrlimit(RLIMIT_NOFILE, &limit);
	printf("limit %ld %ld\n", (long)limit.rlim_cur, (long)limit.rlim_max);
	kill(child, SIGKILL);
	kill(getpid(), SIGUSR1);
	if (write(ends[1], "x", 1) != 1)
		return 1;
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	puts("joined");
	return 0;
}
