/* greenlet_offload.c - a pool of OS threads for what cannot be polled. Made at need, ended when idle for a while. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "greenlet_hub.h"

#define IDLE_SECONDS 10

/* Lives on the waiting greenlet's stack: it does not leave before the job is done. */
struct job {
	struct job *next;
	void *(*fn)(void *arg);
	void *arg, *result;
	struct greenlet_hub *hub;
	struct fiber *fiber;
	struct callback done;
	bool finished;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static struct job *first, **last = &first;
static unsigned limit = 10, workers, idle, queued;

void greenlet_offload_limit(unsigned threads)
{
	pthread_mutex_lock(&lock);
	limit = threads ? threads : 1;
	pthread_cond_broadcast(&more); /* some may have to end */
	pthread_mutex_unlock(&lock);
}

/* In the hub. */
static void job_done(void *arg)
{
	struct job *j = arg;

	j->finished = true;
	hub_hold(&j->hub->hub, -1);
	hub_wake(j->fiber, 0);
}

/* Under the lock. NULL: nothing came for a while, or there are too many workers. */
static struct job *next_job(void)
{
	struct timespec until;
	struct job *j;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += IDLE_SECONDS;
	idle++;
	while (!first && workers <= limit)
		if (pthread_cond_timedwait(&more, &lock, &until) == ETIMEDOUT)
			break;
	idle--;
	if (workers > limit) {
		pthread_cond_signal(&more); /* it may have been for a job */
		return NULL;
	}
	j = first;
	if (j) {
		queued--;
		first = j->next;
		if (!first)
			last = &first;
	}
	return j;
}

static void *work(void *arg)
{
	struct job *j;

	pthread_mutex_lock(&lock);
	while ((j = next_job())) {
		pthread_mutex_unlock(&lock);
		j->result = j->fn(j->arg);
		hub_post(j->hub, &j->done);
		pthread_mutex_lock(&lock);
	}
	workers--;
	pthread_mutex_unlock(&lock);
	return arg;
}

/* Under the lock. Signals are for the program's own threads. */
static int add_worker(void)
{
	pthread_attr_t attr;
	sigset_t all, old;
	pthread_t thread;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	err = pthread_create(&thread, &attr, work, NULL);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (!err)
		workers++;
	return workers ? 0 : -err;
}

static void in_child(void)
{
	pthread_mutex_init(&lock, NULL);
	pthread_cond_init(&more, NULL);
	first = NULL;
	last = &first;
	workers = idle = queued = 0;
}

static void init(void)
{
	pthread_atfork(NULL, NULL, in_child);
}

static int submit(struct job *j)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int err = 0;

	pthread_once(&once, init);
	pthread_mutex_lock(&lock);
	if (queued >= idle && workers < limit)
		err = add_worker();
	if (!err) {
		*last = j;
		last = &j->next;
		queued++;
		pthread_cond_signal(&more);
	}
	pthread_mutex_unlock(&lock);
	return err;
}

int greenlet_offload(void *(*fn)(void *arg), void *arg, void **out)
{
	struct thread_state *t = thread_state();
	struct job j = {.fn = fn, .arg = arg, .hub = hub_of(t), .fiber = &t->current->fiber};
	int ret = 0, err;

	if (t->current->is_hub)
		return -EDEADLK;
	if (!j.hub)
		return -ENOMEM;
	j.done = (struct callback){NULL, job_done, &j};
	err = submit(&j);
	if (err)
		return err;
	hub_hold(&j.hub->hub, 1);
	while (!j.finished) { /* an exception waits for it: the job uses this stack */
		err = greenlet_block("an offloaded call", DEADLINE_NEVER);
		ret = err < 0 ? err : ret;
	}
	if (!ret && out)
		*out = j.result;
	return ret;
}
