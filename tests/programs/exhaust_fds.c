/* No descriptor is left: what fails, and with what; and that waiting goes on, for which greenshim may need some itself. */
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include "thread_test.h"

#define LIMIT 64

static int listener, client, pipes[2], high;

static void show(const char *what, long ret)
{
	printf("%s: %s\n", what, ret < 0 ? error_name(errno) : "made");
	if (ret > 2)
		close((int)ret);
}

static int listen_here(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(to);

	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&to, size) || listen(listener, 5) ||
	    getsockname(listener, (struct sockaddr *)&to, &size))
		return -1;
	client = socket(AF_INET, SOCK_STREAM, 0);
	return connect(client, (struct sockaddr *)&to, size);
}

static void *all_fail(void *arg)
{
	sigset_t set;
	int two[2];

	sigemptyset(&set);
	show("open", open("/dev/null", O_RDONLY));
	show("socket", socket(AF_INET, SOCK_STREAM, 0));
	show("socketpair", socketpair(AF_UNIX, SOCK_STREAM, 0, two));
	show("pipe", pipe(two));
	show("accept", accept(listener, NULL, NULL));
	show("accept4", accept4(listener, NULL, NULL, SOCK_NONBLOCK));
	show("dup", dup(0));
	show("dup2, too high", dup2(0, LIMIT));
	show("dup3, too high", dup3(0, LIMIT + 1, O_CLOEXEC));
	show("F_DUPFD", fcntl(0, F_DUPFD, 3));
	show("F_DUPFD, too high", fcntl(0, F_DUPFD, LIMIT));
	show("epoll_create1", epoll_create1(0));
	show("eventfd", eventfd(0, 0));
	show("timerfd", timerfd_create(CLOCK_MONOTONIC, 0));
	show("signalfd", signalfd(-1, &set, 0));
	show("memfd_create", memfd_create("x", 0));
	show("pidfd_open", syscall(SYS_pidfd_open, getpid(), 0));
	return arg;
}

static void *reads(void *arg)
{
	char c;

	printf("read: %zd\n", read(pipes[0], &c, 1));
	return arg;
}

static void *sleeps(void *arg)
{
	struct timespec t = {0, 20000000};

	printf("slept: %d\n", nanosleep(&t, NULL));
	return arg;
}

/* A child for one, and for any. */
static void *waits(void *arg)
{
	pid_t pid = fork();
	int status = 0;

	if (!pid) {
		usleep(20000);
		_exit(3);
	}
	printf("waited: %d", waitpid(arg ? -1 : pid, &status, 0) == pid);
	printf(" for %d\n", WEXITSTATUS(status));
	return NULL;
}

static void *locks(void *arg)
{
	printf("lock: %d\n", flock((int)(long)arg, LOCK_EX));
	return NULL;
}

static void waiting_goes_on(int locked, int other)
{
	pthread_t t;

	for (int i = 0; i < 2; i++) {
		struct pollfd p = {.fd = pipes[0], .events = POLLIN | POLLPRI};

		t = go(i ? reads : sleeps, NULL);
		settle();
		if (i && write(pipes[1], "x", 1) != 1)
			puts("write failed");
		done(t);
		printf("poll: %d\n", poll(&p, 1, 20));
	}
	done(go(waits, NULL));
	done(go(waits, (void *)1));
	flock(locked, LOCK_EX);
	t = go(locks, (void *)(long)other);
	settle();
	flock(locked, LOCK_UN);
	done(t);
	t = go(sleeps, NULL);
	printf("name of another: %s\n", error_name(pthread_setname_np(t, "other")));
	done(t);
}

static void fill(int limit)
{
	struct rlimit l, before;

	getrlimit(RLIMIT_NOFILE, &before);
	l.rlim_cur = (rlim_t)limit;
	l.rlim_max = before.rlim_max;
	setrlimit(RLIMIT_NOFILE, &l);
	while (dup(0) >= 0)
		;
}

/* The first thread, with so many left. */
static int few_left(int left)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		fill(LIMIT);
		for (int i = 1; i <= left; i++)
			close(LIMIT - i);
		_exit((int)done(go(sleeps, NULL)));
	}
	waitpid(pid, &status, 0);
	printf("%d left: %d\n", left, status);
	return left;
}

/* Early: before the first thread is made. Few: with some descriptors left. */
int main(int argc, char **argv)
{
	struct rlimit limit = {LIMIT, LIMIT}, before;
	char path[] = "/tmp/exhaust.XXXXXX";
	int locked = mkstemp(path), other = open(path, O_RDWR), made = 0;

	setvbuf(stdout, NULL, _IONBF, 0);
	if (argc > 1 && !strcmp(argv[1], "few"))
		return few_left(0) + few_left(1) + few_left(2) + few_left(3) + few_left(4) + few_left(5) + few_left(6);
	unlink(path);
	if (argc == 1)
		done(go(sleeps, NULL));
	if (listen_here() || pipe(pipes))
		perror("preparing");
	getrlimit(RLIMIT_NOFILE, &before);
	limit.rlim_max = before.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	for (int fd; (fd = dup(0)) >= 0; made++)
		high = fd;
	printf("full at %d, highest %d\n", high == LIMIT - 1, high);
	all_fail(NULL);
	done(go(all_fail, NULL));
	waiting_goes_on(locked, other);
	close(high);
	printf("one more: %d\n", accept(listener, NULL, NULL) == high);
	close(high);
	for (int fd = high - made + 1; fd < high; fd++)
		close(fd);
	fcntl(listener, F_SETFL, O_NONBLOCK);
	done(go(all_fail, NULL));
	return 0;
}
