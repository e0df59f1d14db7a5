/* every_wait.h - for the programs with a table of calls that wait: each row is tried in each of the ways below, all rows
 * at the same time. A row's call takes one of something that is not there; give() provides one. */
#ifndef EVERY_WAIT_H
#define EVERY_WAIT_H

#include <fcntl.h>
#include <sys/wait.h>

#include "tasks.h"
#include "thread_test.h"

#define LENGTH(array) ((int)(sizeof(array) / sizeof(*(array))))
#define MANY 5
#define LONG_MS 100000

enum {
	ALL = 1,    /* one gift is enough for all who wait */
	SINGLE = 2, /* no more than one thread can wait for the same */
	TORN = 4,   /* asynchronous cancellation would leave the object unusable, by POSIX */
};

struct row {
	const char *name;
	void (*make)(struct row *); /* before each way, with all below `flags` zero */
	long (*call)(struct row *);
	void (*give)(struct row *);
	int flags, fd[2];
	void *object;
	void (*drop)(struct row *); /* takes back what make has made, but for the descriptors */
	pid_t pid;
	pthread_t thread;
};

#define ROW(n, m, c, g, f)                                                       \
	{                                                                        \
		.name = (n), .make = (m), .call = (c), .give = (g), .flags = (f) \
	}

enum way { GIVEN, HANDLER, SIGNALLED, RESTARTED, CANCELLED, ASYNCHRONOUS, PENDING, WITH_OTHERS };

static const char *const way_names[] = {
	"given",
	"in a handler",
	"signal",
	"signal, SA_RESTART",
	"cancelled",
	"cancelled asynchronously",
	"cancelled before",
	"many",
};

struct waiter {
	struct row *row;
	enum way way;
	bool started, ended, canceled, skipped;
	char result[32];
	pthread_t thread;
};

static pthread_barrier_t cancels_made;
static _Thread_local struct waiter *mine;

static void note_result(struct waiter *w)
{
	snprintf(w->result, sizeof(w->result), "%s", outcome(w->row->call(w->row)));
}

static void on_usr2(int sig)
{
	(void)sig;
	note_result(mine);
}

static void wait_ended(void *arg)
{
	__atomic_store_n(&((struct waiter *)arg)->ended, true, __ATOMIC_SEQ_CST);
}

static void *wait_one(void *arg)
{
	struct waiter *w = mine = arg;
	int old;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	pthread_cleanup_push(wait_ended, w);
	if (w->way == PENDING)
		pthread_barrier_wait(&cancels_made);
	if (w->way == ASYNCHRONOUS)
		pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old);
	__atomic_store_n(&w->started, true, __ATOMIC_SEQ_CST);
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
	if (w->way == HANDLER)
		pthread_kill(pthread_self(), SIGUSR2);
	else
		note_result(w);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	pthread_cleanup_pop(1);
	return NULL;
}

/* Until every other thread waits, or has ended. */
static void all_wait(void)
{
	do
		nap(30);
	while (any_busy());
}

static void forget(struct row *r)
{
	for (int i = 0; i < 2; i++) {
		if (r->fd[i] > 0)
			close(r->fd[i]);
		r->fd[i] = 0;
	}
	if (r->drop)
		r->drop(r);
	r->object = NULL;
	r->drop = NULL;
}

static void make_row(struct row *r, enum way way, struct waiter *w, int n)
{
	r->make(r);
	for (int i = 0; i < n; i++) {
		w[i] = (struct waiter){.row = r, .way = way};
		w[i].skipped = (way == ASYNCHRONOUS && (r->flags & TORN)) || (i && (r->flags & SINGLE));
	}
}

/* What the way does to a thread once it waits. */
static void disturb(struct waiter *w)
{
	if (w->skipped)
		return;
	if (w->way == SIGNALLED || w->way == RESTARTED)
		pthread_kill(w->thread, SIGUSR1);
	if (w->way == CANCELLED || w->way == ASYNCHRONOUS || w->way == PENDING)
		pthread_cancel(w->thread);
}

static void release(struct waiter *w, int n)
{
	struct row *r = w->row;
	int waiting = 0;

	/* Counted before the first gift: whoever got one has ended. */
	for (int i = 0; i < n; i++)
		waiting += !w[i].skipped && !__atomic_load_n(&w[i].ended, __ATOMIC_SEQ_CST);
	/* What holds a lock for all lets go of it even when nobody waits any more. */
	if (r->flags & ALL)
		waiting = 1;
	while (waiting--)
		r->give(r);
}

static void report(struct waiter *w, int n)
{
	void *result;

	fflush(stdout);
	printf("%s:", w->row->name);
	for (int i = 0; i < n; i++) {
		if (w[i].skipped)
			continue;
		pthread_join(w[i].thread, &result);
		printf(" %s", result == PTHREAD_CANCELED ? "canceled" : w[i].result);
	}
	puts("");
}

static void one_way(struct row *rows, int n, enum way way)
{
	int each = way == WITH_OTHERS ? MANY : 1, total = n * each;
	struct waiter *w = calloc((size_t)total, sizeof(*w));
	unsigned started = 0;

	printf("-- %s\n", way_names[way]);
	handle(SIGUSR1, way == RESTARTED ? SA_RESTART : 0);
	for (int i = 0; i < n; i++)
		make_row(&rows[i], way, &w[i * each], each);
	for (int i = 0; i < total; i++)
		started += !w[i].skipped;
	pthread_barrier_init(&cancels_made, NULL, started + 1);
	for (int i = 0; i < total; i++) {
		if (!w[i].skipped)
			w[i].thread = w[i].row->thread = go(wait_one, &w[i]);
	}
	if (way == PENDING) {
		for (int i = 0; i < total; i++)
			disturb(&w[i]);
		pthread_barrier_wait(&cancels_made);
	}
	for (int i = 0; i < total; i++) {
		while (!w[i].skipped && !__atomic_load_n(&w[i].started, __ATOMIC_SEQ_CST))
			nap(1);
	}
	all_wait();
	for (int i = 0; i < total && way != PENDING; i++)
		disturb(&w[i]);
	if (way != GIVEN)
		all_wait();
	for (int i = 0; i < n; i++)
		release(&w[i * each], each);
	for (int i = 0; i < n; i++) {
		report(&w[i * each], each);
		forget(&rows[i]);
	}
	pthread_barrier_destroy(&cancels_made);
	free(w);
}

static struct row *table;
static int table_length;

/* A child of a thread that is not the main one, with everything made anew. */
static void *in_a_child(void *arg)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		printf("-- in a child\n");
		one_way(table, table_length, GIVEN);
		fflush(stdout);
		_exit(7);
	}
	waitpid(pid, &status, 0);
	printf("the child: %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -status);
	return arg;
}

static void every_way(struct row *rows, int n)
{
	struct sigaction act = {.sa_handler = on_usr2};

	table = rows;
	table_length = n;
	sigaction(SIGUSR2, &act, NULL);
	for (enum way way = GIVEN; way <= WITH_OTHERS; way++)
		one_way(rows, n, way);
	done(go(in_a_child, NULL));
}

#endif
