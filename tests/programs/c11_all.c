/* C11 threads and the small functions of pthreads: every result that each can give, and what POSIX lets pass. */
#include <threads.h>

#include "thread_test.h"

static const char *name_of(int ret)
{
	static const char *const names[] = {[thrd_success] = "success",
					    [thrd_busy] = "busy",
					    [thrd_error] = "error",
					    [thrd_nomem] = "nomem",
					    [thrd_timedout] = "timedout"};

	return ret >= 0 && ret <= thrd_timedout ? names[ret] : "?";
}

#define SHOW11(call) printf("%s: %s\n", #call, name_of(call))

static tss_t key, other_key;
static int destroyed;

static void destroy(void *value)
{
	destroyed++;
	if ((long)value > 1) /* once more */
		tss_set(key, (void *)((long)value - 1));
}

static int with_values(void *arg)
{
	printf("at first %p %p\n", tss_get(key), tss_get(other_key));
	SHOW11(tss_set(key, arg));
	SHOW11(tss_set(other_key, arg));
	thrd_yield();
	printf("then %ld\n", (long)tss_get(key));
	thrd_exit((int)(long)tss_get(other_key) + 1);
}

static int of(thrd_start_t run, void *arg)
{
	thrd_t t;
	int ret = -1, created = thrd_create(&t, run, arg), joined = thrd_join(t, &ret);

	printf("create %s, join %s\n", name_of(created), name_of(joined));
	return ret;
}

static void values(void)
{
	SHOW11(tss_create(&key, destroy));
	SHOW11(tss_create(&other_key, NULL));
	for (long i = 1; i < 8; i += 3) {
		destroyed = 0;
		printf("result %d", of(with_values, (void *)i));
		printf(", destroyed %d\n", destroyed);
	}
	tss_delete(other_key);
	SHOW11(tss_set(other_key, NULL));
	printf("deleted %p\n", tss_get(other_key));
	tss_delete(key);
	printf("created after deletion: %s, %p\n", name_of(tss_create(&key, NULL)), tss_get(key));
}

static mtx_t mutex;
static cnd_t cond;
static int gifts, waiting;

static int wait_gift(void *arg)
{
	mtx_lock(&mutex);
	waiting++;
	while (!gifts)
		cnd_wait(&cond, &mutex);
	gifts--;
	mtx_unlock(&mutex);
	return arg != NULL;
}

static int at_work(void)
{
	int n;

	mtx_lock(&mutex);
	n = waiting;
	mtx_unlock(&mutex);
	return n;
}

#define MANY 10
static void conditions(void)
{
	thrd_t t[MANY];
	struct timespec past = {1, 0};

	SHOW11(cnd_init(&cond));
	SHOW11(mtx_init(&mutex, mtx_timed));
	SHOW11(cnd_signal(&cond));
	SHOW11(cnd_broadcast(&cond));
	for (int i = 0; i < MANY; i++)
		thrd_create(&t[i], wait_gift, NULL);
	while (at_work() < MANY)
		nap(1);
	for (int i = 0; i < MANY; i++) {
		mtx_lock(&mutex);
		gifts++;
		SHOW11(cnd_signal(&cond));
		mtx_unlock(&mutex);
	}
	for (int i = 0; i < MANY; i++)
		thrd_join(t[i], NULL);
	mtx_lock(&mutex);
	SHOW11(cnd_timedwait(&cond, &mutex, &past));
	SHOW11(mtx_trylock(&mutex));
	mtx_unlock(&mutex);
	SHOW11(mtx_trylock(&mutex));
	mtx_unlock(&mutex);
	printf("left %d\n", gifts);
	cnd_destroy(&cond);
	mtx_destroy(&mutex);
}

static void mutexes(void)
{
	for (int type = -1; type < 5; type++) {
		printf("type %d: %s", type, name_of(mtx_init(&mutex, type)));
		printf(" %s", name_of(mtx_lock(&mutex)));
		printf(" %s", name_of(mtx_trylock(&mutex)));
		if (type & mtx_recursive && type > 0)
			mtx_unlock(&mutex);
		printf(" %s\n", name_of(mtx_unlock(&mutex)));
		mtx_destroy(&mutex);
	}
}

static int sleeper_result;

static int sleeps(void *arg)
{
	struct timespec longer = {100, 0}, left = {0, 0};

	sleeper_result = thrd_sleep(&longer, &left);
	return arg == NULL && left.tv_sec > 90;
}

static void sleep_and_more(void)
{
	struct timespec ms = {0, MS}, bad = {0, 1000000000};
	int (*volatile equal)(thrd_t, thrd_t) = thrd_equal;
	int (*volatile equal_too)(pthread_t, pthread_t) = pthread_equal;
	thrd_t t;
	int ret;

	printf("sleep %d, bad %d\n", thrd_sleep(&ms, NULL), thrd_sleep(&bad, NULL));
	handle(SIGUSR1, SA_RESTART);
	thrd_create(&t, sleeps, NULL);
	printf("equal %d %d, %d\n", !!equal(t, t), !!equal(t, thrd_current()), !!equal_too(t, pthread_self()));
	nap(20);
	while (!sleeper_result) {
		pthread_kill((pthread_t)t, SIGUSR1);
		nap(5);
	}
	printf("joined %s", name_of(thrd_join(t, &ret)));
	printf(", interrupted %d, some left %d\n", sleeper_result, ret);
	SHOW11(thrd_detach(thrd_current()));
}

static once_flag flag = ONCE_FLAG_INIT;
static int runs;

static void once(void)
{
	nap(5);
	runs++;
}

static int calls_once(void *arg)
{
	call_once(&flag, once);
	return runs + (arg != NULL);
}

static void once_for_many(void)
{
	thrd_t t[MANY];
	int ret, sum = 0;

	for (int i = 0; i < MANY; i++)
		thrd_create(&t[i], calls_once, NULL);
	for (int i = 0; i < MANY; i++) {
		thrd_join(t[i], &ret);
		sum += ret;
	}
	printf("once %d, seen %d\n", runs, sum);
}

static pthread_mutex_t defer_mutex = PTHREAD_MUTEX_INITIALIZER;

static void note(void *arg)
{
	int type;

	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
	printf("(cleanup %s, type %d) ", (const char *)arg, type);
}

/* Asynchronously cancelled outside, deferred inside. */
static void *defers(void *arg)
{
	int type;

	pthread_mutex_lock(&defer_mutex);
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	pthread_cleanup_push_defer_np(note, arg);
	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
	printf("inside: %d, ", type);
	pthread_mutex_unlock(&defer_mutex);
	for (int i = 0; arg && i < 100000; i++)
		nap(1);
	pthread_cleanup_pop_restore_np(1);
	pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
	printf("outside again: %d\n", type);
	return NULL;
}

static void deferred(void)
{
	pthread_t t;

	done(go(defers, NULL));
	t = go(defers, "cancelled");
	nap(10);
	pthread_mutex_lock(&defer_mutex);
	pthread_mutex_unlock(&defer_mutex);
	pthread_cancel(t);
	printf("canceled %d\n", (void *)done(t) == PTHREAD_CANCELED);
}

int main(void)
{
	values();
	conditions();
	mutexes();
	once_for_many();
	sleep_and_more();
	deferred();
	return 0;
}
