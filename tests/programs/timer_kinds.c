/* POSIX timers: each clock, each way to be told, absolute times, errors, attributes of the thread that is told, fork. */
#include <semaphore.h>
#include <sys/wait.h>

#include "signal_test.h"

#define MS 1000000L

static volatile sig_atomic_t got, value;
static sem_t told;
static volatile size_t stack_size;
static volatile int detached, thread_value;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	value = info->si_value.sival_int;
	got++;
}

static const char *failure(int ret)
{
	return ret ? name_of(errno) : "0";
}

static struct itimerspec once(long ms)
{
	return (struct itimerspec){.it_value = {ms / 1000, ms % 1000 * MS}};
}

/* Clocks of CPU time stand still while it waits. */
static void until_got(void)
{
	for (long i = 0; i < 300000000 && !got; i++)
		if (i % 1000000 == 0)
			usleep(1000);
}

static void clocks(void)
{
	static const clockid_t all[] = {CLOCK_REALTIME,		  CLOCK_MONOTONIC,	   CLOCK_BOOTTIME,
					CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CLOCK_TAI,
					CLOCK_MONOTONIC_RAW,	  CLOCK_REALTIME_COARSE,   99};

	for (int i = 0; i < (int)(sizeof(all) / sizeof(*all)); i++) {
		struct sigevent event = {
			.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = i};
		struct itimerspec soon = once(5), late = once(100000), left;
		timer_t timer;

		if (timer_create(all[i], &event, &timer)) {
			printf("clock %d: %s\n", (int)all[i], name_of(errno));
			continue;
		}
		got = 0;
		timer_settime(timer, 0, &late, NULL);
		timer_settime(timer, 0, &soon, &left);
		printf("clock %d: left %d", (int)all[i], left.it_value.tv_sec >= 90 && left.it_value.tv_sec <= 100);
		until_got();
		printf(", got %d, value %d", (int)got, (int)value);
		timer_gettime(timer, &left);
		printf(", left %ld", (long)left.it_value.tv_sec + left.it_value.tv_nsec);
		got = 0;
		clock_gettime(all[i], &soon.it_value); /* over already */
		timer_settime(timer, TIMER_ABSTIME, &soon, NULL);
		until_got();
		printf(", in the past %d", (int)got);
		printf(", delete %s", failure(timer_delete(timer)));
		printf(" %s\n", failure(timer_delete(timer)));
	}
}

static void errors(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_NONE};
	struct itimerspec spec = once(100000), now;
	timer_t timer, none;

	printf("SIGEV_NONE: %s", failure(timer_create(CLOCK_MONOTONIC, &event, &timer)));
	timer_settime(timer, 0, &spec, NULL);
	timer_gettime(timer, &now);
	printf(", left %d", now.it_value.tv_sec >= 90);
	spec.it_value.tv_nsec = 1000 * MS;
	printf(", bad times: %s", failure(timer_settime(timer, 0, &spec, NULL)));
	spec.it_value.tv_nsec = -1;
	printf(" %s", failure(timer_settime(timer, 0, &spec, NULL)));
	printf(", overrun %d\n", timer_getoverrun(timer));
	timer_delete(timer);
	event.sigev_notify = SIGEV_SIGNAL;
	event.sigev_signo = 65;
	printf("signal 65: %s", failure(timer_create(CLOCK_MONOTONIC, &event, &none)));
	event.sigev_notify = SIGEV_THREAD_ID;
	event._sigev_un._tid = gettid();
	printf(", to this thread: %s", failure(timer_create(CLOCK_MONOTONIC, &event, &none)));
	event.sigev_signo = SIGUSR1;
	event._sigev_un._tid = 0x3fffffff;
	printf(", to nobody: %s", failure(timer_create(CLOCK_MONOTONIC, &event, &none)));
	event.sigev_notify = 77;
	printf(", by 77: %s\n", failure(timer_create(CLOCK_MONOTONIC, &event, &none)));
}

static void in_thread(union sigval v)
{
	pthread_attr_t attr;
	int state = -1;
	size_t size = 0;

	pthread_getattr_np(pthread_self(), &attr);
	pthread_attr_getstacksize(&attr, &size);
	pthread_attr_getdetachstate(&attr, &state);
	pthread_attr_destroy(&attr);
	stack_size = size;
	detached = state == PTHREAD_CREATE_DETACHED;
	thread_value = v.sival_int;
	sem_post(&told);
}

static void threads(void)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD, .sigev_notify_function = in_thread, .sigev_value.sival_int = 55};
	struct itimerspec every = {{0, MS}, {0, MS}};
	pthread_attr_t attr;
	timer_t timer;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 << 10);
	event.sigev_notify_attributes = &attr;
	sem_init(&told, 0, 0);
	printf("SIGEV_THREAD: %s", failure(timer_create(CLOCK_REALTIME, &event, &timer)));
	timer_settime(timer, 0, &every, NULL);
	for (int i = 0; i < 5; i++)
		while (sem_wait(&told))
			;
	printf(", delete %s", failure(timer_delete(timer)));
	printf(", value %d, detached %d, stack %zu\n", thread_value, detached, stack_size >> 10);
	settle();
}

/* SIGALRM; its number is the value. */
static void by_default(void)
{
	struct itimerspec soon = once(1);
	timer_t timer;

	got = 0;
	printf("by default: %s", failure(timer_create(CLOCK_MONOTONIC, NULL, &timer)));
	timer_settime(timer, 0, &soon, NULL);
	until_got();
	printf(", got %d\n", (int)got);
	timer_delete(timer);
}

static void inherited(void)
{
	struct itimerspec late = once(100000), now;
	timer_t timer;
	pid_t pid;

	timer_create(CLOCK_MONOTONIC, NULL, &timer);
	timer_settime(timer, 0, &late, NULL);
	alarm(100);
	pid = fork();
	if (!pid) {
		printf("child: alarm %u, timer %s\n", alarm(0), failure(timer_gettime(timer, &now)));
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	printf("parent: alarm %d", alarm(0) > 50);
	printf(", timer %s\n", failure(timer_gettime(timer, &now)));
	timer_delete(timer);
}

static void *all(void *arg)
{
	clocks();
	errors();
	threads();
	by_default();
	inherited();
	return arg;
}

int main(void)
{
	setvbuf(stdout, NULL, _IONBF, 0);
	handle(SIGUSR1, on_signal, SA_RESTART);
	handle(SIGALRM, on_signal, SA_RESTART);
	pthread_join(spawn(all, NULL), NULL);
	puts("in main");
	all(NULL);
	return 0;
}
