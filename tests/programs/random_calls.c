/* Random calls by several threads on what they share: random_calls [SEED [STEPS]]. The main thread asks one worker after
 * another for a call, and goes on when that has returned or is seen to wait; what wakes it, as data, an end, a signal or
 * a cancellation, is drawn too. The seed decides everything that is asked, the kernel what comes of it. PATIENCE in the
 * environment: milliseconds in which nothing may happen before what still waits is believed to wait. */
#include "random_processes.h"
#include "tasks.h"

static const struct op transfer_ops[] = {TRANSFERS};

static const struct op descriptor_ops[] = {
	{"poll", draw_poll, run_poll},
	{"ppoll", draw_poll, run_ppoll},
	{"pselect", draw_poll, run_select},
	{"epoll_ctl", draw_control, run_control},
	{"epoll_ctl", draw_control, run_control},
	{"epoll_pwait", draw_epoll, run_epoll_pwait},
	{"epoll_pwait2", draw_epoll, run_epoll_pwait2},
	{"close", draw_close, run_close},
	{"close", draw_close, run_close},
	{"dup", draw_dup, run_nothing},
	{"dup2", draw_dup2, run_dup2},
	{"make", draw_make, run_nothing},
	{"make", draw_make, run_nothing},
	{"make", draw_make, run_nothing},
	{"nonblock", draw_one, run_nonblock},
	{"FIONREAD", draw_one, run_pending},
	{"shutdown", draw_one, run_shutdown},
	{"timeout", draw_timeout, run_timeout},
	{"timerfd_settime", draw_timer, run_timer},
	{"add", draw_event, run_event},
	{"add", draw_event, run_event},
	{"accept", draw_accept, run_accept},
	{"connect", draw_connect, run_connect},
	{"open", draw_open, run_open},
	{"name", draw_name, run_name},
};

static const struct op lock_ops[] = {
	{"mutex_lock", draw_mutex, run_lock},
	{"mutex_lock", draw_mutex, run_lock},
	{"mutex_trylock", draw_mutex, run_trylock},
	{"mutex_unlock", draw_mutex, run_unlock},
	{"mutex_unlock", draw_mutex, run_unlock},
	{"mutex_timedlock", draw_timedlock, run_timedlock},
	{"cond_wait", draw_cond_wait, run_cond_wait},
	{"cond_wake", draw_meeting, run_cond_wake},
	{"sem_wait", draw_sem, run_sem_wait},
	{"sem_timedwait", draw_sem_until, run_sem_timedwait},
	{"sem_trywait", draw_sem, run_sem_trywait},
	{"sem_post", draw_sem, run_sem_post},
	{"barrier_wait", draw_may, run_barrier},
	{"rdlock", draw_may, run_rdlock},
	{"tryrdlock", draw_may, run_tryrdlock},
	{"wrlock", draw_wrlock, run_wrlock},
	{"rwlock_unlock", draw_may, run_rwunlock},
	{"futex wait", draw_futex_wait, run_futex_wait},
	{"futex wait", draw_futex_wait, run_futex_wait},
	{"futex wake", draw_futex_wake, run_futex_wake},
};

static const struct op ipc_ops[] = {
	{"semop", draw_semop, run_semop},     {"semop", draw_semop, run_semop},
	{"msgsnd", draw_message, run_msgsnd}, {"msgrcv", draw_message, run_msgrcv},
	{"mq_send", draw_queue, run_mq_send}, {"mq_receive", draw_queue, run_mq_receive},
	{"flock", draw_flock, run_flock},     {"setlk", draw_setlk, run_setlk},
};

static const struct op process_ops[] = {
	{"fork", draw_fork, run_fork},
	{"wait", draw_wait, run_wait},
	{"wait", draw_wait, run_wait},
	{"end child", draw_end_child, run_end_child},
	{"sigwait", draw_sigwait, run_sigwait},
	{"sigwait", draw_sigwait, run_sigwait},
	{"sigsuspend", draw_suspend, run_suspend},
	{"pause", draw_may, run_pause},
	{"send signal", draw_send_signal, run_send_signal},
	{"send signal", draw_send_signal, run_send_signal},
	{"sigmask", draw_set_mask, run_set_mask},
	{"sleep", draw_sleep, run_sleep},
	{"create", draw_create, run_create},
	{"join", draw_join, run_join},
	{"end thread", draw_other, run_end_other},
};

static const struct group {
	const struct op *ops;
	long n;
} groups[] = {
	{transfer_ops, LENGTH(transfer_ops)}, {descriptor_ops, LENGTH(descriptor_ops)}, {lock_ops, LENGTH(lock_ops)},
	{ipc_ops, LENGTH(ipc_ops)},	      {process_ops, LENGTH(process_ops)},
};

static int steps, now, patience, only = -1; /* the group that a seed draws most from */

/* ---- workers ---- */

static void on_signal(int sig)
{
	(void)sig;
	if (me)
		me->handled++;
}

static void died(void *arg)
{
	(void)arg;
	me->dead = true;
}

static void *work(void *arg)
{
	sigset_t set;

	me = arg;
	pthread_cleanup_push(died, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	for (;;) {
		while (sem_wait(&me->go))
			;
		me->state = BEGUN;
		me->job.op->run(&me->job);
		me->state = DONE;
	}
	pthread_cleanup_pop(0);
	return NULL;
}

static void hire(struct worker *w)
{
	w->canceled = w->dead = false;
	w->held[0] = w->held[1] = w->handled = w->shown = 0;
	sem_init(&w->go, 0, 0);
	w->thread = go(work, w);
}

/* ---- the driver ---- */

static long state_of_all(void)
{
	long sum = 0;

	for (int i = 0; i < n_workers; i++)
		sum += workers[i].state + 10 * workers[i].handled + 5 * workers[i].dead;
	return sum;
}

/* Until nothing happens any more. */
static void settle(void)
{
	long seen = state_of_all(), then;

	for (int quiet = 0; quiet < patience; seen = then) {
		nap(1);
		then = state_of_all();
		quiet = then == seen ? quiet + 1 : 0;
		if (quiet == patience && any_busy())
			quiet = 0;
	}
}

static void stuck(const struct worker *w)
{
	printf("STUCK: thread %d: %s%s\n", (int)(w - workers), w->job.op->name, w->job.text);
	drop_others();
	fflush(stdout);
	_exit(3);
}

static void await_return(struct worker *w)
{
	for (int i = 0; (w->state == ASKED || (w->state == BEGUN && w->job.waits != MAY)) && !w->dead; i++) {
		usleep(i < 20 ? 20 : 1000);
		if (i > 20000)
			stuck(w);
	}
}

static void await_death(struct worker *w)
{
	for (int i = 0; !w->dead; i++) {
		nap(1);
		if (i > 20000)
			stuck(w);
	}
	done(w->thread);
	printf("   thread %d is dead\n", (int)(w - workers));
	hire(w);
}

static void collect(struct worker *w)
{
	if (w->waiting && (w->state == DONE || w->dead)) {
		printf("%s%d: thread %d: %s%s%s\n", w->asked < now ? "   " : "", w->asked, (int)(w - workers),
		       w->job.op->name, w->job.text, w->state == DONE ? "" : " canceled");
		mark(&w->job, -1);
		w->waiting = false;
		w->state = IDLE;
	}
	if (w->canceled && !w->waiting)
		await_death(w);
	if (w->handled != w->shown)
		printf("   thread %d handled %d\n", (int)(w - workers), w->handled);
	w->shown = w->handled;
}

static void collect_all(void)
{
	for (int i = 0; i < n_workers; i++)
		collect(&workers[i]);
}

static bool anybody_waits(void)
{
	for (int i = 0; i < n_workers; i++)
		if (workers[i].waiting)
			return true;
	return false;
}

/* What may wake somebody: the other end of what is waited for. */
static void choose_focus(void)
{
	struct worker *w = &workers[pick(n_workers)];

	focus = NULL;
	if (w->waiting && w->job.n_ends && w->job.end[0].file != &nothing)
		focus = one_in(4) ? w->job.end[0].file : w->job.end[0].file->peer;
}

static bool draw(struct job *j, struct worker *w)
{
	const struct group *g = &groups[one_in(3) || only < 0 ? pick(LENGTH(groups)) : only];

	memset(j, 0, sizeof(*j));
	j->buffer = w->memory;
	j->op = &g->ops[pick(g->n)];
	if (!j->op->draw(j))
		return false;
	j->drawn = (int)strlen(j->text);
	return true;
}

/* A terminal's bytes go from end to end by a task of the kernel's. */
static bool touches_tty(const struct job *j)
{
	for (int i = 0; i < j->n_ends; i++)
		if (!strcmp(j->end[i].file->kind, "tty"))
			return true;
	return false;
}

static void ask(int n, struct worker *w)
{
	struct job *j = &w->job;

	for (int tries = 0; !draw(j, w); tries++)
		if (tries == 100)
			return;
	mark(j, 1);
	w->asked = n;
	w->waiting = true;
	w->state = ASKED;
	sem_post(&w->go);
	await_return(w);
	if (j->waits == MAY || anybody_waits())
		settle();
	if (touches_tty(j)) {
		nap(5);
		settle();
	}
	if (w->state == BEGUN)
		printf("%d: thread %d: %s%.*s waits\n", n, (int)(w - workers), j->op->name, j->drawn, j->text);
}

static void disturb(int n, struct worker *w)
{
	int sig = one_in(2) ? SIGUSR1 : SIGUSR2;

	if (one_in(4)) {
		printf("%d: cancel %d: %s\n", n, (int)(w - workers), strerrorname_np(pthread_cancel(w->thread)) ?: "0");
		w->canceled = true;
	} else {
		printf("%d: signal %d to %d: %d\n", n, sig, (int)(w - workers), pthread_kill(w->thread, sig));
	}
	settle();
}

static void step(int n)
{
	struct worker *w = &workers[pick(n_workers)];

	now = n;
	choose_focus();
	if (w->waiting ? one_in(2) : one_in(50))
		disturb(n, w);
	else if (!w->waiting)
		ask(n, w);
	collect_all();
}

static void begin(void)
{
	sigset_t set;

	if (!mkdtemp(directory))
		abort();
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	for (int i = 0; i < 3; i++)
		sigaddset(&set, SIGRTMIN + i);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGUSR1, &(struct sigaction){.sa_handler = on_signal}, NULL);
	sigaction(SIGUSR2, &(struct sigaction){.sa_handler = on_signal, .sa_flags = SA_RESTART}, NULL);
	for (int i = 0; i < 3; i++)
		sigaction(SIGRTMIN + i, &(struct sigaction){.sa_handler = on_signal}, NULL);
	make_locks();
	make_others();
	n_workers = 4 + (int)pick(WORKERS - 3);
	only = (int)pick(LENGTH(groups) + 2);
	only = only >= LENGTH(groups) ? one_in(2) : only;
	for (int i = 0; i < n_workers; i++) {
		workers[i].memory = make_memory();
		hire(&workers[i]);
	}
	for (int i = 0; i < 5; i++)
		make_any();
}

static void end(void)
{
	char path[400];
	struct dirent *entry;
	DIR *dir = opendir(directory);

	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		unlink(path);
	}
	rmdir(directory);
	drop_others();
	fflush(stdout);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;

	dice = (seed + 1) * 0x9e3779b97f4a7c15ULL;
	steps = argc > 2 ? atoi(argv[2]) : 60;
	patience = getenv("PATIENCE") ? atoi(getenv("PATIENCE")) : 3;
	setvbuf(stdout, NULL, _IOLBF, 0);
	begin();
	for (int i = 1; i <= steps; i++)
		step(i);
	end();
	_exit(0);
}
