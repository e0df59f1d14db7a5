/* daemon(), and the double fork of old, before and after threads are made, from main and from another thread; the daemon
 * has threads of its own; signal by a process id file; a new session; syslog. */
#include <fcntl.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "thread_test.h"

static int report[2];
static _Thread_local int own = 5;

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...)
{
	char text[256];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (write(report[1], text, (size_t)n) != n)
		abort();
}

static void *parked(void *arg)
{
	pause();
	return arg;
}

static int work[2];

static void *serves(void *arg)
{
	char byte;
	long n = 0;

	while (read(work[0], &byte, 1) == 1)
		n += byte;
	(void)arg;
	return (void *)n;
}

/* A daemon's signal thread: all else blocks everything. */
static void *waits_for_term(void *arg)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	do {
		sigwait(&set, &sig);
		say(" got %s", sigabbrev_np(sig));
	} while (sig != SIGTERM);
	return arg;
}

static void live(void)
{
	pthread_t t[3], s;
	sigset_t all;
	long sum = 0;

	if (pipe(work))
		abort();
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	for (int i = 0; i < 3; i++)
		t[i] = go(serves, NULL);
	s = go(waits_for_term, NULL);
	for (int i = 0; i < 10; i++) {
		if (write(work[1], "\1", 1) != 1)
			abort();
		nap(1);
	}
	close(work[1]);
	for (int i = 0; i < 3; i++)
		sum += done(t[i]);
	say(" sum %ld, own %d, first %d, cwd %d, session %d", sum, own, getpid() == gettid(),
	    !strcmp(getcwd((char[64]){0}, 64), "/"), getsid(0) != getppid());
	kill(getpid(), SIGHUP);
	nap(20);
	kill(getpid(), SIGTERM);
	done(s);
	say(" ends.");
	_exit(0);
}

static void by_daemon(void)
{
	if (daemon(0, 0))
		say(" failed");
	say(" terminal %d", isatty(0));
	live();
}

static void by_two_forks(void)
{
	pid_t pid = fork();

	if (pid < 0 || pid)
		_exit(pid < 0);
	setsid();
	pid = fork();
	if (pid)
		_exit(0);
	if (chdir("/"))
		say(" chdir");
	umask(0);
	for (int fd = 0; fd < 3; fd++)
		close(fd);
	open("/dev/null", O_RDWR);
	live();
}

static void *in_thread(void *arg)
{
	own = 6;
	((void (*)(void))arg)();
	return NULL;
}

static void with_threads(void (*way)(void), bool by_thread)
{
	for (int i = 0; i < 3; i++)
		go(parked, NULL);
	settle();
	if (by_thread)
		done(go(in_thread, (void *)way));
	way();
}

static void run(const char *what, void (*way)(void), int threads)
{
	char text[512];
	size_t used = 0;
	pid_t pid;
	ssize_t n;

	printf("%s:", what);
	fflush(stdout);
	if (pipe(report))
		abort();
	pid = fork();
	if (!pid) {
		close(report[0]);
		if (threads)
			with_threads(way, threads > 1);
		way();
	}
	close(report[1]);
	waitpid(pid, NULL, 0);
	while (used < sizeof(text) && (n = read(report[0], text + used, sizeof(text) - used)) > 0)
		used += (size_t)n;
	close(report[0]);
	printf("%.*s\n", (int)used, text);
}

int main(void)
{
	done(go(serves, NULL)); /* nothing to read from: it ends */
	run("daemon", by_daemon, 0);
	run("two forks", by_two_forks, 0);
	run("daemon after threads", by_daemon, 1);
	run("two forks after threads", by_two_forks, 1);
	run("daemon by a thread", by_daemon, 2);
	run("two forks by a thread", by_two_forks, 2);
	return 0;
}
