/* C11 threads. */
#include <threads.h>

#include "thread_test.h"

static mtx_t mutex;
static cnd_t cond;
static tss_t key;
static once_flag flag = ONCE_FLAG_INIT;
static thread_local int own = 1;
static int counter, turn, destroyed, once_runs;

static const char *name(int ret)
{
	static const char *const names[] = {[thrd_success] = "success",
					    [thrd_busy] = "busy",
					    [thrd_error] = "error",
					    [thrd_nomem] = "nomem",
					    [thrd_timedout] = "timedout"};

	return names[ret];
}

#define SHOW11(call) printf("%s: %s\n", #call, name(call))

static void once(void)
{
	thrd_yield();
	once_runs++;
}

static void destroy(void *value)
{
	destroyed += (int)(long)value;
}

static int count(void *arg)
{
	call_once(&flag, once);
	own += (int)(long)arg;
	tss_set(key, (void *)1);
	for (int i = 0; i < 100; i++) {
		mtx_lock(&mutex);
		thrd_yield();
		counter++;
		mtx_unlock(&mutex);
	}
	return own;
}

static int alternate(void *arg)
{
	for (int i = 0; i < 100; i++) {
		mtx_lock(&mutex);
		while (turn % 2 != (int)(long)arg)
			cnd_wait(&cond, &mutex);
		turn++;
		cnd_broadcast(&cond);
		mtx_unlock(&mutex);
	}
	thrd_exit(5);
}

static int try_it(void *arg)
{
	return mtx_trylock(arg);
}

static int time_out(void *arg)
{
	struct timespec until = in_ms(CLOCK_REALTIME, 10);

	return mtx_timedlock(arg, &until);
}

static int quick(void *arg)
{
	return arg == NULL;
}

static int of(thrd_start_t run, void *arg)
{
	thrd_t t;
	int ret;

	thrd_create(&t, run, arg);
	thrd_join(t, &ret);
	return ret;
}

static void locks(void)
{
	mtx_t m;
	struct timespec until = in_ms(CLOCK_REALTIME, 10);

	SHOW11(mtx_init(&m, mtx_recursive | mtx_timed));
	SHOW11(mtx_lock(&m));
	SHOW11(mtx_lock(&m));
	SHOW11(mtx_unlock(&m));
	SHOW11(of(try_it, &m));
	SHOW11(of(time_out, &m));
	SHOW11(mtx_unlock(&m));
	SHOW11(mtx_init(&m, 77));
	mtx_lock(&mutex);
	SHOW11(cnd_timedwait(&cond, &mutex, &until));
	SHOW11(mtx_unlock(&mutex));
}

int main(void)
{
	struct timespec ms = {0, MS};
	thrd_t t[10];
	int ret, sum = 0;

	SHOW11(mtx_init(&mutex, mtx_plain));
	SHOW11(cnd_init(&cond));
	SHOW11(tss_create(&key, destroy));
	for (long i = 0; i < 10; i++)
		thrd_create(&t[i], count, (void *)i);
	for (int i = 0; i < 10; i++) {
		thrd_join(t[i], &ret);
		sum += ret;
	}
	printf("counter %d, sum %d, destroyed %d, once %d\n", counter, sum, destroyed, once_runs);
	for (long i = 0; i < 2; i++)
		thrd_create(&t[i], alternate, (void *)i);
	for (int i = 0; i < 2; i++)
		thrd_join(t[i], &ret);
	printf("turns %d, thrd_exit %d\n", turn, ret);
	locks();
	SHOW11(thrd_create(&t[0], quick, NULL));
	SHOW11(thrd_detach(t[0]));
	printf("sleep %d, equal %d\n", thrd_sleep(&ms, NULL), !!thrd_equal(thrd_current(), thrd_current()));
	cnd_destroy(&cond);
	mtx_destroy(&mutex);
	return 0;
}
