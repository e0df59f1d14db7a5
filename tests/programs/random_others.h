/* random_others.h - for random_calls.c: what processes share, children, signals, threads and sleeps. */
#ifndef RANDOM_OTHERS_H
#define RANDOM_OTHERS_H

#include <mqueue.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/wait.h>

#include "random_descriptors.h"
#include "random_locks.h"

static int sem_set, messages, lock_files[3];
static mqd_t queue;

#define CHILDREN 8
static struct child {
	pid_t pid;
	int leash; /* closed: exit */
	bool reaped;
} children[CHILDREN];
static int n_children;

static void make_others(void)
{
	struct mq_attr attr = {.mq_maxmsg = 2, .mq_msgsize = 16};
	char path[96];

	sem_set = semget(IPC_PRIVATE, 2, 0600);
	messages = msgget(IPC_PRIVATE, 0600);
	snprintf(path, sizeof(path), "/random_calls.%d", (int)getpid());
	queue = mq_open(path, O_CREAT | O_RDWR, 0600, &attr);
	mq_unlink(path);
	for (int i = 0; i < 3; i++)
		lock_files[i] = open(path_of(path, "lock"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	mkfifo(path_of(path, "opened"), 0600);
}

static void drop_others(void)
{
	semctl(sem_set, 0, IPC_RMID);
	msgctl(messages, IPC_RMID, NULL);
	for (int i = 0; i < n_children; i++)
		if (children[i].pid)
			kill(children[i].pid, SIGKILL);
}

static bool draw_semop(struct job *j)
{
	for (int i = 0; i < 4; i++)
		j->n[i] = ANY(((long[]){-2, -1, -1, 0, 1, 1, 2}));
	j->n[4] = pick(3);
	j->n[5] = one_in(4) ? IPC_NOWAIT : 0;
	j->waits = j->n[4] == 1 ? ENDS_SOON : MAY;
	say(j, " %ld, %ld%s", j->n[0], j->n[1], j->n[5] ? " NOWAIT" : "");
	return true;
}

static void run_semop(struct job *j)
{
	struct timespec ts = {j->n[4] == 1 ? 0 : 100, 2 * MS};
	struct sembuf ops[2] = {{0, (short)j->n[0], (short)j->n[5]}, {1, (short)j->n[1], (short)j->n[5]}};

	say_ret(j, semtimedop(sem_set, ops, 1 + (size_t)(j->n[2] > 0), j->n[4] ? &ts : NULL));
}

struct text {
	long type;
	char text[16];
};

static bool draw_message(struct job *j)
{
	j->n[0] = ANY(((long[]){0, 1, 2, 3, -2, 1}));
	j->n[1] = pick(16);
	j->n[2] = one_in(3) ? IPC_NOWAIT : one_in(4) ? MSG_EXCEPT : 0;
	j->waits = MAY;
	say(j, " type %ld size %ld flags %lx", j->n[0], j->n[1], j->n[2]);
	return true;
}

static void run_msgsnd(struct job *j)
{
	struct text t = {.type = j->n[0], .text = "fifteen letters"};

	say_ret(j, msgsnd(messages, &t, (size_t)j->n[1], (int)j->n[2] & IPC_NOWAIT));
}

static void run_msgrcv(struct job *j)
{
	struct text t = {0};
	long ret = msgrcv(messages, &t, (size_t)j->n[1], j->n[0], (int)j->n[2]);

	say_ret(j, ret);
	if (ret >= 0)
		say(j, " of type %ld: %s", t.type, t.text);
}

static bool draw_queue(struct job *j)
{
	static unsigned next;

	j->n[0] = pick(3);
	j->n[1] = ++next;
	say(j, " priority %ld", j->n[0]);
	return draw_until(j);
}

static void run_mq_send(struct job *j)
{
	struct timespec ts = until(j, CLOCK_REALTIME);
	char text[16];

	snprintf(text, sizeof(text), "%ld", j->n[1]);
	say_ret(j, mq_timedsend(queue, text, strlen(text) + 1, (unsigned)j->n[0], &ts));
}

static void run_mq_receive(struct job *j)
{
	struct timespec ts = until(j, CLOCK_REALTIME);
	char text[16];
	unsigned priority;
	long ret = mq_timedreceive(queue, text, sizeof(text), &priority, &ts);

	say_ret(j, ret);
	if (ret >= 0)
		say(j, " %u: %s", priority, text);
}

static bool draw_flock(struct job *j)
{
	j->n[0] = pick(3);
	j->n[1] = ANY(((long[]){LOCK_SH, LOCK_EX, LOCK_EX, LOCK_UN, LOCK_UN, LOCK_EX | LOCK_NB, 77}));
	j->waits = MAY;
	say(j, " file %ld op %ld", j->n[0], j->n[1]);
	return true;
}

static void run_flock(struct job *j)
{
	say_ret(j, flock(lock_files[j->n[0]], (int)j->n[1]));
}

static bool draw_setlk(struct job *j)
{
	j->n[0] = pick(3);
	j->n[1] = ANY(((long[]){F_RDLCK, F_WRLCK, F_WRLCK, F_UNLCK, F_UNLCK}));
	j->n[2] = one_in(3) ? F_OFD_SETLK : F_OFD_SETLKW;
	j->waits = MAY;
	say(j, " file %ld type %ld%s", j->n[0], j->n[1], j->n[2] == F_OFD_SETLK ? "" : " wait");
	return true;
}

static void run_setlk(struct job *j)
{
	struct flock lock = {.l_type = (short)j->n[1]};

	say_ret(j, fcntl(lock_files[j->n[0]], (int)j->n[2], &lock));
}

/* ---- connections and FIFOs ---- */

static bool draw_accept(struct job *j)
{
	draw_end(j, "listener");
	return may_wait(j, 0, IN, false);
}

static void run_accept(struct job *j)
{
	int fd = accept4(j->end[0].fd, NULL, NULL, SOCK_CLOEXEC);

	say(j, " = %s", fd < 0 ? outcome(fd) : "done");
	if (fd >= 0)
		close(fd);
}

static bool draw_connect(struct job *j)
{
	draw_end(j, "listener");
	j->n[0] = one_in(3);
	return may_wait(j, 0, OUT, false);
}

static void run_connect(struct job *j)
{
	struct sockaddr_storage to = {0};
	socklen_t n = sizeof(to);
	int fd, ret = getsockname(j->end[0].fd, (struct sockaddr *)&to, &n);

	if (ret)
		return (void)say_ret(j, ret);
	fd = socket(to.ss_family, SOCK_STREAM | (j->n[0] ? SOCK_NONBLOCK : 0), 0);
	say_ret(j, connect(fd, (struct sockaddr *)&to, n));
	close(fd);
}

static bool draw_open(struct job *j)
{
	j->n[0] = ANY(((long[]){O_RDONLY, O_WRONLY, O_RDONLY | O_NONBLOCK, O_WRONLY | O_NONBLOCK, O_RDWR}));
	say(j, " %lx", j->n[0]);
	return draw_may(j);
}

static void run_open(struct job *j)
{
	char path[96];
	int fd = open(path_of(path, "opened"), (int)j->n[0]);

	say(j, " = %s", fd < 0 ? outcome(fd) : "done");
	if (fd >= 0)
		close(fd);
}

static bool draw_name(struct job *j)
{
	j->n[0] = pick(3);
	say(j, " %ld", j->n[0]);
	return true;
}

static void run_name(struct job *j)
{
	char path[96], other[96];

	path_of(path, "a name");
	if (j->n[0] == 0)
		say_ret(j, mknod(path, S_IFREG | 0600, 0));
	else
		say_ret(j, j->n[0] == 1 ? unlink(path) : rename(path, path_of(other, "another name")));
}

#endif
