/* alarm, setitimer and POSIX timers in a program with threads. */
#include <sys/syscall.h>
#include <sys/time.h>

#include "signal_test.h"

static volatile sig_atomic_t ticks;
static pthread_t hit;
static int value, code;

static void on_tick(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	hit = pthread_self();
	value = info->si_code == SI_TIMER ? info->si_value.sival_int : 0;
	code = info->si_code;
	ticks++;
}

static void *spins(void *arg)
{
	(void)arg;
	while (!ticks)
		; /* no call at all */
	return NULL;
}

static void alarms(pthread_t main_thread)
{
	pthread_t t;

	handle(SIGALRM, on_tick, 0);
	ticks = 0;
	alarm(1);
	printf("alarm interrupts sleep: %d\n", sleep(20) > 0);
	printf("alarm: %d, in main %d\n", (int)ticks, pthread_equal(hit, main_thread));
	ticks = 0;
	ualarm(50000, 0);
	t = spawn(spins, NULL);
	pthread_join(t, NULL);
	printf("ualarm with a thread that spins: %d, in main %d\n", (int)ticks, pthread_equal(hit, main_thread));
}

static void interval(void)
{
	struct itimerval every = {{0, 2000}, {0, 2000}}, off = {{0, 0}, {0, 0}};

	ticks = 0;
	setitimer(ITIMER_REAL, &every, NULL);
	while (ticks < 5)
		pause();
	setitimer(ITIMER_REAL, &off, NULL);
	puts("setitimer: 5 ticks");
}

static void set(timer_t timer, long first_ms, long every_ms)
{
	struct itimerspec its = {{0, every_ms * 1000000}, {0, first_ms * 1000000}};

	timer_settime(timer, 0, &its, NULL);
}

static void by_signal(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42};
	timer_t timer;

	handle(SIGUSR1, on_tick, 0);
	ticks = 0;
	if (timer_create(CLOCK_MONOTONIC, &event, &timer))
		perror("timer_create");
	set(timer, 10, 0);
	while (!ticks)
		usleep(1000);
	printf("SIGEV_SIGNAL: value %d, SI_TIMER %d\n", value, code == SI_TIMER);
	timer_delete(timer);
}

static volatile int calls;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

static void notify(union sigval v)
{
	pthread_mutex_lock(&mutex);
	value = v.sival_int;
	calls++;
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&mutex);
}

static void by_thread(void)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD, .sigev_notify_function = notify, .sigev_value.sival_int = 43};
	timer_t timer;

	if (timer_create(CLOCK_MONOTONIC, &event, &timer))
		perror("timer_create");
	set(timer, 10, 5);
	pthread_mutex_lock(&mutex);
	while (calls < 3)
		pthread_cond_wait(&cond, &mutex);
	printf("SIGEV_THREAD: value %d\n", value);
	pthread_mutex_unlock(&mutex);
	timer_delete(timer);
}

static void *aimed(void *arg)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR2, .sigev_value.sival_int = 44};
	sigset_t usr2 = set_of(SIGUSR2);
	siginfo_t info;
	timer_t timer;

	event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	ticks = 0;
	if (timer_create(CLOCK_MONOTONIC, &event, &timer))
		perror("timer_create");
	set(timer, 10, 0);
	if (!arg) {
		while (!ticks)
			usleep(1000);
		printf("SIGEV_THREAD_ID: value %d, SI_TIMER %d, here %d\n", value, code == SI_TIMER,
		       pthread_equal(hit, pthread_self()));
	} else {
		pthread_sigmask(SIG_BLOCK, &usr2, NULL);
		printf("SIGEV_THREAD_ID waited for: %d", sigwaitinfo(&usr2, &info) == SIGUSR2);
		printf(" value %d, SI_TIMER %d\n", info.si_value.sival_int, info.si_code == SI_TIMER);
	}
	timer_delete(timer);
	return NULL;
}

int main(void)
{
	wake_shim();
	handle(SIGUSR2, on_tick, 0);
	alarms(pthread_self());
	interval();
	by_signal();
	by_thread();
	pthread_join(spawn(aimed, NULL), NULL);
	pthread_join(spawn(aimed, "waits"), NULL);
	aimed(NULL);
	return 0;
}
