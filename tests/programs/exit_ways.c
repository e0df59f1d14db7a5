/* How a program with threads ends: exit by main or by another thread, with handlers that block, while others are parked, hold
 * locks or exit too; quick_exit, _exit, abort, return, the last pthread_exit; what was printed, and the status. */
#include <fcntl.h>
#include <semaphore.h>
#include <sys/wait.h>

#include "thread_test.h"

static sem_t never, go_on;
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t key;
static int ends[2];

static void say(const char *text)
{
	if (write(1, text, strlen(text)) < 0)
		abort();
}

static void first(void)
{
	say(" first");
}

static void sleeps(void)
{
	nap(5);
	say(" slept");
}

/* Another thread must run for it. */
static void *answers(void *arg)
{
	nap(5);
	if (write(ends[1], "x", 1) != 1)
		say("?");
	return arg;
}

static void asks(void)
{
	pthread_t t = go(answers, NULL);
	char byte;

	if (read(ends[0], &byte, 1) == 1)
		say(" read");
	done(t);
	say(" joined");
}

static void by_status(int status, void *arg)
{
	char text[32];

	snprintf(text, sizeof(text), " status %d %s", status, (char *)arg);
	say(text);
}

static void *parked(void *arg)
{
	sem_wait(&never);
	say(" WOKEN");
	return arg;
}

static void destroyed(void *value)
{
	say(value);
}

static void *locks(void *arg)
{
	pthread_mutex_lock(&held);
	sem_post(&go_on);
	sem_wait(&never);
	return arg;
}

__attribute__((destructor)) static void destructor(void)
{
	say(" destructor");
}

static void *by_exit(void *arg)
{
	pthread_setspecific(key, " KEY");
	exit((int)(long)arg);
}

static void *by_quick_exit(void *arg)
{
	quick_exit((int)(long)arg);
}

static void *by__exit(void *arg)
{
	_exit((int)(long)arg);
}

static void *by_pthread_exit(void *arg)
{
	pthread_setspecific(key, " key");
	pthread_exit(arg);
}

static void *spins(void *arg)
{
	for (;;)
		ticks++;
	return arg;
}

/* Each in a child; its end is the child's. */
static void main_exits(void)
{
	exit(1);
}

static void thread_exits(void)
{
	done(go(by_exit, (void *)2L));
}

static void thread_quits(void)
{
	done(go(by_quick_exit, (void *)3L));
}

static void thread__exits(void)
{
	done(go(by__exit, (void *)4L));
}

static void *joins_main(void *main_thread)
{
	pthread_join(*(pthread_t *)main_thread, NULL);
	say(" joined main");
	return by_pthread_exit(NULL);
}

static void last_exits(void)
{
	static pthread_t self;

	self = pthread_self();
	go(joins_main, &self);
	pthread_setspecific(key, " main's key");
	pthread_exit(NULL);
}

static void exit_beside_spinner(void)
{
	go(spins, NULL);
	nap(20);
	exit(6);
}

static void exits_in_handler(int sig)
{
	(void)sig;
	exit(8);
}

static void handler_exits(void)
{
	signal(SIGUSR1, exits_in_handler);
	pthread_kill(pthread_self(), SIGUSR1);
}

static void canceled_main(void)
{
	pthread_t t = go(by_pthread_exit, NULL);

	done(t);
	pthread_cancel(pthread_self());
	pthread_testcancel();
}

static void killed(void)
{
	kill(getpid(), SIGTERM);
	nap(10000);
}

static void buffered(void)
{
	printf(" buffered");
	done(go(by_exit, (void *)9L));
}

static void quick_and_buffered(void)
{
	printf(" LOST");
	done(go(by_quick_exit, (void *)10L));
}

static const struct way {
	const char *what;
	void (*run)(void);
	bool alone; /* no others are parked: the last one's end is the process's */
} ways[] = {
	{"main exits", main_exits, false},
	{"a thread exits", thread_exits, false},
	{"quick_exit", thread_quits, false},
	{"_exit", thread__exits, false},
	{"the last thread", last_exits, true},
	{"beside one that spins", exit_beside_spinner, false},
	{"a handler", handler_exits, false},
	{"main is canceled", canceled_main, true},
	{"killed", killed, false},
	{"with a buffer", buffered, false},
	{"quick_exit with a buffer", quick_and_buffered, false},
};

static void end(const struct way *w)
{
	alarm(50);
	sem_init(&never, 0, 0);
	sem_init(&go_on, 0, 0);
	pthread_key_create(&key, destroyed);
	atexit(first);
	if (!w->alone) /* a thread that it makes would be the last one */
		atexit(asks);
	on_exit(by_status, "here");
	atexit(sleeps);
	at_quick_exit(first);
	at_quick_exit(sleeps);
	if (pipe(ends))
		abort();
	for (int i = 0; i < 3 && !w->alone; i++)
		go(parked, NULL);
	if (!w->alone) {
		go(locks, NULL);
		sem_wait(&go_on);
	}
	w->run();
	exit(99);
}

int main(void)
{
	int status;

	setvbuf(stdout, NULL, _IOFBF, 4096);
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		pid_t pid;

		say(ways[i].what);
		say(":");
		pid = fork();
		if (!pid)
			end(&ways[i]);
		waitpid(pid, &status, 0);
		dprintf(1, ", %s %d\n", WIFEXITED(status) ? "exit status" : "signal",
			WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	}
	fflush(stdout);
	done(go(by_pthread_exit, NULL));
	_exit(0);
}
