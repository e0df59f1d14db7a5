// CFLAGS: -O2 -std=c++17 LDLIBS: -lboost_fiber -lboost_context
/* What the C benchmarks measure, written for the peer: Boost.Fiber, with its pooled stacks. Needs libboost-fiber-dev. */
#include <boost/context/fiber.hpp>
#include <boost/fiber/all.hpp>

#include <chrono>
#include <cstring>
#include <memory>
#include <vector>

#include "bench.h"

namespace fibers = boost::fibers;
using std::chrono::steady_clock;

static fibers::pooled_fixedsize_stack stacks(16 << 10);

template <class F> static fibers::fiber start(F run)
{
	return fibers::fiber(fibers::launch::post, std::allocator_arg, stacks, run);
}

/* What two of them take for each operation. */
template <class F> static void two(F one, F other, long operations)
{
	int64_t begin = now_ns();
	fibers::fiber a = start(one), b = start(other);

	a.join();
	b.join();
	printf("%.1f ", (double)(now_ns() - begin) / (double)operations);
}

static void jump(long n)
{
	boost::context::fiber f([](boost::context::fiber &&back) {
		for (;;)
			back = std::move(back).resume();
		return std::move(back);
	});
	int64_t begin = now_ns();

	for (long i = 0; i < n / 2; i++)
		f = std::move(f).resume();
	report(begin, n);
}

static void yield(long n)
{
	auto run = [n] {
		for (long i = 0; i < n; i++)
			boost::this_fiber::yield();
	};

	two(run, run, 2 * n);
}

static void create(long n, long batch)
{
	std::vector<fibers::fiber> f((size_t)batch);
	int64_t begin = now_ns();

	for (long i = 0; i < n; i += batch) {
		for (auto &one : f)
			one = start([] {});
		for (auto &one : f)
			one.join();
	}
	report(begin, n);
}

static void cond(long n)
{
	fibers::mutex mutex;
	fibers::condition_variable changed[2];
	int turn = 0;
	auto play = [&](int mine) {
		return std::function<void()>([&, mine] {
			std::unique_lock<fibers::mutex> lock(mutex);

			for (long i = 0; i < n; i++) {
				while (turn != mine)
					changed[mine].wait(lock);
				turn = !mine;
				changed[!mine].notify_one();
			}
		});
	};

	two(play(0), play(1), n);
}

/* Boost.Fiber has no semaphore: this is one of its parts. */
struct semaphore {
	fibers::mutex mutex;
	fibers::condition_variable posted;
	int value = 0;

	void post()
	{
		std::unique_lock<fibers::mutex> lock(mutex);

		value++;
		posted.notify_one();
	}
	void wait()
	{
		std::unique_lock<fibers::mutex> lock(mutex);

		while (!value)
			posted.wait(lock);
		value--;
	}
	void wait_for(std::chrono::seconds limit)
	{
		std::unique_lock<fibers::mutex> lock(mutex);
		auto until = steady_clock::now() + limit;

		while (!value)
			posted.wait_until(lock, until);
		value--;
	}
};

static void sem(long n, bool timed)
{
	semaphore turn[2];
	auto play = [&](int mine) {
		return std::function<void()>([&, mine] {
			for (long i = 0; i < n; i++) {
				if (timed)
					turn[mine].wait_for(std::chrono::seconds(100));
				else
					turn[mine].wait();
				turn[!mine].post();
			}
		});
	};

	turn[0].value = 1;
	two(play(0), play(1), n);
}

/* See parked.c: ns to make one, a yield beside them, ns to end and join one. */
static void parked(long n)
{
	std::vector<fibers::fiber> f((size_t)n);
	fibers::mutex mutex;
	fibers::condition_variable over;
	bool is_over = false;
	int64_t begin = now_ns();

	for (auto &one : f)
		one = start([&] {
			std::unique_lock<fibers::mutex> lock(mutex);

			while (!is_over)
				over.wait(lock);
		});
	boost::this_fiber::yield();
	printf("%.1f ", (double)(now_ns() - begin) / (double)n);
	yield(100000);
	begin = now_ns();
	mutex.lock();
	is_over = true;
	over.notify_all();
	mutex.unlock();
	for (auto &one : f)
		one.join();
	report(begin, n);
}

/* See timers.c. */
static void timers(long n)
{
	std::vector<fibers::fiber> f((size_t)n);
	fibers::mutex mutex;
	fibers::condition_variable over;
	bool is_over = false;

	for (long i = 0; i < n; i++)
		f[(size_t)i] = start([&, i] {
			std::unique_lock<fibers::mutex> lock(mutex);
			auto far = steady_clock::now() + std::chrono::nanoseconds(1000000000000L + i * 1000003);

			while (!is_over)
				over.wait_until(lock, far);
		});
	boost::this_fiber::yield();
	sem(20000, true);
	putchar('\n');
	mutex.lock();
	is_over = true;
	over.notify_all();
	mutex.unlock();
	for (auto &one : f)
		one.join();
}

/* See waiters.c. */
static void waiters(long n)
{
	std::vector<fibers::fiber> f((size_t)n);
	fibers::mutex mutex;
	fibers::condition_variable woken;
	semaphore answered;
	bool is_over = false;
	long left = n;
	int64_t begin;

	for (auto &one : f)
		one = start([&] {
			std::unique_lock<fibers::mutex> lock(mutex);

			while (!is_over) {
				woken.wait(lock);
				if (!is_over)
					answered.post();
			}
			if (!--left)
				answered.post();
		});
	boost::this_fiber::yield();
	begin = now_ns();
	for (int i = 0; i < 20000; i++) {
		woken.notify_one();
		answered.wait();
	}
	printf("%.1f ", (double)(now_ns() - begin) / 20000);
	begin = now_ns();
	is_over = true;
	woken.notify_all();
	answered.wait();
	report(begin, n);
	for (auto &one : f)
		one.join();
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	long n = argc > 2 ? atol(argv[2]) : 0;

	if (!strcmp(what, "jump"))
		jump(10000000);
	else if (!strcmp(what, "create"))
		create(n, argc > 3 ? atol(argv[3]) : 1);
	else if (!strcmp(what, "parked"))
		parked(n);
	else if (!strcmp(what, "timers"))
		timers(n);
	else if (!strcmp(what, "waiters"))
		waiters(n);
	else if (!strcmp(what, "yield"))
		yield(n);
	else if (!strcmp(what, "cond"))
		cond(n);
	else if (!strcmp(what, "sem"))
		sem(n, false);
	else
		return 2;
	return 0;
}
