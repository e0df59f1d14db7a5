/* random_processes.h - for random_calls.c: children, signals, other threads and sleeps. */
#ifndef RANDOM_PROCESSES_H
#define RANDOM_PROCESSES_H

#include "random_others.h"

static int child_waits, signal_waits, join_waits;

/* A child waits for the end of its leash. It has let all descriptors go when fork is over here. */
static void live(int leash)
{
	char c;

	dup2(leash, 3);
	close_range(4, ~0U, 0);
	signal(SIGUSR1, SIG_DFL);
	_exit(read(3, &c, 1) ? 1 : 7);
}

static bool draw_fork(struct job *j)
{
	j->n[0] = n_children;
	return n_children < CHILDREN && ++n_children;
}

static void run_fork(struct job *j)
{
	struct child *c = &children[j->n[0]];
	int leash[2], left[2];
	char nothing_comes;

	if (pipe2(leash, O_CLOEXEC) || pipe2(left, O_CLOEXEC))
		abort();
	c->pid = fork();
	if (!c->pid)
		live(leash[0]);
	close(leash[0]);
	close(left[1]);
	c->leash = leash[1];
	say(j, " = %s %ld", c->pid < 0 ? outcome(-1) : "done", (long)read(left[0], &nothing_comes, 1));
	close(left[0]);
}

static int zombies(void)
{
	int n = 0;

	for (int i = 0; i < n_children; i++)
		n += !children[i].leash && !children[i].reaped;
	return n;
}

/* Only one may wait for a child; who waits for any waits for all. Of several the kernel takes the caller's own first. */
static bool draw_wait(struct job *j)
{
	j->n[0] = one_in(4) && zombies() < 2 ? -1 : pick(n_children + 1);
	j->n[1] = one_in(3) ? WNOHANG : 0;
	j->n[2] = pick(3);
	j->waits = j->n[1] ? NEVER : MAY;
	say(j, " child %ld options %lx way %ld", j->n[0], j->n[1], j->n[2]);
	return j->n[1] || claim(j, &child_waits);
}

static int number_of(pid_t pid)
{
	for (int i = 0; i < n_children; i++)
		if (children[i].pid == pid)
			return i;
	return -1;
}

static void run_wait(struct job *j)
{
	siginfo_t info = {0};
	long id = j->n[0] < 0 ? -1 : j->n[0] == CHILDREN ? 1 : children[j->n[0]].pid;
	int status = -1, ret;

	if (!id)
		id = getpid();
	if (j->n[2] == 0) {
		ret = waitid(id < 0 ? P_ALL : P_PID, (id_t)id, &info, WEXITED | (int)j->n[1] | WNOWAIT);
		say(j, " = %s number %d status %d code %d", outcome(ret), number_of(info.si_pid), info.si_status,
		    info.si_code);
	} else {
		ret = j->n[2] == 1 ? waitpid((pid_t)id, &status, (int)j->n[1])
				   : wait4((pid_t)id, &status, (int)j->n[1], NULL);
		if (ret > 0)
			children[number_of(ret)].reaped = true;
		say(j, " = %s number %d status %x", ret < 0 ? outcome(ret) : "done", ret > 0 ? number_of(ret) : -1,
		    (unsigned)status);
	}
}

static bool draw_end_child(struct job *j)
{
	j->n[0] = pick(n_children + 1);
	j->n[1] = ANY(((long[]){0, 0, SIGTERM, SIGKILL, SIGUSR1}));
	say(j, " number %ld by %ld", j->n[0], j->n[1]);
	return j->n[0] < n_children && children[j->n[0]].leash;
}

static void run_end_child(struct job *j)
{
	struct child *c = &children[j->n[0]];
	siginfo_t info = {0};

	if (j->n[1])
		kill(c->pid, (int)j->n[1]);
	close(c->leash);
	c->leash = 0;
	while (!waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOWAIT | WNOHANG) && !info.si_pid)
		nap(1);
}

/* ---- signals ---- */

static bool draw_suspend(struct job *j)
{
	j->n[0] = pick(2);
	say(j, " USR%ld", 1 + j->n[0]);
	return draw_may(j);
}

static void awaited_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGRTMIN);
	sigaddset(set, SIGRTMIN + 1);
}

/* A signal for the process is anybody's: only one waits for those. */
static bool draw_sigwait(struct job *j)
{
	j->n[0] = pick(2);
	return claim(j, &signal_waits) && (j->n[0] ? draw_may(j) : draw_until(j));
}

static void run_sigwait(struct job *j)
{
	siginfo_t info = {0};
	struct timespec ts = {0, (j->n[5] & 1) * 2 * MS};
	sigset_t set;
	long ret;

	if (j->n[5] == 2)
		ts.tv_sec = 1000;
	awaited_signals(&set);
	ret = j->n[0] ? sigwaitinfo(&set, &info) : sigtimedwait(&set, &info, &ts);
	say(j, " = %s", ret < 0 ? outcome(ret) : ret == SIGRTMIN ? "RTMIN" : "RTMIN+1");
	if (ret >= 0)
		say(j, " code %d value %d", info.si_code, info.si_value.sival_int);
}

static void run_suspend(struct job *j)
{
	sigset_t set;

	sigfillset(&set);
	sigdelset(&set, j->n[0] ? SIGUSR2 : SIGUSR1);
	say_ret(j, sigsuspend(&set));
}

static void run_pause(struct job *j)
{
	say_ret(j, pause());
}

static bool draw_send_signal(struct job *j)
{
	j->n[0] = pick(n_workers);
	j->n[1] = SIGRTMIN + pick(3);
	j->n[2] = pick(3);
	j->n[3] = pick(100);
	if (j->n[1] == SIGRTMIN + 2)
		j->n[2] = 0; /* what signalfd reads is the process's */
	say(j, " RTMIN+%ld thread %ld way %ld value %ld", j->n[1] - SIGRTMIN, j->n[0], j->n[2], j->n[3]);
	return true;
}

static void run_send_signal(struct job *j)
{
	union sigval value = {.sival_int = (int)j->n[3]};

	if (j->n[2] == 0)
		say_ret(j, sigqueue(getpid(), (int)j->n[1], value));
	else if (j->n[2] == 1)
		say_error(j, pthread_sigqueue(workers[j->n[0]].thread, (int)j->n[1], value));
	else
		say_error(j, pthread_kill(workers[j->n[0]].thread, (int)j->n[1]));
}

static bool draw_set_mask(struct job *j)
{
	j->n[0] = pick(2) ? SIGUSR1 : SIGUSR2;
	j->n[1] = pick(3);
	say(j, " %ld signal %ld", j->n[1], j->n[0]);
	return true;
}

static void run_set_mask(struct job *j)
{
	sigset_t set, old;

	sigemptyset(&set);
	sigaddset(&set, (int)j->n[0]);
	say_error(j, pthread_sigmask((int[]){SIG_BLOCK, SIG_UNBLOCK, SIG_UNBLOCK}[j->n[1]], &set, &old));
	say_ret(j, sigpending(&set));
	for (int sig = 1; sig <= SIGRTMIN + 2; sig++)
		if (sigismember(&old, sig) > 0 || sigismember(&set, sig) > 0)
			say(j, " %d%s", sig, sigismember(&set, sig) > 0 ? "!" : "");
}

/* ---- time ---- */

static bool draw_sleep(struct job *j)
{
	j->n[0] = pick(4);
	return draw_until(j);
}

static void run_sleep(struct job *j)
{
	clockid_t clock = j->n[0] % 2 ? CLOCK_REALTIME : CLOCK_MONOTONIC;
	struct timespec ts = until(j, clock), rest = {0};

	if (j->n[0] < 2)
		say_error(j, clock_nanosleep(clock, TIMER_ABSTIME, &ts, NULL));
	else
		say_ret(j, nanosleep(&(struct timespec){j->n[5] == 2 ? 1000 : 0, 2 * MS}, &rest));
	say(j, " %s", rest.tv_sec > 900 ? "rest" : "");
}

/* ---- threads: each ends when its semaphore is posted ---- */

#define OTHERS 8
static struct other {
	pthread_t thread;
	sem_t may_end;
	bool joined;
} others[OTHERS];
static int n_others;

static void *run_other(void *arg)
{
	struct other *o = arg;

	while (sem_wait(&o->may_end))
		;
	return (void *)5L;
}

static bool draw_create(struct job *j)
{
	j->n[0] = n_others;
	return n_others < OTHERS && ++n_others;
}

static void run_create(struct job *j)
{
	struct other *o = &others[j->n[0]];

	sem_init(&o->may_end, 0, 0);
	say_error(j, pthread_create(&o->thread, NULL, run_other, o));
}

static bool draw_other(struct job *j)
{
	j->n[0] = pick(n_others + 1);
	j->n[1] = pick(3);
	say(j, " joins %ld, %ld", j->n[0], j->n[1]);
	return j->n[0] < n_others && !others[j->n[0]].joined;
}

static bool draw_join(struct job *j)
{
	if (!draw_other(j))
		return false;
	if (!claim(j, &join_waits))
		return false;
	return j->n[1] == 1 ? draw_until(j) : draw_may(j);
}

static void run_join(struct job *j)
{
	struct other *o = &others[j->n[0]];
	struct timespec ts = until(j, CLOCK_REALTIME);
	void *ret = NULL;
	int error;

	if (j->n[1] == 0)
		error = pthread_join(o->thread, &ret);
	else if (j->n[1] == 1)
		error = pthread_timedjoin_np(o->thread, &ret, &ts);
	else
		error = pthread_tryjoin_np(o->thread, &ret);
	o->joined = !error;
	say_error(j, error);
	say(j, " %ld", (long)ret);
}

/* It has ended when this is over: tryjoin shall see it. */
static void run_end_other(struct job *j)
{
	struct other *o = &others[j->n[0]];

	if (j->n[1])
		sem_post(&o->may_end);
	else
		pthread_cancel(o->thread);
	nap(5);
}

#endif
