/* Semaphores, queues and locks between processes, in every way of every_wait.h. */
#include <mqueue.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>

#include "every_wait.h"

#define UNTIL(clock) (&(struct timespec[]){in_ms(clock, LONG_MS)}[0])
#define LONG_TIME (&(struct timespec){LONG_MS / 1000, 0})

static void drop_semaphore(struct row *r)
{
	semctl(r->pid, 0, IPC_RMID);
}

static void make_semaphore(struct row *r)
{
	r->pid = semget(IPC_PRIVATE, 1, 0600);
	r->drop = drop_semaphore;
}

static void post_one(struct row *r)
{
	semop(r->pid, &(struct sembuf){0, 1, 0}, 1);
}

static long by_semop(struct row *r)
{
	return semop(r->pid, &(struct sembuf){0, -1, 0}, 1);
}

static long by_semtimedop(struct row *r)
{
	return semtimedop(r->pid, &(struct sembuf){0, -1, 0}, 1, LONG_TIME);
}

struct message {
	long type;
	char text[8];
};

static void drop_messages(struct row *r)
{
	msgctl(r->pid, IPC_RMID, NULL);
}

static void make_messages(struct row *r)
{
	r->pid = msgget(IPC_PRIVATE, 0600);
	r->drop = drop_messages;
}

static void send_message(struct row *r)
{
	msgsnd(r->pid, &(struct message){.type = 1}, 8, 0);
}

static long by_msgrcv(struct row *r)
{
	struct message m;

	return msgrcv(r->pid, &m, 8, 0, 0);
}

/* Room for one. */
static void make_full(struct row *r)
{
	struct msqid_ds ds;

	make_messages(r);
	msgctl(r->pid, IPC_STAT, &ds);
	ds.msg_qbytes = 8;
	msgctl(r->pid, IPC_SET, &ds);
	send_message(r);
}

static void receive_message(struct row *r)
{
	by_msgrcv(r);
}

static long by_msgsnd(struct row *r)
{
	return msgsnd(r->pid, &(struct message){.type = 1}, 8, 0);
}

static void make_queue(struct row *r)
{
	struct mq_attr attr = {.mq_maxmsg = 10, .mq_msgsize = 8};
	static int n;
	char name[40];

	snprintf(name, sizeof(name), "/every_ipc.%d.%d", getpid(), n++);
	r->fd[0] = mq_open(name, O_RDWR | O_CREAT, 0600, &attr);
	mq_unlink(name);
}

static void queue_one(struct row *r)
{
	mq_send(r->fd[0], "x", 1, 0);
}

static long by_mq_receive(struct row *r)
{
	char text[8];

	return mq_receive(r->fd[0], text, sizeof(text), NULL);
}

static long by_mq_timedreceive(struct row *r)
{
	char text[8];

	return mq_timedreceive(r->fd[0], text, sizeof(text), NULL, UNTIL(CLOCK_REALTIME));
}

static void make_full_queue(struct row *r)
{
	make_queue(r);
	for (int i = 0; i < 10; i++)
		queue_one(r);
}

static void unqueue_one(struct row *r)
{
	by_mq_receive(r);
}

static long by_mq_send(struct row *r)
{
	return mq_send(r->fd[0], "y", 1, 0);
}

static long by_mq_timedsend(struct row *r)
{
	return mq_timedsend(r->fd[0], "y", 1, 0, UNTIL(CLOCK_REALTIME));
}

static void make_locked(struct row *r)
{
	char name[] = "/tmp/every_ipc.XXXXXX";

	r->fd[0] = mkstemp(name);
	r->fd[1] = open(name, O_RDWR | O_CLOEXEC);
	unlink(name);
}

static void make_flock(struct row *r)
{
	make_locked(r);
	flock(r->fd[1], LOCK_EX);
}

static void unlock_flock(struct row *r)
{
	flock(r->fd[1], LOCK_UN);
}

static long by_flock(struct row *r)
{
	return flock(r->fd[0], LOCK_SH);
}

static struct flock whole(int type)
{
	return (struct flock){.l_type = (short)type, .l_whence = SEEK_SET};
}

static void make_ofd(struct row *r)
{
	struct flock l = whole(F_WRLCK);

	make_locked(r);
	fcntl(r->fd[1], F_OFD_SETLK, &l);
}

static void unlock_ofd(struct row *r)
{
	struct flock l = whole(F_UNLCK);

	fcntl(r->fd[1], F_OFD_SETLK, &l);
}

static long by_ofd(struct row *r)
{
	struct flock l = whole(F_RDLCK);

	return fcntl(r->fd[0], F_OFD_SETLKW, &l);
}

static struct row rows[] = {
	ROW("semop", make_semaphore, by_semop, post_one, 0),
	ROW("semtimedop", make_semaphore, by_semtimedop, post_one, 0),
	ROW("msgrcv", make_messages, by_msgrcv, send_message, 0),
	ROW("msgsnd", make_full, by_msgsnd, receive_message, 0),
	ROW("mq_receive", make_queue, by_mq_receive, queue_one, 0),
	ROW("mq_timedreceive", make_queue, by_mq_timedreceive, queue_one, 0),
	ROW("mq_send", make_full_queue, by_mq_send, unqueue_one, 0),
	ROW("mq_timedsend", make_full_queue, by_mq_timedsend, unqueue_one, 0),
	ROW("flock", make_flock, by_flock, unlock_flock, ALL),
	ROW("F_OFD_SETLKW", make_ofd, by_ofd, unlock_ofd, ALL),
};

int main(void)
{
	every_way(rows, LENGTH(rows));
	return 0;
}
