/* POSIX asynchronous I/O, which libc does with threads of its own: each operation, each way to be told, each error. */
#include <aio.h>
#include <fcntl.h>

#include "thread_test.h"

#define SIG SIGUSR1

static int file, ends[2];
static char text[64];
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static int told, value;
static volatile sig_atomic_t handled, code, sent;

static const char *state(struct aiocb *cb)
{
	return error_name(aio_error(cb));
}

static void wait_until_done(struct aiocb *cb)
{
	const struct aiocb *list[] = {cb};

	while (aio_error(cb) == EINPROGRESS)
		aio_suspend(list, 1, NULL);
}

static void finish(const char *what, struct aiocb *cb)
{
	wait_until_done(cb);
	printf("%s: %s", what, state(cb));
	printf(" %s\n", outcome(aio_return(cb)));
}

static struct aiocb block(int fd, void *data, size_t size, off_t at)
{
	return (struct aiocb){.aio_fildes = fd,
			      .aio_buf = data,
			      .aio_nbytes = size,
			      .aio_offset = at,
			      .aio_sigevent = {.sigev_notify = SIGEV_NONE}};
}

static void files(void)
{
	struct aiocb w = block(file, "hello, world", 12, 5), r = block(file, text, sizeof(text), 5);
	struct aiocb s = block(file, NULL, 0, 0), none = block(-1, text, 1, 0), zero = block(file, text, 0, 0);
	struct aiocb past = block(file, text, 1, 1000), negative = block(file, text, 1, -1),
		     low = block(file, text, 1, 0);

	printf("aio_write: %s\n", outcome(aio_write(&w)));
	finish("write", &w);
	printf("aio_read: %s\n", outcome(aio_read(&r)));
	finish("read", &r);
	printf("it is %.12s\n", text);
	printf("aio_fsync: %s\n", outcome(aio_fsync(O_SYNC, &s)));
	finish("fsync", &s);
	printf("aio_fsync of data: %s\n", outcome(aio_fsync(O_DSYNC, &s)));
	finish("fdatasync", &s);
	printf("aio_fsync of what: %s\n", outcome(aio_fsync(12345, &s)));
	printf("no descriptor: %s\n", outcome(aio_read(&none)));
	finish("no descriptor", &none);
	printf("fsync of no descriptor: %s\n", outcome(aio_fsync(O_SYNC, &none)));
	printf("nothing: %s\n", outcome(aio_read(&zero)));
	finish("nothing", &zero);
	printf("past the end: %s\n", outcome(aio_read(&past)));
	finish("past the end", &past);
	printf("at -1: %s\n", outcome(aio_read(&negative)));
	finish("at -1", &negative);
	low.aio_reqprio = -1;
	printf("priority -1: %s\n", outcome(aio_read(&low)));
}

/* On a pipe it waits, and others go on. */
static void pipes(void)
{
	struct aiocb r = block(ends[0], text, 2, 0);
	const struct aiocb *list[] = {NULL, &r};
	struct timespec some = {0, 20 * MS}, bad = {0, -1};
	unsigned long before = ticks;

	printf("from a pipe: %s", outcome(aio_read(&r)));
	printf(", %s", state(&r));
	printf(", %s", outcome(aio_suspend(list, 2, &some)));
	nap_for_ticks();
	printf(", %s\n", went_on(before));
	printf("at once: %s\n", outcome(aio_suspend(list, 2, &(struct timespec){0, 0})));
	printf("a bad time: %s\n", outcome(aio_suspend(list, 2, &bad)));
	printf("cancel: %d", aio_cancel(ends[0], &r) == AIO_NOTCANCELED);
	printf(", all: %d", aio_cancel(ends[0], NULL) == AIO_NOTCANCELED);
	printf(", of another: %d", aio_cancel(file, NULL) == AIO_ALLDONE);
	printf(", of none: %s", outcome(aio_cancel(-1, NULL)));
	printf(", of another's: %s\n", outcome(aio_cancel(file, &r)));
	if (write(ends[1], "x", 1) != 1)
		puts("write failed");
	finish("a part", &r);
	printf("cancel what is done: %d\n", aio_cancel(ends[0], &r) == AIO_ALLDONE);
}

/* Those that have not begun are behind the one that waits. */
static void cancels(void)
{
	struct aiocb cb[3];

	for (int i = 0; i < 3; i++) {
		cb[i] = block(ends[0], text, 1, 0);
		if (aio_read(&cb[i]))
			puts("aio_read failed");
	}
	settle();
	printf("cancel a later one: %d", aio_cancel(ends[0], &cb[1]) == AIO_CANCELED);
	printf(", %s", state(&cb[1]));
	printf(" %s", outcome(aio_return(&cb[1])));
	printf(", all: %d", aio_cancel(ends[0], NULL) == AIO_NOTCANCELED);
	printf(", %s", state(&cb[2]));
	printf(" %s\n", outcome(aio_return(&cb[2])));
	if (write(ends[1], "y", 1) != 1)
		puts("write failed");
	finish("the first", &cb[0]);
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)sig, (void)context;
	code = info->si_code;
	sent = info->si_value.sival_int;
	handled++;
}

static void in_thread(union sigval v)
{
	pthread_mutex_lock(&mutex);
	value = v.sival_int;
	told++;
	pthread_cond_signal(&cond);
	pthread_mutex_unlock(&mutex);
}

static void await_thread(int n)
{
	pthread_mutex_lock(&mutex);
	while (told < n)
		pthread_cond_wait(&cond, &mutex);
	printf("told %d, value %d\n", told, value);
	told = 0;
	pthread_mutex_unlock(&mutex);
}

static void await_signals(int n)
{
	while (handled < n)
		nap(1);
	printf("handled %d, value %d, SI_ASYNCIO %d\n", (int)handled, (int)sent, code == SI_ASYNCIO);
	handled = 0;
}

static struct sigevent by_signal(int with)
{
	return (struct sigevent){.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIG, .sigev_value.sival_int = with};
}

static struct sigevent by_thread(int with)
{
	return (struct sigevent){
		.sigev_notify = SIGEV_THREAD, .sigev_notify_function = in_thread, .sigev_value.sival_int = with};
}

static void notifies(void)
{
	struct aiocb w = block(file, "abc", 3, 0), r = block(ends[0], text, 1, 0);

	w.aio_sigevent = by_signal(7);
	printf("by a signal: %s, ", outcome(aio_write(&w)));
	await_signals(1);
	finish("write", &w);
	w.aio_sigevent = by_thread(8);
	printf("by a thread: %s, ", outcome(aio_write(&w)));
	await_thread(1);
	finish("write", &w);
	r.aio_sigevent = by_thread(9);
	printf("a pipe: %s, ", outcome(aio_read(&r)));
	if (write(ends[1], "z", 1) != 1)
		puts("write failed");
	await_thread(1);
	finish("read", &r);
}

static void lists(void)
{
	struct aiocb w = block(file, "list", 4, 0), bad = block(-1, text, 1, 0), nop = block(file, text, 1, 0);
	struct aiocb r = block(ends[0], text, 1, 0), *list[] = {&w, NULL, &nop}, *with_bad[] = {&w, &bad},
		     *slow[] = {&r};
	struct sigevent event = by_signal(10);

	w.aio_lio_opcode = LIO_WRITE;
	bad.aio_lio_opcode = r.aio_lio_opcode = LIO_READ;
	nop.aio_lio_opcode = LIO_NOP;
	printf("lio_listio: %s\n", outcome(lio_listio(LIO_WAIT, list, 3, NULL)));
	finish("write", &w);
	printf("with a bad one: %s\n", outcome(lio_listio(LIO_WAIT, with_bad, 2, NULL)));
	finish("write", &w);
	finish("the bad one", &bad);
	printf("LIO_NOWAIT: %s, ", outcome(lio_listio(LIO_NOWAIT, list, 3, &event)));
	await_signals(1);
	finish("write", &w);
	event = by_thread(11);
	printf("a thread: %s, ", outcome(lio_listio(LIO_NOWAIT, slow, 1, &event)));
	if (write(ends[1], "l", 1) != 1)
		puts("write failed");
	await_thread(1);
	finish("read", &r);
	printf("what mode: %s\n", outcome(lio_listio(77, list, 3, NULL)));
	printf("64: %s\n", outcome(lio_listio64(LIO_WAIT, (struct aiocb64 **)list, 3, NULL)));
	finish("write", &w);
}

static void *interrupts(void *arg)
{
	settle();
	pthread_kill(*(pthread_t *)arg, SIGUSR2);
	settle();
	if (write(ends[1], "i", 1) != 1)
		puts("write failed");
	return NULL;
}

static void interrupted(int flags)
{
	struct aiocb r = block(ends[0], text, 1, 0);
	const struct aiocb *list[] = {&r};
	pthread_t self = pthread_self(), t;
	long ret;

	handle(SIGUSR2, flags);
	aio_read(&r);
	t = go(interrupts, &self);
	ret = aio_suspend(list, 1, NULL);
	printf("aio_suspend interrupted%s: %s\n", flags ? ", SA_RESTART" : "", outcome(ret));
	done(t);
	finish("read", &r);
}

static void all(void)
{
	files();
	pipes();
	cancels();
	notifies();
	lists();
	interrupted(0);
	interrupted(SA_RESTART);
}

static void *elsewhere(void *arg)
{
	puts("in a thread");
	all();
	return arg;
}

int main(void)
{
	struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
	char path[] = "/tmp/ipc_aio.XXXXXX";

	file = mkstemp(path);
	unlink(path);
	if (file < 0 || pipe(ends))
		return 1;
	sigaction(SIG, &sa, NULL);
	ticker_start();
	all();
	done(go(elsewhere, NULL));
	ticker_stop();
	return 0;
}
