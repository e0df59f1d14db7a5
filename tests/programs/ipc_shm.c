/* Shared memory of System V with what processes and threads do in it, keys of ftok, other processes' memory, wait3. */
#include <semaphore.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "thread_test.h"

struct shared {
	pthread_mutex_t lock;
	sem_t sem;
	int count;
};

static struct shared *shared;

static void init(struct shared *s)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&s->lock, &attr);
	sem_init(&s->sem, 1, 0);
	s->count = 0;
}

static void *count_up(void *arg)
{
	for (int i = 0; i < 100; i++) {
		pthread_mutex_lock(&shared->lock);
		shared->count++;
		if (i % 20 == 0)
			nap(1);
		pthread_mutex_unlock(&shared->lock);
	}
	sem_post(&shared->sem);
	return arg;
}

/* Two processes with two threads each. */
static void count(void)
{
	pthread_t t[2];
	pid_t pid;

	init(shared);
	pid = fork();
	for (int i = 0; i < 2; i++)
		t[i] = go(count_up, NULL);
	for (int i = 0; i < 2; i++)
		done(t[i]);
	if (!pid)
		_exit(0);
	for (int i = 0; i < 4; i++)
		sem_wait(&shared->sem);
	printf("counted %d\n", shared->count);
	waitpid(pid, NULL, 0);
}

static void segment(void)
{
	struct shmid_ds ds = {.shm_segsz = 0};
	int id = shmget(IPC_PRIVATE, sizeof(*shared), 0600);
	void *again, *nowhere = (void *)1;

	printf("shmget: %d\n", id >= 0);
	shared = shmat(id, NULL, 0);
	again = shmat(id, NULL, SHM_RDONLY);
	printf("shmat: %d %d", shared != (void *)-1, again != (void *)-1);
	printf(", at a bad address: %s", outcome((long)shmat(id, nowhere, 0)));
	printf(", of none: %s\n", outcome((long)shmat(-1, NULL, 0)));
	count();
	printf("seen: %d\n", ((struct shared *)again)->count);
	printf("IPC_STAT: %s", outcome(shmctl(id, IPC_STAT, &ds)));
	printf(" %zu, attached %d, by us %d\n", ds.shm_segsz, (int)ds.shm_nattch, ds.shm_cpid == getpid());
	ds.shm_perm.mode = 0640;
	printf("IPC_SET: %s", outcome(shmctl(id, IPC_SET, &ds)));
	printf(", IPC_RMID: %s", outcome(shmctl(id, IPC_RMID, NULL)));
	printf(", a bad one: %s", outcome(shmctl(id, 12345, NULL)));
	printf(", still there %d\n", shared->count);
	printf("shmdt: %s", outcome(shmdt(again)));
	printf(", %s", outcome(shmdt(shared)));
	printf(", again: %s", outcome(shmdt(shared)));
	printf(", gone: %s\n", outcome(shmctl(id, IPC_STAT, &ds)));
	printf("too small: %s", outcome(shmget(IPC_PRIVATE, 0, 0600)));
	printf(", no key: %s\n", outcome(shmget(0x7e57, 4096, 0600)));
}

static void keys(void)
{
	printf("ftok: %d", ftok("/", 'a') != -1);
	printf(", the same: %d", ftok("/", 'a') == ftok("/.", 'a'));
	printf(", another: %d", ftok("/", 'a') != ftok("/", 'b'));
	printf(", of none: %s\n", outcome(ftok("/nowhere/at all", 'a')));
}

static void others_memory(void)
{
	static char there[64] = "of the child", here[64];
	struct iovec local = {here, sizeof(here)}, remote = {there, sizeof(there)}, wild = {(void *)8, 8};
	int ends[2], status;
	char byte;
	pid_t pid;

	if (pipe(ends))
		return;
	pid = fork();
	if (!pid) {
		strcat(there, ", changed by it");
		close(ends[1]);
		_exit(read(ends[0], &byte, 1) == 1 && !strcmp(there, "written") ? 5 : 1);
	}
	close(ends[0]);
	do {
		nap(5);
		status = (int)process_vm_readv(pid, &local, 1, &remote, 1, 0);
	} while (status == sizeof(here) && !strchr(here, ','));
	printf("process_vm_readv: %d %s\n", status, here);
	strcpy(here, "written");
	printf("process_vm_writev: %s", outcome(process_vm_writev(pid, &local, 1, &remote, 1, 0)));
	printf(", bad: %s", outcome(process_vm_readv(pid, &local, 1, &wild, 1, 0)));
	printf(", flags: %s", outcome(process_vm_readv(pid, &local, 1, &remote, 1, 1)));
	printf(", nobody: %s\n", outcome(process_vm_readv(0x3fffffff, &local, 1, &remote, 1, 0)));
	if (write(ends[1], "x", 1) != 1)
		perror("write");
	close(ends[1]);
	waitpid(pid, &status, 0);
	printf("the child: %d\n", WEXITSTATUS(status));
}

static void *waits3(void *arg)
{
	struct rusage usage = {.ru_maxrss = -1};
	int status = 0, ends[2];
	char byte;
	pid_t pid;

	printf("wait3 of none: %s\n", outcome(wait3(&status, 0, NULL)));
	if (pipe(ends))
		return NULL;
	pid = fork();
	if (!pid) {
		close(ends[1]);
		_exit(read(ends[0], &byte, 1) ? 1 : 6);
	}
	printf("WNOHANG: %s\n", outcome(wait3(&status, WNOHANG, &usage)));
	close(ends[1]);
	close(ends[0]);
	printf("wait3: %d", wait3(&status, 0, &usage) == pid);
	printf(" %d, usage %d\n", WEXITSTATUS(status), usage.ru_maxrss > 0);
	return arg;
}

static void *all(void *arg)
{
	segment();
	keys();
	others_memory();
	waits3(NULL);
	return arg;
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	ticker_start();
	done(go(all, NULL));
	puts("in main");
	all(NULL);
	ticker_stop();
	return 0;
}
