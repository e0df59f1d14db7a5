/* Deferred cancellation at each kind of cancellation point, of a parked thread and of one that comes later. */
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "ends.h"
#include "thread_test.h"

static char buffer[256];
static struct iovec iov = {buffer, sizeof(buffer)};
static sem_t sem;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pid_t child;

static void by_read(void)
{
	if (read(empty_pipe[0], buffer, 1) > 0)
		puts("read");
}

static void by_readv(void)
{
	if (readv(empty_pipe[0], &iov, 1) > 0)
		puts("read");
}

static void by_write(void)
{
	if (write(full_pipe[1], buffer, sizeof(buffer)) > 0)
		puts("written");
}

static void by_writev(void)
{
	if (writev(full_pipe[1], &iov, 1) > 0)
		puts("written");
}

static void by_recv(void)
{
	recv(pair[0], buffer, 1, 0);
}

static void by_recvfrom(void)
{
	recvfrom(pair[0], buffer, 1, 0, NULL, NULL);
}

static void by_recvmsg(void)
{
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	recvmsg(pair[0], &m, 0);
}

static void by_send(void)
{
	send(full_pair[0], buffer, sizeof(buffer), 0);
}

static void by_sendmsg(void)
{
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	sendmsg(full_pair[0], &m, 0);
}

static void by_accept(void)
{
	accept(listener, NULL, NULL);
}

static void by_accept4(void)
{
	accept4(listener, NULL, NULL, SOCK_CLOEXEC);
}

static void by_poll(void)
{
	struct pollfd p = {empty_pipe[0], POLLIN, 0};

	poll(&p, 1, -1);
}

static void by_ppoll(void)
{
	struct pollfd p = {empty_pipe[0], POLLIN, 0};
	struct timespec ts = {100, 0};

	ppoll(&p, 1, &ts, NULL);
}

static void by_select(void)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(empty_pipe[0], &set);
	select(empty_pipe[0] + 1, &set, NULL, NULL, NULL);
}

static void by_pselect(void)
{
	struct timespec ts = {100, 0};

	pselect(0, NULL, NULL, NULL, &ts, NULL);
}

static void by_epoll_wait(void)
{
	struct epoll_event event;

	epoll_wait(epoll_fd, &event, 1, -1);
}

static void by_sleep(void)
{
	sleep(100);
}

static void by_usleep(void)
{
	usleep(100000000);
}

static void by_clock_nanosleep(void)
{
	struct timespec ts = {100, 0};

	clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

static void by_pause(void)
{
	pause();
}

static void by_sem_wait(void)
{
	sem_wait(&sem);
}

static void by_sem_timedwait(void)
{
	struct timespec until = in_ms(CLOCK_REALTIME, 100000);

	sem_timedwait(&sem, &until);
}

static void unlock(void *arg)
{
	int ret = pthread_mutex_unlock(arg);

	printf("(mutex held: %d) ", !ret);
}

static void by_cond_wait(void)
{
	pthread_mutex_lock(&mutex);
	pthread_cleanup_push(unlock, &mutex);
	for (;;)
		pthread_cond_wait(&cond, &mutex);
	pthread_cleanup_pop(1);
}

static void by_cond_timedwait(void)
{
	struct timespec until = in_ms(CLOCK_REALTIME, 100000);

	pthread_mutex_lock(&mutex);
	pthread_cleanup_push(unlock, &mutex);
	for (;;)
		pthread_cond_timedwait(&cond, &mutex, &until);
	pthread_cleanup_pop(1);
}

static void *nothing(void *arg)
{
	pause();
	return arg;
}

static void end(void *arg)
{
	pthread_t t = *(pthread_t *)arg;
	int ret = pthread_cancel(t);

	printf("(still joinable: %d) ", !ret && !pthread_join(t, NULL));
}

static void by_join(void)
{
	pthread_t t = go(nothing, NULL);

	pthread_cleanup_push(end, &t);
	pthread_join(t, NULL);
	pthread_cleanup_pop(1);
}

static void by_waitpid(void)
{
	waitpid(child, NULL, 0);
}

static void by_waitid(void)
{
	siginfo_t info;

	waitid(P_PID, (id_t)child, &info, WEXITED);
}

static void by_sigwait(void)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigwait(&set, &sig);
}

static void by_sigsuspend(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigsuspend(&set);
}

static void by_lockf(void)
{
	struct flock lock = {.l_type = F_WRLCK};

	fcntl(fileno(stdout), F_SETLKW, &lock);
	for (;;)
		pthread_testcancel(), sched_yield();
}

static void by_testcancel(void)
{
	for (;;)
		pthread_testcancel(), sched_yield();
}

static void by_open_close(void)
{
	for (;;) {
		close(open("/dev/null", O_RDONLY | O_CLOEXEC));
		nap(1);
	}
}

static void by_fgets(void)
{
	FILE *f = fdopen(dup(empty_pipe[0]), "r");

	if (fgets(buffer, sizeof(buffer), f))
		puts("read");
}

static const struct way {
	const char *name;
	void (*call)(void);
} ways[] = {
#define WAY(name)                \
	{                        \
#name, by_##name \
	}
	WAY(read),	 WAY(readv),	     WAY(write),     WAY(writev),	   WAY(recv),
	WAY(recvfrom),	 WAY(recvmsg),	     WAY(send),	     WAY(sendmsg),	   WAY(accept),
	WAY(accept4),	 WAY(poll),	     WAY(ppoll),     WAY(select),	   WAY(pselect),
	WAY(epoll_wait), WAY(sleep),	     WAY(usleep),    WAY(clock_nanosleep), WAY(pause),
	WAY(sem_wait),	 WAY(sem_timedwait), WAY(cond_wait), WAY(cond_timedwait),  WAY(join),
	WAY(waitpid),	 WAY(waitid),	     WAY(sigwait),   WAY(sigsuspend),	   WAY(lockf),
	WAY(testcancel), WAY(open_close),    WAY(fgets),
};

static void cleanup(void *arg)
{
	printf("(cleanup %s) ", (const char *)arg);
}

static bool late;

static void *run(void *arg)
{
	const struct way *way = arg;

	pthread_cleanup_push(cleanup, (void *)way->name);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	if (late)
		nap(10);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	way->call();
	pthread_cleanup_pop(0);
	return NULL;
}

static void prepare(void)
{
	make_ends();
	sem_init(&sem, 0, 0);
	child = fork();
	if (!child) {
		pause();
		_exit(0);
	}
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	prepare();
	for (size_t i = 0; i < 2 * sizeof(ways) / sizeof(*ways); i++) {
		const struct way *way = &ways[i / 2];
		pthread_t t;

		late = i % 2;
		printf("%s%s: ", way->name, late ? ", cancelled before" : "");
		t = go(run, (void *)way);
		nap(late ? 1 : 20);
		pthread_cancel(t);
		printf("%s\n", (void *)done(t) == PTHREAD_CANCELED ? "canceled" : "NOT canceled");
	}
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return 0;
}
