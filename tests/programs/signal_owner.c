/* A thread's number where a process's is expected: kill, sigqueue, getpgid and their like; and signals of descriptors
 * (O_ASYNC) for a thread, the process, a group, with and without F_SETSIG. */
#include <fcntl.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "signal_test.h"

#define SHOW(call) show(#call, (call))

static volatile sig_atomic_t got, code, value, descriptor;
static pthread_t where;

static void show(const char *what, long ret)
{
	printf("%s: %s\n", what, ret < 0 ? name_of(errno) : "done");
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)context;
	code = info->si_code;
	value = info->si_code == SI_QUEUE ? info->si_value.sival_int : 0;
	descriptor = info->si_code >= POLL_IN && info->si_code <= POLL_HUP ? info->si_fd : -1;
	where = pthread_self();
	got = sig;
}

/* got is cleared before the signal is sent. */
static void heard(const char *what)
{
	settle_until(&got);
	printf("%s: %s, code %d, value %d, in this thread %d\n", what, got ? sigdescr_np(got) : "nothing", (int)code,
	       (int)value, got && pthread_equal(where, pthread_self()));
	got = 0;
}

static void numbers(void)
{
	pid_t tid = gettid();
	struct rlimit limit;
	cpu_set_t set;

	got = 0;
	SHOW(kill(tid, 0));
	SHOW(kill(tid, 65));
	SHOW(kill(tid, SIGUSR1));
	heard("kill");
	SHOW(sigqueue(tid, SIGUSR1, (union sigval){.sival_int = 3}));
	heard("sigqueue");
	SHOW(sigqueue(tid, 65, (union sigval){.sival_int = 3}));
	SHOW(sigqueue(tid, 0, (union sigval){.sival_int = 3}));
	printf("group %d, session %d\n", getpgid(tid) == getpgrp(), getsid(tid) == getsid(0));
	if (tid != getpid())
		SHOW(setpgid(tid, 0));
	SHOW(getpriority(PRIO_PROCESS, (id_t)tid) + 100);
	SHOW(sched_getscheduler(tid));
	SHOW(sched_getaffinity(tid, sizeof(set), &set));
	SHOW(prlimit(tid, RLIMIT_NOFILE, NULL, &limit));
	SHOW(waitpid(tid, NULL, WNOHANG));
	/* Where it is blocked another takes it. */
	if (tid != getpid()) {
		sigset_t usr1 = set_of(SIGUSR1);

		pthread_sigmask(SIG_BLOCK, &usr1, NULL);
		SHOW(kill(tid, SIGUSR1));
		heard("kill, blocked here");
		pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
	}
}

static void next_byte(int pair[2], const char *what)
{
	char byte;

	while (recv(pair[0], &byte, 1, MSG_DONTWAIT) == 1)
		;
	got = 0;
	descriptor = -1;
	if (write(pair[1], "x", 1) != 1)
		puts("write failed");
	heard(what);
	printf("  the descriptor: %d\n", descriptor == pair[0]);
}

static void owners(void)
{
	struct f_owner_ex owner = {F_OWNER_TID, gettid()}, now = {0, 0};
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		return;
	SHOW(fcntl(pair[0], F_GETOWN_EX, &now));
	printf("nobody's: %d\n", now.pid);
	SHOW(fcntl(pair[0], F_SETOWN_EX, &owner));
	SHOW(fcntl(pair[0], F_GETOWN_EX, &now));
	printf("this thread's: %d %d\n", now.type == F_OWNER_TID, now.pid == gettid());
	SHOW(fcntl(pair[0], F_SETFL, O_ASYNC));
	next_byte(pair, "SIGIO");
	SHOW(fcntl(pair[0], F_SETSIG, SIGUSR2));
	next_byte(pair, "F_SETSIG");
	owner = (struct f_owner_ex){F_OWNER_PID, getpid()};
	SHOW(fcntl(pair[0], F_SETOWN_EX, &owner));
	next_byte(pair, "the process's");
	SHOW(fcntl(pair[0], F_GETOWN_EX, &now));
	printf("the process's: %d %d\n", now.type == F_OWNER_PID, now.pid == getpid());
	SHOW(fcntl(pair[0], F_SETSIG, 0));
	next_byte(pair, "SIGIO");
	owner = (struct f_owner_ex){F_OWNER_TID, 0x3fffffff};
	SHOW(fcntl(pair[0], F_SETOWN_EX, &owner));
	owner.type = 77;
	SHOW(fcntl(pair[0], F_SETOWN_EX, &owner));
	SHOW(fcntl(pair[0], F_SETOWN, -getpgrp()));
	SHOW(fcntl(pair[0], F_SETOWN, 0));
	SHOW(fcntl(pair[0], F_SETFL, 0));
	close(pair[0]);
	close(pair[1]);
}

static void *all(void *arg)
{
	printf("in %s\n", (const char *)arg);
	numbers();
	owners();
	return NULL;
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	handle(SIGUSR1, on_signal, SA_RESTART);
	handle(SIGUSR2, on_signal, SA_RESTART);
	handle(SIGIO, on_signal, SA_RESTART);
	pthread_join(spawn(all, "a thread"), NULL);
	all("main");
	return 0;
}
