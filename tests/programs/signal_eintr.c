/* EINTR where Linux gives it (signal(7)): every blocking call, with and without SA_RESTART. After the signal the call is
 * let go: one that was restarted returns normally. */
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "signal_test.h"
#include "tasks.h"

static int pipe_fds[2], pair[2], listener, epoll_fd, lock_fd;
static char address[] = "#greenshim-signal-eintr-00000000";
static sem_t sem;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static bool released;
static pid_t child;
static volatile sig_atomic_t handled;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)info, (void)context;
	handled++;
}

static long call_read(void)
{
	char byte;

	return read(pipe_fds[0], &byte, 1);
}

static void write_byte(void)
{
	if (write(pipe_fds[1], "x", 1) != 1)
		perror("write");
}

static void drain_byte(void)
{
	char byte;

	fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK);
	while (read(pipe_fds[0], &byte, 1) == 1)
		;
	fcntl(pipe_fds[0], F_SETFL, 0);
}

static long call_recv(void)
{
	char byte;

	return recv(pair[0], &byte, 1, 0);
}

static void send_byte(void)
{
	send(pair[1], "x", 1, 0);
}

static void drain_pair(void)
{
	char byte;

	while (recv(pair[0], &byte, 1, MSG_DONTWAIT) == 1)
		;
}

static long call_recvmsg(void)
{
	char byte;
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	return recvmsg(pair[0], &msg, 0);
}

static struct sockaddr_un name(void)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	memcpy(sun.sun_path, address, sizeof(address));
	sun.sun_path[0] = 0;
	return sun;
}

static long call_accept(void)
{
	int fd = accept(listener, NULL, NULL);

	if (fd >= 0)
		close(fd);
	return fd >= 0 ? 0 : fd;
}

static int client = -1;

static void connect_client(void)
{
	struct sockaddr_un sun = name();

	client = socket(AF_UNIX, SOCK_STREAM, 0);
	connect(client, (struct sockaddr *)&sun, sizeof(sun));
}

static void drop_client(void)
{
	int fd;

	fcntl(listener, F_SETFL, O_NONBLOCK);
	while ((fd = accept(listener, NULL, NULL)) >= 0)
		close(fd);
	fcntl(listener, F_SETFL, 0);
	close(client);
}

static long call_poll(void)
{
	struct pollfd p = {pipe_fds[0], POLLIN, 0};

	return poll(&p, 1, -1);
}

static long call_select(void)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(pipe_fds[0], &set);
	return select(pipe_fds[0] + 1, &set, NULL, NULL, NULL);
}

static long call_epoll(void)
{
	struct epoll_event e;

	return epoll_wait(epoll_fd, &e, 1, -1);
}

static long call_nanosleep(void)
{
	struct timespec ts = {20, 0}, left = {0, 0};
	int ret = nanosleep(&ts, &left);

	return ret < 0 && (left.tv_sec < 10 || left.tv_sec > 19) ? -2 : ret;
}

static long call_sleep(void)
{
	unsigned left = sleep(20);

	return left > 10 && left <= 20 ? 1 : 0;
}

static long call_clock_nanosleep(void)
{
	struct timespec ts;
	int err;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += 20;
	err = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
	errno = err;
	return err ? -1 : 0;
}

static long call_sem_wait(void)
{
	return sem_wait(&sem);
}

static long call_sem_timedwait(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	ts.tv_sec += 20;
	return sem_timedwait(&sem, &ts);
}

static void post(void)
{
	sem_post(&sem);
}

static void drain_sem(void)
{
	while (!sem_trywait(&sem))
		;
}

static long call_cond(void)
{
	pthread_mutex_lock(&mutex);
	while (!released)
		pthread_cond_wait(&cond, &mutex);
	pthread_mutex_unlock(&mutex);
	return 0;
}

static void signal_cond(void)
{
	pthread_mutex_lock(&mutex);
	released = true;
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&mutex);
}

static void reset_cond(void)
{
	released = false;
}

static long call_mutex(void)
{
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
	return 0;
}

static void lock_mutex(void)
{
	pthread_mutex_lock(&mutex);
}

static void unlock_mutex(void)
{
	pthread_mutex_unlock(&mutex);
}

static long call_waitpid(void)
{
	return waitpid(child, NULL, 0) == child ? 0 : -1;
}

static void make_child(void)
{
	child = fork();
	if (!child) {
		for (;;)
			pause();
	}
}

static void kill_child(void)
{
	kill(child, SIGKILL);
}

static void reap_child(void)
{
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
}

static long call_flock(void)
{
	return flock(lock_fd, LOCK_EX);
}

static int other_fd;
static char lock_name[] = "/tmp/greenshim-lock-XXXXXX";

static void take_lock(void)
{
	other_fd = open(lock_name, O_RDWR);
	flock(other_fd, LOCK_EX);
}

static void give_lock(void)
{
	flock(other_fd, LOCK_UN);
}

static void close_lock(void)
{
	flock(lock_fd, LOCK_UN);
	close(other_fd);
}

static long call_write(void)
{
	static char block[1 << 20];

	return write(pair[0], block, sizeof(block)) > 0 ? 1 : -1; /* partial after a signal */
}

static void read_all(void)
{
	char block[4096];

	while (recv(pair[1], block, sizeof(block), MSG_DONTWAIT) > 0)
		usleep(100);
}

static void none(void)
{
}

static const struct blocking {
	const char *name;
	void (*before)(void);
	long (*call)(void);
	void (*release)(void);
	void (*after)(void);
} table[] = {
	{"read", none, call_read, write_byte, drain_byte},
	{"recv", none, call_recv, send_byte, drain_pair},
	{"recvmsg", none, call_recvmsg, send_byte, drain_pair},
	{"accept", none, call_accept, connect_client, drop_client},
	{"poll", none, call_poll, write_byte, drain_byte},
	{"select", none, call_select, write_byte, drain_byte},
	{"epoll_wait", none, call_epoll, write_byte, drain_byte},
	{"nanosleep", none, call_nanosleep, none, none},
	{"sleep", none, call_sleep, none, none},
	{"clock_nanosleep", none, call_clock_nanosleep, none, none},
	{"sem_wait", none, call_sem_wait, post, drain_sem},
	{"sem_timedwait", none, call_sem_timedwait, post, drain_sem},
	{"pthread_cond_wait", none, call_cond, signal_cond, reset_cond},
	{"pthread_mutex_lock", lock_mutex, call_mutex, unlock_mutex, none},
	{"waitpid", make_child, call_waitpid, kill_child, reap_child},
	{"flock", take_lock, call_flock, give_lock, close_lock},
	{"send", none, call_write, read_all, read_all},
};

static void *run(void *arg)
{
	const struct blocking *b = arg;
	long ret;

	errno = 0;
	ret = b->call();
	if (ret < 0)
		printf(" %ld %s", ret, name_of(errno));
	else
		printf(" %ld", ret);
	return NULL;
}

/* However busy the machine is. */
static void await_call(void)
{
	do
		settle();
	while (any_busy());
}

static void try(const struct blocking *b, int flags)
{
	pthread_t t;

	handle(SIGUSR1, on_signal, flags);
	handled = 0;
	printf("%s%s:", b->name, flags ? " with SA_RESTART" : "");
	b->before();
	t = spawn(run, (void *)b);
	await_call();
	pthread_kill(t, SIGUSR1);
	settle_until(&handled);
	printf(" handled %d,", (int)handled);
	b->release();
	pthread_join(t, NULL);
	b->after();
	puts("");
}

int main(int argc, char **argv)
{
	struct epoll_event e = {.events = EPOLLIN};
	struct sockaddr_un sun;

	setvbuf(stdout, NULL, _IONBF, 0);
	snprintf(address + sizeof(address) - 9, 9, "%08d", getpid());
	sun = name();
	if (pipe(pipe_fds) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) || sem_init(&sem, 0, 0))
		return 1;
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	if (bind(listener, (struct sockaddr *)&sun, sizeof(sun)) || listen(listener, 5))
		return 1;
	epoll_fd = epoll_create1(0);
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, pipe_fds[0], &e);
	lock_fd = mkstemp(lock_name);
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		if (argc > 1 && strcmp(argv[1], table[i].name))
			continue;
		try(&table[i], 0);
		try(&table[i], SA_RESTART);
	}
	unlink(lock_name);
	return 0;
}
