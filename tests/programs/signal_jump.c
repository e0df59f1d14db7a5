/* siglongjmp out of a handler that interrupted a blocked call, for each kind of call: the mask is as it was, nothing is lost
 * that comes later, and the thread can wait again. */
#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <setjmp.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "signal_test.h"
#include "tasks.h"

static _Thread_local sigjmp_buf back;
static int ends[2], locked, other, semaphore;
static sem_t sem;
static pid_t child;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

static void by_read(void)
{
	char byte;

	if (read(ends[0], &byte, 1) == 1)
		puts("read");
}

static void by_poll(void)
{
	poll(&(struct pollfd){ends[0], POLLIN, 0}, 1, -1);
}

static void by_select(void)
{
	fd_set in;

	FD_ZERO(&in);
	FD_SET(ends[0], &in);
	select(ends[0] + 1, &in, NULL, NULL, NULL);
}

static void by_pselect(void)
{
	sigset_t none;

	sigemptyset(&none);
	pselect(0, NULL, NULL, NULL, NULL, &none);
}

static void by_epoll(void)
{
	struct epoll_event event = {.events = EPOLLIN};
	int set = epoll_create1(EPOLL_CLOEXEC);

	epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event);
	epoll_wait(set, &event, 1, -1);
}

static void by_sem_wait(void)
{
	sem_wait(&sem);
}

static void by_cond_wait(void)
{
	pthread_mutex_lock(&mutex);
	pthread_cond_wait(&cond, &mutex);
}

static void by_nanosleep(void)
{
	nanosleep(&(struct timespec){100, 0}, NULL);
}

static void by_lock(void)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	fcntl(other, F_OFD_SETLKW, &lock);
}

static void by_semop(void)
{
	semop(semaphore, &(struct sembuf){0, -1, 0}, 1);
}

static void by_sigwait(void)
{
	sigset_t set = set_of(SIGUSR2);
	int sig;

	sigwait(&set, &sig);
}

static void by_sigsuspend(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigsuspend(&none);
}

static void by_pause(void)
{
	pause();
}

static void by_accept(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	listen(fd, 1);
	accept(fd, NULL, NULL);
}

static void by_waitpid(void)
{
	child = fork();
	if (!child) {
		alarm(60);
		pause();
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

static void *sleeps(void *arg)
{
	pause();
	return arg;
}

static void by_join(void)
{
	pthread_join(spawn(sleeps, NULL), NULL);
}

static const struct way {
	const char *name;
	void (*call)(void);
} ways[] = {
	{"read", by_read},
	{"poll", by_poll},
	{"select", by_select},
	{"pselect", by_pselect},
	{"epoll_wait", by_epoll},
	{"sem_wait", by_sem_wait},
	{"nanosleep", by_nanosleep},
	{"F_OFD_SETLKW", by_lock},
	{"semop", by_semop},
	{"sigwait", by_sigwait},
	{"sigsuspend", by_sigsuspend},
	{"pause", by_pause},
	{"accept", by_accept},
	{"waitpid", by_waitpid},
	{"pthread_join", by_join},
	{"pthread_cond_wait", by_cond_wait},
};

static void jumps(int sig)
{
	siglongjmp(back, sig);
}

static void *run(void *arg)
{
	const struct way *w = arg;
	sigset_t now;

	if (!sigsetjmp(back, 1)) {
		w->call();
		return NULL;
	}
	pthread_sigmask(SIG_BLOCK, NULL, &now);
	printf("%s: out, blocked %d", w->name, sigismember(&now, SIGUSR1));
	printf(", waits again: %d\n", poll(&(struct pollfd){ends[0], POLLIN, 0}, 1, 5));
	return NULL;
}

static void try(const struct way *w)
{
	pthread_t t = spawn(run, (void *)w);

	do
		settle();
	while (any_busy());
	pthread_kill(t, SIGUSR1);
	pthread_join(t, NULL);
	if (!child)
		return;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	child = 0;
}

int main(void)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct sigaction act = {.sa_handler = jumps, .sa_flags = SA_RESTART};
	char name[] = "/tmp/signal_jump.XXXXXX", byte;

	setvbuf(stdout, NULL, _IONBF, 0);
	locked = mkstemp(name);
	other = open(name, O_RDWR | O_CLOEXEC);
	unlink(name);
	fcntl(locked, F_OFD_SETLK, &lock);
	semaphore = semget(IPC_PRIVATE, 1, 0600);
	if (pipe(ends) || sem_init(&sem, 0, 0))
		return 1;
	sigaction(SIGUSR1, &act, NULL);
	for (size_t i = 0; i < 2 * sizeof(ways) / sizeof(*ways) - 1; i++)
		try(&ways[i / 2]);
	sem_post(&sem);
	printf("the semaphore: %d", sem_trywait(&sem));
	if (write(ends[1], "x", 1) == 1)
		printf(", the pipe: %zd", read(ends[0], &byte, 1));
	lock.l_type = F_UNLCK;
	fcntl(locked, F_OFD_SETLK, &lock);
	lock.l_type = F_WRLCK;
	printf(", the lock: %d\n", fcntl(other, F_OFD_SETLK, &lock));
	semctl(semaphore, 0, IPC_RMID);
	return 0;
}
