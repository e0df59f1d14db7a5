/* LDLIBS: -lm */
/* Threads: their results, what is each one's own, threads made by threads. */
#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <sys/mman.h>

#include "thread_test.h"

static __thread int own = 7;
static pthread_t main_thread;

static void *result(void *arg)
{
	sched_yield();
	return (void *)((long)arg * 3);
}

static void results(void)
{
	pthread_t t[50];
	long sum = 0;

	for (long i = 0; i < 50; i++)
		t[i] = go(result, (void *)i);
	for (int i = 49; i >= 0; i--)
		sum += done(t[i]);
	printf("sum of results %ld\n", sum);
}

static void *owner(void *arg)
{
	int number = (int)(long)arg;

	own += number;
	errno = number;
	for (int i = 0; i < 20; i++)
		sched_yield();
	if (errno != number || own != 7 + number)
		return (void *)1L;
	close(-1);
	nap(1);
	return (void *)(long)(errno != EBADF);
}

static void owners(void)
{
	pthread_t t[20];
	long wrong = 0;

	errno = ERANGE;
	for (long i = 0; i < 20; i++)
		t[i] = go(owner, (void *)(i + 1));
	for (int i = 0; i < 20; i++)
		wrong += done(t[i]);
	printf("errno and __thread: %ld wrong, main's %d %s\n", wrong, own, strerrorname_np(errno));
}

/* Each makes the next; all are alive at once. */
static void *chain(void *arg)
{
	long depth = (long)arg;

	return depth ? (void *)(1 + done(go(chain, (void *)(depth - 1)))) : NULL;
}

static void *identity(void *arg)
{
	(void)arg;
	printf("self equals self %d, main %d\n", !!pthread_equal(pthread_self(), pthread_self()),
	       !!pthread_equal(pthread_self(), main_thread));
	printf("process id is the process's %d, thread id is not %d\n", getpid() == *(pid_t *)arg,
	       gettid() != getpid());
	return NULL;
}

/* Registers that a switch must keep. */
static void *arithmetic(void *arg)
{
	double x = (double)(long)arg, y = x;
	long n = (long)arg, m = n;

	for (int i = 0; i < 300; i++) {
		y = y * 1.0000001 + sqrt(x + i);
		m = m * 31 + n;
		sched_yield();
	}
	for (int i = 0; i < 300; i++)
		m -= (long)(sqrt(x) * 0);
	return (void *)(m ^ (long)y);
}

static void registers(void)
{
	pthread_t t[8];
	int wrong = 0;
	long alone[8];

	for (long i = 0; i < 8; i++)
		alone[i] = (long)arithmetic((void *)(i + 1));
	for (long i = 0; i < 8; i++)
		t[i] = go(arithmetic, (void *)(i + 1));
	for (int i = 0; i < 8; i++)
		wrong += done(t[i]) != alone[i];
	printf("arithmetic across switches: %d wrong\n", wrong);
}

static void *own_locale(void *arg)
{
	locale_t c = newlocale(LC_ALL_MASK, "C", NULL);
	long wrong = 0;

	uselocale(c);
	for (int i = 0; i < 20; i++) {
		sched_yield();
		wrong += uselocale((locale_t)0) != c || !isalpha('a');
	}
	uselocale(LC_GLOBAL_LOCALE);
	freelocale(c);
	return (void *)(wrong + (long)arg);
}

static void *jumps(void *arg)
{
	jmp_buf at;
	volatile long n = 0;

	setjmp(at);
	sched_yield();
	if (++n < 10)
		longjmp(at, 1);
	return (void *)(n + (long)arg);
}

static void *deep(void *arg)
{
	volatile char frame[4096];
	long depth = (long)arg;

	frame[0] = (char)depth;
	if (!depth) {
		nap(1);
		return NULL;
	}
	deep((void *)(depth - 1));
	return (void *)(long)(frame[0] != (char)depth);
}

int main(void)
{
	pid_t pid = getpid();
	pthread_t t[2];

	setvbuf(stdout, NULL, _IOLBF, 0);
	main_thread = pthread_self();
	results();
	owners();
	printf("a chain of %ld\n", done(go(chain, (void *)100)));
	done(go(identity, &pid));
	registers();
	t[0] = go(own_locale, NULL), t[1] = go(own_locale, NULL);
	printf("locales: %ld wrong\n", done(t[0]) + done(t[1]));
	t[0] = go(jumps, (void *)100), t[1] = go(jumps, (void *)200);
	printf("jumps: %ld %ld\n", done(t[0]), done(t[1]));
	printf("a stack of 6 MiB: %ld wrong\n", done(go(deep, (void *)1500)));
	return 0;
}
