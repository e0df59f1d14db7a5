/* core_test.h - for the programs about core. Each has a table of tests; one that pins a rule of greenlet-semantics.md
 * names its number, others say 0. Without arguments all run; names as arguments: those; `--rules` prints the numbers.
 * The first failure ends the process, from whatever stack: file:line, what was compared, both values. */
#ifndef CORE_TEST_H
#define CORE_TEST_H

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "greenlet.h"

struct test {
	int rule;
	const char *name;
	void (*run)(void);
};

#define V(n) ((void *)(intptr_t)(n))
#define N(p) ((long)(intptr_t)(p))
#define MS UINT64_C(1000000)
#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#ifdef __SANITIZE_ADDRESS__
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

static inline void fail(const char *file, int line, const char *what, const char *format, ...)
	__attribute__((noreturn, format(printf, 4, 5)));
static inline void fail(const char *file, int line, const char *what, const char *format, ...)
{
	va_list args;

	fflush(stdout);
	dprintf(2, "%s:%d: %s: ", file, line, what);
	va_start(args, format);
	vdprintf(2, format, args);
	va_end(args);
	dprintf(2, "\n");
	_exit(1);
}

/* Integers and pointers. */
#define EQ(a, b)                                                                          \
	do {                                                                              \
		long eq_a_ = N(a), eq_b_ = N(b);                                          \
		if (eq_a_ != eq_b_)                                                       \
			fail(__FILE__, __LINE__, #a " == " #b, "%ld, %ld", eq_a_, eq_b_); \
	} while (0)
#define STR_EQ(a, b)                                                                              \
	do {                                                                                      \
		const char *str_a_ = (a), *str_b_ = (b);                                          \
		if (strcmp(str_a_, str_b_))                                                       \
			fail(__FILE__, __LINE__, #a " is " #b, "\"%s\", \"%s\"", str_a_, str_b_); \
	} while (0)
#define HAS(text, part)                                                                                  \
	do {                                                                                             \
		const char *has_a_ = (text), *has_b_ = (part);                                           \
		if (!strstr(has_a_, has_b_))                                                             \
			fail(__FILE__, __LINE__, #text " has " #part, "\"%s\", \"%s\"", has_a_, has_b_); \
	} while (0)
/* An exception of the type has arrived, and no other; takes it. */
#define CAUGHT(call, type_, value_)                        \
	do {                                               \
		void *caught_;                             \
		EQ(call, GREENLET_THROWN);                 \
		EQ(greenlet_pending().type, type_);        \
		EQ(greenlet_catch(type_, &caught_), true); \
		EQ(caught_, value_);                       \
	} while (0)

/* What happened, in order: compared as one string. */
static char story[512];

static inline void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline void tell(const char *format, ...)
{
	size_t used = strlen(story);
	va_list args;

	va_start(args, format);
	vsnprintf(story + used, sizeof(story) - used, format, args);
	va_end(args);
}

#define TOLD(expected)                   \
	do {                             \
		STR_EQ(story, expected); \
		story[0] = '\0';         \
	} while (0)

static inline uint64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* How a child process ended that ran fn, and what it wrote to stderr. */
struct outcome {
	int status;
	char text[4096];
};

static inline struct outcome in_child(void (*fn)(void))
{
	struct outcome o;
	size_t used = 0;
	int ends[2];
	pid_t pid;
	ssize_t n;

	memset(&o, 0, sizeof(o));
	EQ(pipe(ends), 0);
	fflush(stdout);
	pid = fork();
	if (!pid) {
		struct rlimit none = {0, 0};

		setrlimit(RLIMIT_CORE, &none);
		dup2(ends[1], 2);
		close(ends[0]);
		close(ends[1]);
		fn();
		exit(0);
	}
	close(ends[1]);
	while ((n = read(ends[0], o.text + used, sizeof(o.text) - 1 - used)) > 0)
		used += (size_t)n;
	close(ends[0]);
	EQ(waitpid(pid, &o.status, 0), pid);
	return o;
}

/* AddressSanitizer may stop it first: it notices a foreign stack too. */
#define ABORTS(fn, message)                                                                      \
	do {                                                                                     \
		struct outcome aborts_ = in_child(fn);                                           \
		HAS(aborts_.text, message);                                                      \
		if (!SANITIZED || WIFSIGNALED(aborts_.status))                                   \
			EQ(WIFSIGNALED(aborts_.status) ? WTERMSIG(aborts_.status) : 0, SIGABRT); \
		EQ(aborts_.status == 0, false);                                                  \
	} while (0)

/* Under qemu-user, which takes any advice of madvise for granted: stacks have no guard there. */
static inline bool emulated(void)
{
	static char page[8192];
	long size = sysconf(_SC_PAGESIZE);

	return madvise((void *)((uintptr_t)(page + size - 1) & -(uintptr_t)size), 1, 9999) == 0;
}

/* Sleepers whose order counts must begin within less than what lies between their ends: else, on a machine that is busy,
 * they are to be spawned again. */
static inline bool begin_sleepers(greenlet_t *g, const int *ms, size_t n, greenlet_run *run)
{
	uint64_t begin = clock_ms();

	for (size_t i = 0; i < n; i++)
		g[i] = greenlet_spawn(run, V(ms[i]));
	EQ(greenlet_sleep(0), 0);
	if (clock_ms() - begin < 5)
		return true;
	EQ(greenlet_killall(g, n, GREENLET_FOREVER), 0);
	for (size_t i = 0; i < n; i++)
		greenlet_unref(g[i]);
	story[0] = '\0';
	return false;
}

/* In an OS thread of its own, which has ended when this returns. */
static inline void *in_thread(void *(*fn)(void *), void *arg)
{
	pthread_t thread;
	void *result;

	EQ(pthread_create(&thread, NULL, fn, arg), 0);
	EQ(pthread_join(thread, &result), 0);
	return result;
}

static inline bool wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], name))
			return true;
	return argc < 2;
}

static inline int run_tests(const struct test *tests, size_t count, int argc, char **argv)
{
	bool list = argc == 2 && !strcmp(argv[1], "--rules");

	for (size_t i = 0; i < count; i++) {
		const struct test *t = &tests[i];

		if (list && t->rule) {
			printf("%d\n", t->rule);
		} else if (!list && wanted(t->name, argc, argv)) {
			printf("%s\n", t->name);
			fflush(stdout);
			story[0] = '\0';
			t->run();
		}
	}
	return 0;
}

#define TESTS(...)                                                 \
	int main(int argc, char **argv)                            \
	{                                                          \
		static const struct test tests[] = {__VA_ARGS__};  \
                                                                   \
		return run_tests(tests, COUNT(tests), argc, argv); \
	}

#endif
