// CFLAGS: -std=c++20
// C++20 and what came before it: jthread, stop tokens, latches, barriers, semaphores, atomics that wait, every mutex with
// every lock and deadline, condition_variable_any, futures, packaged tasks, async, call_once with exceptions.
#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <functional>
#include <future>
#include <latch>
#include <mutex>
#include <numeric>
#include <semaphore>
#include <shared_mutex>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

static void each(int n, const std::function<void(int)> &run)
{
	std::vector<std::jthread> all;

	for (int i = 0; i < n; i++)
		all.emplace_back(run, i);
}

static void latches()
{
	std::latch ready(10), go(1);
	std::atomic<int> through{0};

	each(10, [&](int i) {
		std::this_thread::sleep_for(std::chrono::milliseconds(i % 3));
		ready.arrive_and_wait();
		if (ready.try_wait())
			through++;
		if (i == 0)
			go.count_down();
		go.wait();
	});
	printf("latch: %d through\n", through.load());
}

static void barriers()
{
	int phases = 0, wrong = 0;
	std::vector<int> at(8);
	auto completion = [&]() noexcept {
		phases++;
		for (int a : at)
			wrong += a != phases && a != -1;
	};
	std::barrier barrier(8, completion);

	each(8, [&](int i) {
		for (int round = 1; round <= 10 + i; round++) {
			at[i] = round;
			if (round == 10 + i) {
				at[i] = -1;
				barrier.arrive_and_drop();
			} else if (round % 3 == 0) {
				auto token = barrier.arrive();
				std::this_thread::yield();
				barrier.wait(std::move(token));
			} else {
				barrier.arrive_and_wait();
			}
		}
	});
	printf("barrier: %d phases, wrong %d\n", phases, wrong);
}

static void semaphores()
{
	std::counting_semaphore<5> five(5);
	std::binary_semaphore ping(0), pong(0);
	std::atomic<int> inside{0}, most{0};
	int turns = 0;

	each(20, [&](int) {
		five.acquire();
		int now = ++inside, seen = most.load();
		while (seen < now && !most.compare_exchange_weak(seen, now))
			;
		std::this_thread::sleep_for(2ms);
		inside--;
		five.release();
	});
	each(2, [&](int i) {
		for (int k = 0; k < 100; k++) {
			if (i) {
				ping.acquire();
				turns++;
				pong.release();
			} else {
				ping.release();
				pong.acquire();
			}
		}
	});
	printf("semaphores: most %d, turns %d, try %d, for %d, until %d\n", most.load(), turns, ping.try_acquire(),
	       ping.try_acquire_for(2ms), ping.try_acquire_until(std::chrono::steady_clock::now() + 2ms));
}

static void waiting_atomics()
{
	std::atomic<int> value{0};
	std::atomic_flag flag = ATOMIC_FLAG_INIT;
	std::atomic<char> small{0};
	std::atomic<int> seen{0};

	each(6, [&](int i) {
		if (i < 4) {
			value.wait(0);
			flag.wait(false);
			small.wait(0);
			seen += value;
			return;
		}
		std::this_thread::sleep_for(std::chrono::milliseconds(5 * i));
		if (i == 4) {
			value = 3;
			value.notify_all();
			return;
		}
		flag.test_and_set();
		flag.notify_all();
		small = 1;
		small.notify_all();
	});
	printf("atomics: seen %d\n", seen.load());
}

static void stops()
{
	std::mutex m;
	std::condition_variable_any cond;
	std::atomic<int> callbacks{0}, stopped{0};
	bool never = false;

	{
		std::jthread waiter([&](std::stop_token token) {
			std::stop_callback cb(token, [&] { callbacks++; });
			std::unique_lock lock(m);
			if (!cond.wait(lock, token, [&] { return never; }))
				stopped++;
		});
		std::jthread sleeper([&](std::stop_token token) {
			while (!token.stop_requested())
				std::this_thread::sleep_for(1ms);
			stopped++;
		});
		std::this_thread::sleep_for(5ms);
		printf("stop possible %d, requested %d\n", waiter.get_stop_token().stop_possible(),
		       waiter.get_stop_token().stop_requested());
		printf("request %d", waiter.request_stop());
		printf(", again %d\n", waiter.request_stop());
	}
	std::stop_source source;
	std::jthread timed([&] {
		std::unique_lock lock(m);
		bool done = cond.wait_for(lock, source.get_token(), 2ms, [&] { return never; });
		bool late = cond.wait_until(lock, source.get_token(), std::chrono::system_clock::now() + 100s,
					    [&] { return never; });
		printf("timed %d, stopped %d\n", done, late);
	});
	std::this_thread::sleep_for(20ms);
	source.request_stop();
	timed.join();
	std::stop_callback at_once(source.get_token(), [&] { callbacks++; });
	printf("callbacks %d, stopped %d\n", callbacks.load(), stopped.load());
}

template <typename Mutex> static void deadlines(const char *name)
{
	Mutex m;
	std::unique_lock lock(m);

	each(1, [&](int) {
		bool a = m.try_lock(), b = m.try_lock_for(2ms);
		bool c = m.try_lock_until(std::chrono::steady_clock::now() + 2ms);
		bool d = m.try_lock_until(std::chrono::system_clock::now() - 5ms);
		printf("%s: %d %d %d %d\n", name, a, b, c, d);
	});
	std::jthread other([&] { printf("%s at last: %d\n", name, m.try_lock_for(100s)), m.unlock(); });
	std::this_thread::sleep_for(5ms);
	lock.unlock();
}

static void shared()
{
	std::shared_timed_mutex m;
	std::atomic<int> readers{0}, most{0}, wrong{0};
	int written = 0;
	std::latch all(5);

	each(8, [&](int i) {
		if (i < 5) {
			std::shared_lock lock(m);
			readers++;
			all.arrive_and_wait(); /* all of them inside */
			most = std::max(most.load(), readers.load());
			readers--;
		} else {
			all.wait();
			for (int k = 0; k < 50; k++) {
				std::unique_lock lock(m);
				wrong += readers != 0;
				written++;
				std::this_thread::yield();
			}
		}
	});
	std::unique_lock lock(m);
	each(1, [&](int) {
		bool a = m.try_lock_shared(), b = m.try_lock_shared_for(2ms);
		printf("shared: %d %d", a, b);
		printf(" %d\n", m.try_lock_shared_until(std::chrono::steady_clock::now() + 2ms));
	});
	printf("readers %d, written %d, wrong %d\n", most.load(), written, wrong.load());
}

static void locks()
{
	std::mutex a, b;
	std::recursive_mutex c;
	std::condition_variable_any cond;
	long count = 0;
	int turn = 0;

	each(6, [&](int i) {
		for (int k = 0; k < 100; k++) {
			if (i % 2) {
				std::scoped_lock all(a, b, c);
				count++;
			} else {
				std::scoped_lock all(c, b, a);
				count++;
			}
		}
		std::unique_lock lock(c);
		cond.wait(lock, [&] { return turn == i; });
		turn++;
		cond.notify_all();
	});
	printf("locks: %ld, turns %d\n", count, turn);
	try {
		std::unique_lock<std::mutex> none;
		none.lock();
	} catch (const std::system_error &e) {
		printf("%s\n", e.code().message().c_str());
	}
	try {
		std::thread t([] {});
		t.join();
		t.join();
	} catch (const std::system_error &e) {
		printf("%s\n", e.code().message().c_str());
	}
}

static void futures()
{
	std::vector<std::future<int>> all;
	std::promise<void> gate;
	std::shared_future<void> open = gate.get_future().share();
	int sum = 0;

	for (int i = 0; i < 20; i++)
		all.push_back(std::async(std::launch::async, [open, i] {
			open.wait();
			if (i == 13)
				throw std::out_of_range("thirteen");
			return i;
		}));
	printf("at first %d\n", all[0].wait_for(2ms) == std::future_status::timeout);
	gate.set_value();
	for (auto &f : all) {
		try {
			sum += f.get();
		} catch (const std::exception &e) {
			printf("%s\n", e.what());
		}
	}
	auto later = std::async(std::launch::deferred, [] { return 5; });
	printf("sum %d, deferred %d", sum, later.wait_for(1ms) == std::future_status::deferred);
	printf(" %d\n", later.get());
	std::packaged_task<int(int)> task([](int n) { return n * 2; });
	auto doubled = task.get_future();
	std::jthread runner(std::move(task), 21);
	printf("packaged %d\n", doubled.get());
	std::future<int> broken;
	{
		std::promise<int> p;
		broken = p.get_future();
	}
	try {
		broken.get();
	} catch (const std::future_error &e) {
		printf("%s\n", e.what());
	}
	static std::promise<int> at_exit;
	auto last = at_exit.get_future();
	std::jthread([] { at_exit.set_value_at_thread_exit(8); }).detach();
	printf("at exit %d\n", last.get());
}

static void once()
{
	std::once_flag flag;
	std::atomic<int> tries{0}, thrown{0};

	each(10, [&](int) {
		try {
			std::call_once(flag, [&] {
				std::this_thread::sleep_for(1ms);
				if (++tries < 3)
					throw 5;
			});
		} catch (int) {
			thrown++;
		}
	});
	printf("once: tries %d, thrown %d\n", tries.load(), thrown.load());
}

// Destroyed in reverse, each thread's own, also those that a destructor makes.
static std::atomic<int> made{0}, gone{0}, out_of_order{0};

struct Own {
	explicit Own(int n) : n(n)
	{
		made++;
	}
	~Own();
	int n;
};

static thread_local int last_gone = 0;

Own::~Own()
{
	std::this_thread::sleep_for(1us);
	gone++;
	if (last_gone && last_gone < n)
		out_of_order++;
	last_gone = n;
}

static void locals()
{
	each(20, [](int i) {
		static thread_local Own first(1);
		std::this_thread::yield();
		static thread_local Own second(2);
		if (i % 2) {
			static thread_local Own third(3);
			std::this_thread::sleep_for(1ms);
			third.n = 3;
		}
		first.n = 1, second.n = 2;
	});
	printf("thread_local: made %d, gone %d, out of order %d\n", made.load(), gone.load(), out_of_order.load());
}

static void at_thread_exit()
{
	std::mutex m;
	std::condition_variable cond;
	bool done = false;

	std::thread t([&] {
		std::unique_lock lock(m);
		done = true;
		std::notify_all_at_thread_exit(cond, std::move(lock));
		std::this_thread::sleep_for(5ms);
	});
	{
		std::unique_lock lock(m);
		cond.wait(lock, [&] { return done; });
		printf("notified at exit: %d\n", done);
	}
	t.join();
}

int main()
{
	setvbuf(stdout, nullptr, _IOLBF, 0);
	latches();
	barriers();
	semaphores();
	waiting_atomics();
	stops();
	deadlines<std::timed_mutex>("timed_mutex");
	deadlines<std::recursive_timed_mutex>("recursive_timed_mutex");
	deadlines<std::shared_timed_mutex>("shared_timed_mutex");
	shared();
	locks();
	futures();
	once();
	locals();
	at_thread_exit();
	return 0;
}
