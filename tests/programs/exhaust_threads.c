/* No thread more is allowed (RLIMIT_NPROC), which greenshim may need for calls that block: they go on as natively. */
#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "thread_test.h"

static pthread_barrier_t barrier;
static int locked, other;

static void *locks(void *arg)
{
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier); /* the limit is there */
	printf("lock: %s\n", flock(other, LOCK_EX) ? error_name(errno) : "0");
	return arg;
}

static void on_signal(int sig)
{
	(void)sig;
}

int main(void)
{
	struct rlimit limit = {1, 1};
	struct sigaction sa = {.sa_handler = on_signal};
	char path[] = "/tmp/exhaust.XXXXXX";
	pthread_t t[3];

	setvbuf(stdout, NULL, _IONBF, 0);
	locked = mkstemp(path);
	other = open(path, O_RDWR);
	unlink(path);
	sigaction(SIGUSR1, &sa, NULL);
	pthread_barrier_init(&barrier, NULL, 4);
	for (int i = 0; i < 3; i++)
		t[i] = go(locks, NULL);
	pthread_barrier_wait(&barrier);
	setrlimit(RLIMIT_NPROC, &limit);
	if (!getuid() && (setgroups(0, NULL) || setgid(65534) || setuid(65534))) /* root may have more */
		perror("setuid");
	printf("fork: %s\n", fork() < 0 ? error_name(errno) : "made");
	flock(locked, LOCK_EX);
	pthread_barrier_wait(&barrier);
	settle();
	for (int i = 0; i < 2; i++) {
		pthread_kill(t[i], SIGUSR1); /* no SA_RESTART */
		pthread_join(t[i], NULL);
	}
	flock(locked, LOCK_UN);
	pthread_join(t[2], NULL);
	return 0;
}
