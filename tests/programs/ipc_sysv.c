/* System V semaphores and queues, POSIX queues: waits do not stop other threads; time limits; signals. */
#include <fcntl.h>
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/wait.h>

#include "wait_test.h"

static int sem, queue;

static int change(int by, int flags)
{
	struct sembuf op = {0, (short)by, (short)flags};

	return semop(sem, &op, 1);
}

static void *post_soon(void *arg)
{
	nap(40);
	change(1, 0);
	return arg;
}

static void *interrupt_soon(void *arg)
{
	nap(40);
	pthread_kill(*(pthread_t *)arg, SIGUSR1);
	return NULL;
}

static void *lock_step(void *arg)
{
	static volatile int inside, broken;

	for (int i = 0; i < 20; i++) {
		change(-1, SEM_UNDO);
		broken += inside++;
		nap(0);
		inside--;
		change(1, SEM_UNDO);
	}
	(void)arg;
	return (void *)(long)broken;
}

static void semaphores(void)
{
	struct timespec some = {0, 20 * MS};
	struct sembuf down = {0, -1, 0};
	unsigned long before = ticks;
	pthread_t t[8], self = pthread_self();
	long broken = 0;
	pid_t pid;

	sem = semget(IPC_PRIVATE, 1, 0600);
	t[0] = go(post_soon, NULL);
	printf("semop: %s, ", outcome(change(-1, 0)));
	printf("%s\n", went_on(before));
	done(t[0]);
	printf("not now: %s\n", outcome(change(-1, IPC_NOWAIT)));
	printf("not in time: %s\n", outcome(semtimedop(sem, &down, 1, &some)));
	pid = fork();
	if (!pid) {
		nap(40);
		_exit(change(1, 0));
	}
	printf("from another process: %s\n", outcome(change(-1, 0)));
	waitpid(pid, NULL, 0);
	t[0] = go(interrupt_soon, &self);
	printf("interrupted: %s\n", outcome(change(-1, 0)));
	done(t[0]);
	change(1, 0);
	for (int i = 0; i < 8; i++)
		t[i] = go(lock_step, NULL);
	for (int i = 0; i < 8; i++)
		broken += done(t[i]);
	printf("lock step: %ld\n", broken);
	semctl(sem, 0, IPC_RMID);
	printf("removed: %s\n", outcome(change(1, 0)));
}

struct message {
	long type;
	char text[64];
};

static void *send_soon(void *arg)
{
	struct message m = {7, "hello"};

	nap(40);
	return (void *)(long)msgsnd(queue, &m, 6, 0);
	(void)arg;
}

static void *receive_soon(void *arg)
{
	struct message m;
	long n = 0;

	nap(40);
	while (n < (long)arg && msgrcv(queue, &m, sizeof(m.text), 0, 0) > 0)
		n++;
	return (void *)n;
}

static void queues(void)
{
	struct message m = {3, "x"};
	unsigned long before = ticks;
	pthread_t t, self = pthread_self();
	long sent = 0;

	queue = msgget(IPC_PRIVATE, 0600);
	t = go(send_soon, NULL);
	printf("msgrcv: %s", outcome(msgrcv(queue, &m, sizeof(m.text), 7, 0)));
	printf(" %s, %s\n", m.text, went_on(before));
	done(t);
	printf("not now: %s\n", outcome(msgrcv(queue, &m, sizeof(m.text), 7, IPC_NOWAIT)));
	t = go(interrupt_soon, &self);
	printf("interrupted: %s\n", outcome(msgrcv(queue, &m, sizeof(m.text), 7, 0)));
	done(t);
	while (!msgsnd(queue, &m, sizeof(m.text), IPC_NOWAIT))
		sent++;
	printf("full: %s\n", outcome(-1));
	t = go(receive_soon, (void *)(sent + 1));
	printf("msgsnd: %s\n", outcome(msgsnd(queue, &m, sizeof(m.text), 0)));
	printf("all received: %d\n", done(t) == sent + 1);
	msgctl(queue, IPC_RMID, NULL);
}

static mqd_t mq;

static void *mq_send_soon(void *arg)
{
	nap(40);
	return (void *)(long)mq_send(mq, "hello", 6, 1);
	(void)arg;
}

static void *mq_receive_soon(void *arg)
{
	char text[16];

	nap(40);
	return (void *)(long)(mq_receive(mq, text, sizeof(text), NULL) > 0 ? arg : NULL);
}

static void posix_queues(void)
{
	struct mq_attr attr = {.mq_maxmsg = 2, .mq_msgsize = 16};
	struct timespec past = {1, 0}, bad = {1, 1000000000}, soon;
	int64_t until = clock_now(CLOCK_REALTIME) + 30 * MS;
	pthread_t t, self = pthread_self();
	char name[32], text[16] = "";

	snprintf(name, sizeof(name), "/ipc_sysv.%d", getpid());
	mq = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	if (mq == (mqd_t)-1) {
		printf("no queues\n");
		return;
	}
	mq_unlink(name);
	t = go(mq_send_soon, NULL);
	printf("mq_receive: %s", outcome(mq_receive(mq, text, sizeof(text), NULL)));
	printf(" %s\n", text);
	done(t);
	soon = (struct timespec){until / 1000000000, until % 1000000000};
	printf("past: %s", outcome(mq_timedreceive(mq, text, sizeof(text), NULL, &past)));
	printf(", bad: %s", outcome(mq_timedreceive(mq, text, sizeof(text), NULL, &bad)));
	printf(", soon: %s\n", outcome(mq_timedreceive(mq, text, sizeof(text), NULL, &soon)));
	handle(SIGUSR1, 0);
	t = go(interrupt_soon, &self);
	printf("interrupted: %s\n", outcome(mq_receive(mq, text, sizeof(text), NULL)));
	done(t);
	mq_send(mq, "a", 2, 1);
	mq_send(mq, "b", 2, 1);
	t = go(mq_receive_soon, (void *)1L);
	printf("mq_send: %s\n", outcome(mq_send(mq, "c", 2, 1)));
	done(t);
	mq_close(mq);
}

int main(void)
{
	handle(SIGUSR1, SA_RESTART);
	ticker_start();
	semaphores();
	queues();
	posix_queues();
	ticker_stop();
	return 0;
}
