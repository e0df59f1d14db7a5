/* POSIX message queues: notification of each kind, attributes, limits of time, errors, priorities, other processes. */
#include <fcntl.h>
#include <mqueue.h>
#include <sys/wait.h>

#include "thread_test.h"

#define ROOM 16

static char name[32], text[ROOM];
static mqd_t queue;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int told, value;
static volatile sig_atomic_t handled, code, sent, from_us;

static void in_thread(union sigval v)
{
	pthread_mutex_lock(&mutex);
	value = v.sival_int;
	told++;
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&mutex);
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	code = info->si_code;
	sent = info->si_value.sival_int;
	from_us = info->si_pid == getpid() && info->si_uid == getuid();
	handled++;
}

static void take(void)
{
	unsigned priority = 99;
	long n = mq_receive(queue, text, ROOM, &priority);

	printf("received: %s %u\n", outcome(n), n < 0 ? 0 : priority);
}

static struct sigevent by_thread(int with)
{
	return (struct sigevent){
		.sigev_notify = SIGEV_THREAD, .sigev_notify_function = in_thread, .sigev_value.sival_int = with};
}

static struct sigevent by_signal(int with)
{
	return (struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = with};
}

static void await_thread(void)
{
	pthread_mutex_lock(&mutex);
	while (!told)
		pthread_cond_wait(&cond, &mutex);
	printf("told %d, value %d\n", told, value);
	told = 0;
	pthread_mutex_unlock(&mutex);
}

static void await_signal(void)
{
	while (!handled)
		nap(1);
	printf("handled %d, value %d, SI_MESGQ %d, ours %d\n", (int)handled, (int)sent, code == SI_MESGQ, (int)from_us);
	handled = 0;
}

static void notified_by_thread(void)
{
	struct sigevent event = by_thread(21), other = by_signal(1);

	printf("SIGEV_THREAD: %s", outcome(mq_notify(queue, &event)));
	printf(", again: %s\n", outcome(mq_notify(queue, &other)));
	mq_send(queue, "a", 1, 0);
	await_thread();
	mq_send(queue, "b", 1, 0);
	settle();
	printf("once: %d\n", told);
	take();
	take();
	event = by_thread(22);
	printf("SIGEV_THREAD again: %s\n", outcome(mq_notify(queue, &event)));
	mq_send(queue, "c", 1, 0);
	await_thread();
	take();
	event = by_thread(23);
	mq_notify(queue, &event);
	printf("taken back: %s\n", outcome(mq_notify(queue, NULL)));
	mq_send(queue, "d", 1, 0);
	settle();
	printf("told %d\n", told);
	take();
}

static void *receives(void *arg)
{
	take();
	return arg;
}

static void notified_by_signal(void)
{
	struct sigevent event = by_signal(24), none = {.sigev_notify = SIGEV_NONE};
	struct sigevent bad = {.sigev_notify = 77}, bad_signal = by_signal(0);
	pthread_t t;

	bad_signal.sigev_signo = 1000;
	printf("bad: %s", outcome(mq_notify(queue, &bad)));
	printf(", a bad signal: %s\n", outcome(mq_notify(queue, &bad_signal)));
	printf("SIGEV_SIGNAL: %s\n", outcome(mq_notify(queue, &event)));
	mq_send(queue, "e", 1, 0);
	await_signal();
	take();
	printf("SIGEV_NONE: %s\n", outcome(mq_notify(queue, &none)));
	mq_send(queue, "f", 1, 0);
	take();
	/* Who waits is served first, and nobody is told. */
	mq_notify(queue, &event);
	t = go(receives, NULL);
	settle();
	mq_send(queue, "g", 1, 0);
	done(t);
	printf("told beside a receiver: %d\n", (int)handled);
	if (!fork()) {
		mq_send(queue, "h", 1, 5);
		_exit(0);
	}
	wait(NULL);
	while (!handled)
		nap(1);
	printf("from a child: ours %d\n", (int)from_us);
	handled = 0;
	take();
}

static void attributes(void)
{
	struct mq_attr a = {0}, wanted = {.mq_flags = O_NONBLOCK, .mq_maxmsg = 5}, bad = {.mq_flags = 1}, before;

	printf("mq_getattr: %s", outcome(mq_getattr(queue, &a)));
	printf(" %ld %ld %ld %ld\n", a.mq_flags, a.mq_maxmsg, a.mq_msgsize, a.mq_curmsgs);
	printf("mq_setattr: %s", outcome(mq_setattr(queue, &wanted, &before)));
	mq_getattr(queue, &a);
	printf(" %d %ld, before %ld\n", a.mq_flags == O_NONBLOCK, a.mq_maxmsg, before.mq_flags);
	printf("empty: %s", outcome(mq_receive(queue, text, ROOM, NULL)));
	printf(", %s", outcome(mq_send(queue, "1", 1, 0)));
	printf(", %s", outcome(mq_send(queue, "2", 1, 0)));
	printf(", full: %s\n", outcome(mq_send(queue, "3", 1, 0)));
	printf("bad flags: %s", outcome(mq_setattr(queue, &bad, NULL)));
	printf(", no queue: %s, %s\n", outcome(mq_getattr(-1, &a)), outcome(mq_setattr(1000, &wanted, NULL)));
	mq_setattr(queue, &before, NULL);
	take();
	take();
}

static struct timespec soon(void)
{
	return in_ms(CLOCK_REALTIME, 30);
}

static void limits(void)
{
	struct timespec until, past = {1, 0}, bad = {1, -1};
	unsigned priority;

	until = soon();
	printf("nothing comes: %s", outcome(mq_timedreceive(queue, text, ROOM, &priority, &until)));
	printf(", %s\n", waited(CLOCK_REALTIME, until));
	printf("at once: %s", outcome(mq_timedreceive(queue, text, ROOM, NULL, &past)));
	printf(", a bad time: %s\n", outcome(mq_timedreceive(queue, text, ROOM, NULL, &bad)));
	printf("sent: %s", outcome(mq_timedsend(queue, "x", 1, 3, &past)));
	printf(", with a bad time: %s\n", outcome(mq_timedsend(queue, "y", 1, 7, &bad)));
	mq_send(queue, "y", 1, 7);
	until = soon();
	printf("full: %s", outcome(mq_timedsend(queue, "z", 1, 1, &until)));
	printf(", %s", waited(CLOCK_REALTIME, until));
	printf(", %s", outcome(mq_timedsend(queue, "z", 1, 1, &past)));
	printf(", %s\n", outcome(mq_timedsend(queue, "z", 1, 1, &bad)));
	take();
	take();
	printf("too long: %s", outcome(mq_send(queue, name, ROOM + 1, 0)));
	printf(", too short: %s", outcome(mq_receive(queue, text, ROOM - 1, NULL)));
	printf(", priority: %s", outcome(mq_send(queue, "x", 1, 32768)));
	printf(", no queue: %s, %s\n", outcome(mq_send(-1, "x", 1, 0)), outcome(mq_receive(0, text, ROOM, NULL)));
	printf("nothing: %s\n", outcome(mq_send(queue, "", 0, 0)));
	take();
}

static void names(void)
{
	struct mq_attr none = {.mq_maxmsg = 0, .mq_msgsize = 1}, small = {.mq_maxmsg = 1, .mq_msgsize = 1};
	mqd_t reader = mq_open(name, O_RDONLY), writer = mq_open(name, O_WRONLY);

	printf("again: %s", outcome(mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL)));
	printf(", nowhere: %s", outcome(mq_open("/nowhere.ipc_mqueue", O_RDWR)));
	printf(", no slash: %s", outcome(mq_open("nowhere", O_RDWR)));
	printf(", no room: %s\n", outcome(mq_open("/nowhere.ipc_mqueue", O_RDWR | O_CREAT, 0600, &none)));
	printf("send to a reader: %s", outcome(mq_send(reader, "x", 1, 0)));
	printf(", receive from a writer: %s\n", outcome(mq_receive(writer, text, ROOM, NULL)));
	mq_close(reader);
	printf("closed: %s\n", outcome(mq_close(reader)));
	mq_close(writer);
	printf("unlink: %s", outcome(mq_unlink(name)));
	printf(", again: %s\n", outcome(mq_unlink(name)));
	(void)small;
}

static void *closes(void *arg)
{
	settle();
	mq_close(*(mqd_t *)arg);
	settle();
	mq_send(queue, "late", 4, 0);
	return NULL;
}

/* Who waits goes on waiting for the queue. */
static void closed_meanwhile(void)
{
	mqd_t again = mq_open(name, O_RDWR);
	pthread_t t = go(closes, &again);

	printf("closed by another thread: %s", outcome(mq_receive(again, text, ROOM, NULL)));
	done(t);
	printf(", then %s\n", outcome(mq_receive(again, text, ROOM, NULL)));
}

static void all(void)
{
	struct mq_attr attr = {.mq_maxmsg = 2, .mq_msgsize = ROOM};

	queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	attributes();
	limits();
	closed_meanwhile();
	names();
	notified_by_signal();
	notified_by_thread();
	mq_close(queue);
}

static void *elsewhere(void *arg)
{
	puts("in a thread");
	all();
	return arg;
}

int main(void)
{
	struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};

	setvbuf(stdout, NULL, _IOLBF, 0);
	snprintf(name, sizeof(name), "/ipc_mqueue.%d", getpid());
	queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, NULL);
	if (queue == (mqd_t)-1) {
		puts("no queues");
		return 77;
	}
	mq_close(queue);
	mq_unlink(name);
	sigaction(SIGUSR1, &sa, NULL);
	done(go(elsewhere, NULL));
	puts("in main");
	all();
	return 0;
}
