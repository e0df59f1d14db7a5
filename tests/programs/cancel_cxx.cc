// Cancellation and pthread_exit in C++: each unwinds by force through the frames of waits, with destructors, handlers of C,
// catch (...) that passes it on, thread_local objects; deferred at each kind of wait, and asynchronous.
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <mutex>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdexcept>
#include <string>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <time.h>
#include <unistd.h>

#include <cxxabi.h>

static std::string *trail;
static pthread_mutex_t trail_mutex = PTHREAD_MUTEX_INITIALIZER;

static void note(const char *what)
{
	pthread_mutex_lock(&trail_mutex);
	*trail += what;
	pthread_mutex_unlock(&trail_mutex);
}

struct Guard {
	explicit Guard(const char *name) : name(name)
	{
	}
	~Guard()
	{
		note(name);
		note(std::uncaught_exceptions() ? "! " : " ");
	}
	const char *name;
};

static void in_c(void *arg)
{
	note((const char *)arg);
	note(" ");
}

static thread_local Guard local("local");

static int fds[2], event;
static sem_t sem;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static std::mutex cxx_mutex;
static std::condition_variable cxx_cond;
static pid_t child;

static void by_read()
{
	char c;
	if (read(fds[0], &c, 1) < 0)
		note("error ");
}

static void by_poll()
{
	struct pollfd p = {fds[0], POLLIN, 0};
	poll(&p, 1, -1);
}

static void by_select()
{
	fd_set set;
	FD_ZERO(&set);
	FD_SET(fds[0], &set);
	select(fds[0] + 1, &set, nullptr, nullptr, nullptr);
}

static void by_recv()
{
	char c;
	recv(fds[0], &c, 1, 0);
}

static void by_eventfd()
{
	eventfd_t value;
	eventfd_read(event, &value);
}

static void by_sem()
{
	sem_wait(&sem);
}

static void by_cond()
{
	pthread_mutex_lock(&mutex);
	struct Unlock {
		~Unlock()
		{
			note(pthread_mutex_unlock(&mutex) ? "unlocked? " : "unlocked ");
		}
	} unlock;
	for (;;)
		pthread_cond_wait(&cond, &mutex);
}

// condition_variable::wait is noexcept in this library: unwinding out of it would end the program. Its waits with a
// deadline are not.
static void by_cxx_cond()
{
	std::unique_lock lock(cxx_mutex);
	for (;;)
		cxx_cond.wait_for(lock, std::chrono::seconds(100));
}

static void by_sleep()
{
	std::this_thread::sleep_for(std::chrono::seconds(100));
}

static void by_pause()
{
	pause();
}

static void by_sigwait()
{
	sigset_t set;
	int sig;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigwait(&set, &sig);
}

static void by_wait()
{
	waitpid(child, nullptr, 0);
}

static void by_join()
{
	pthread_t t;
	pthread_create(
		&t, nullptr, [](void *arg) -> void * { return pause(), arg; }, nullptr);
	struct End {
		pthread_t t;
		~End()
		{
			pthread_cancel(t);
			pthread_join(t, nullptr);
		}
	} end{t};
	pthread_join(t, nullptr);
}

static void by_testcancel()
{
	for (;;) {
		pthread_testcancel();
		std::this_thread::yield();
	}
}

static void by_stdio()
{
	FILE *f = fdopen(dup(fds[0]), "r");
	char line[10];
	if (fgets(line, sizeof(line), f))
		note("line ");
}

static void by_exit()
{
	pthread_exit((void *)42);
}

// Exits while an exception is handled.
static void by_exit_in_catch()
{
	try {
		throw std::runtime_error("on the way");
	} catch (const std::exception &) {
		Guard g("in-catch");
		pthread_exit((void *)43);
	}
}

static void by_spinning()
{
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, nullptr);
	for (volatile unsigned n = 0;; n = n + 1)
		;
}

static const struct way {
	const char *name;
	void (*call)();
} ways[] = {
	{"read", by_read},
	{"poll", by_poll},
	{"select", by_select},
	{"recv", by_recv},
	{"eventfd", by_eventfd},
	{"sem", by_sem},
	{"cond", by_cond},
	{"C++ cond", by_cxx_cond},
	{"sleep", by_sleep},
	{"pause", by_pause},
	{"sigwait", by_sigwait},
	{"wait", by_wait},
	{"join", by_join},
	{"testcancel", by_testcancel},
	{"stdio", by_stdio},
	{"exit", by_exit},
	{"exit in catch", by_exit_in_catch},
	{"spinning", by_spinning},
};

static void deep(const way *w, int depth)
{
	Guard g(depth == 2 ? "two" : depth == 1 ? "one" : "none");

	if (depth) {
		try {
			deep(w, depth - 1);
		} catch (const std::exception &) {
			note("WRONG ");
		} catch (...) {
			note("caught ");
			throw;
		}
		return;
	}
	pthread_cleanup_push(in_c, (void *)"C");
	w->call();
	pthread_cleanup_pop(1);
}

static void *run(void *arg)
{
	const way *w = (const way *)arg;

	local.name = "local";
	try {
		deep(w, 2);
	} catch (abi::__forced_unwind &) {
		note("forced ");
		throw;
	}
	return nullptr;
}

// A thread that waits in a destructor while it is unwound.
struct Waits {
	~Waits()
	{
		sem_t one;

		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, nullptr);
		std::this_thread::sleep_for(std::chrono::milliseconds(3));
		sem_init(&one, 0, 1);
		sem_wait(&one);
		try {
			throw 7;
		} catch (int n) {
			std::this_thread::yield();
			note(n == 7 ? "seven " : "WRONG ");
		}
	}
};

static void *waits_while_unwound(void *arg)
{
	Waits w;

	pause();
	return arg;
}

static long finish(pthread_t t)
{
	void *result;

	pthread_join(t, &result);
	return (long)result;
}

static void unwound_while_waiting()
{
	pthread_t t[20];
	int canceled = 0;

	trail->clear();
	for (auto &each : t)
		pthread_create(&each, nullptr, waits_while_unwound, nullptr);
	usleep(20000);
	for (auto &each : t)
		pthread_cancel(each);
	for (auto &each : t)
		canceled += finish(each) == -1;
	printf("many at once: %d, %zu\n", canceled, trail->length());
}

int main()
{
	pthread_t t;

	setvbuf(stdout, nullptr, _IOLBF, 0);
	trail = new std::string;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds))
		return 1;
	event = eventfd(0, 0);
	sem_init(&sem, 0, 0);
	child = fork();
	if (!child) {
		pause();
		_exit(0);
	}
	for (const auto &w : ways) {
		trail->clear();
		pthread_create(&t, nullptr, run, (void *)&w);
		usleep(20000);
		pthread_cancel(t);
		long result = finish(t);
		printf("%s: %ld, %s\n", w.name, result, trail->c_str());
	}
	kill(child, SIGKILL);
	waitpid(child, nullptr, 0);
	unwound_while_waiting();
	// main ends as a thread: its destructors, then the others, then the process's.
	static Guard at_exit("static");
	atexit([] { printf("at exit: %s\n", trail->c_str()); });
	trail->clear();
	pthread_create(
		&t, nullptr,
		[](void *arg) -> void * {
			printf("main: %ld\n", finish(*(pthread_t *)arg));
			return nullptr;
		},
		new pthread_t(pthread_self()));
	pthread_detach(t);
	Guard here("main");
	pthread_exit((void *)9);
}
