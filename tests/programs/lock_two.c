/* flock, F_SETLKW and F_OFD_SETLKW between two processes, and between threads; others go on; a signal interrupts. */
#include <fcntl.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "wait_test.h"

static char path[] = "/tmp/lock_two.XXXXXX";

static int lock_whole(int fd, int cmd, short type)
{
	struct flock l = {.l_type = type, .l_whence = SEEK_SET};

	return fcntl(fd, cmd, &l);
}

static int take(int fd, const char *kind)
{
	if (!strcmp(kind, "flock"))
		return flock(fd, LOCK_EX);
	return lock_whole(fd, strcmp(kind, "posix") ? F_OFD_SETLKW : F_SETLKW, F_WRLCK);
}

static int try(int fd, const char *kind)
{
	if (!strcmp(kind, "flock"))
		return flock(fd, LOCK_EX | LOCK_NB);
	return lock_whole(fd, strcmp(kind, "posix") ? F_OFD_SETLK : F_SETLK, F_WRLCK);
}

static void give(int fd, const char *kind)
{
	if (!strcmp(kind, "flock"))
		flock(fd, LOCK_UN);
	else
		lock_whole(fd, strcmp(kind, "posix") ? F_OFD_SETLK : F_SETLK, F_UNLCK);
}

/* A process that holds the lock for some time, and has it already. */
static pid_t holder(const char *kind, int ms)
{
	int pipes[2];
	char c;
	pid_t pid;

	if (pipe(pipes))
		abort();
	pid = fork();
	if (!pid) {
		take(open(path, O_RDWR), kind);
		if (write(pipes[1], "x", 1) != 1)
			_exit(1);
		nap(ms);
		_exit(0);
	}
	if (read(pipes[0], &c, 1) != 1)
		abort();
	close(pipes[0]);
	close(pipes[1]);
	return pid;
}

static void *contend(void *arg)
{
	int fd = open(path, O_RDWR);
	long ret = take(fd, arg);

	nap(1);
	give(fd, arg);
	close(fd);
	return (void *)ret;
}

static void wait_for_another(const char *kind)
{
	int fd = open(path, O_RDWR);
	pid_t pid = holder(kind, 80);
	unsigned long before = ticks;
	pthread_t t[6];
	long failed = 0;

	printf("%s: at once %s, ", kind, outcome(try(fd, kind)));
	printf("waited %s, ", outcome(take(fd, kind)));
	printf("%s, ", went_on(before));
	printf("holder %s\n", waitpid(pid, NULL, 0) == pid ? "gone" : "LOST");
	give(fd, kind);
	close(fd);
	pid = holder(kind, 50);
	for (int i = 0; i < 6; i++)
		t[i] = go(contend, (void *)kind);
	for (int i = 0; i < 6; i++)
		failed += done(t[i]) != 0;
	printf("%s, six threads: %ld failed\n", kind, failed);
	waitpid(pid, NULL, 0);
}

static void *interrupt_soon(void *arg)
{
	nap(40);
	pthread_kill(*(pthread_t *)arg, SIGUSR1);
	return NULL;
}

static void signals(const char *kind)
{
	int fd = open(path, O_RDWR);
	pid_t pid = holder(kind, 200);
	pthread_t self = pthread_self(), t;

	handle(SIGUSR1, 0);
	t = go(interrupt_soon, &self);
	printf("%s, interrupted: %s\n", kind, outcome(take(fd, kind)));
	done(t);
	handle(SIGUSR1, SA_RESTART);
	t = go(interrupt_soon, &self);
	printf("%s, restarted: %s\n", kind, outcome(take(fd, kind)));
	done(t);
	give(fd, kind);
	waitpid(pid, NULL, 0);
	close(fd);
}

int main(void)
{
	const char *kinds[] = {"flock", "posix", "ofd"};

	if (mkstemp(path) < 0)
		abort();
	ticker_start();
	for (int i = 0; i < 3; i++)
		wait_for_another(kinds[i]);
	for (int i = 0; i < 3; i++)
		signals(kinds[i]);
	printf("bad descriptor: %s\n", outcome(take(999, "flock")));
	printf("bad descriptor: %s\n", outcome(take(999, "posix")));
	ticker_stop();
	unlink(path);
	return 0;
}
