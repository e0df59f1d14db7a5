// C++: threads, exceptions across waits, thread_local objects, everything of <mutex>, <future> and the like.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <exception>
#include <future>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <pthread.h>
#include <unistd.h>

using namespace std::chrono_literals;

static std::atomic<int> made{0}, destroyed{0}, unwound{0};

struct Counted {
	Counted()
	{
		made++;
	}
	~Counted()
	{
		std::this_thread::yield();
		destroyed++;
	}
	int value = 0;
};

static thread_local Counted counted;

struct Unwound {
	~Unwound()
	{
		unwound++;
	}
};

static void each(int n, void (*run)(int))
{
	std::vector<std::thread> all;

	for (int i = 0; i < n; i++)
		all.emplace_back(run, i);
	for (auto &t : all)
		t.join();
}

// An exception in flight while the thread waits: each has its own.
static std::atomic<int> wrong{0};

static void throw_and_wait(int n)
{
	counted.value = n;
	for (int i = 0; i < 20; i++) {
		try {
			Unwound u;
			throw std::runtime_error(std::to_string(n * 1000 + i));
		} catch (const std::exception &e) {
			std::this_thread::sleep_for(std::chrono::microseconds(n * 10));
			try {
				throw n;
			} catch (int inner) {
				std::this_thread::yield();
				wrong += inner != n;
			}
			std::this_thread::yield();
			wrong += e.what() != std::to_string(n * 1000 + i);
			wrong += std::uncaught_exceptions() != 0 || !std::current_exception();
		}
	}
	wrong += counted.value != n;
}

static void rethrown(int n)
{
	std::exception_ptr p;

	try {
		throw std::out_of_range("there");
	} catch (...) {
		p = std::current_exception();
	}
	std::this_thread::sleep_for(1ms);
	try {
		std::rethrow_exception(p);
	} catch (const std::out_of_range &e) {
		wrong += std::string(e.what()) != "there" || n < 0;
	}
}

static std::mutex mutex;
static std::shared_mutex shared;
static std::recursive_timed_mutex timed;
static std::condition_variable cond;
static std::once_flag once;
static int counter, once_runs, turn;

static void lock(int n)
{
	std::call_once(once, [] {
		std::this_thread::sleep_for(2ms);
		once_runs++;
	});
	for (int i = 0; i < 100; i++) {
		std::scoped_lock both(mutex, timed);
		std::this_thread::yield();
		counter++;
	}
	if (n % 2) {
		std::shared_lock l(shared);
		std::this_thread::sleep_for(1ms);
	} else {
		std::unique_lock l(shared);
		std::this_thread::yield();
	}
	std::unique_lock l(mutex);
	cond.wait(l, [n] { return turn == n; });
	turn++;
	cond.notify_all();
}

static void futures()
{
	std::promise<int> p;
	std::thread t([&p] {
		std::this_thread::sleep_for(5ms);
		p.set_value(11);
	});
	auto f = p.get_future();
	std::future_status first = f.wait_for(1us);

	printf("future: ready at once %d, then %d\n", first == std::future_status::ready, f.get());
	t.join();
	auto g = std::async(std::launch::async, []() -> int { throw std::logic_error("thrown by async"); });
	try {
		g.get();
	} catch (const std::logic_error &e) {
		printf("%s\n", e.what());
	}
}

// Cancellation unwinds through C++ frames.
static void *cancelled(void *)
{
	Unwound u;
	std::unique_ptr<int> p(new int(3));

	try {
		pause();
	} catch (...) {
		printf("caught the cancellation\n");
		throw;
	}
	return nullptr;
}

int main()
{
	std::mutex waiting;
	std::condition_variable never;
	pthread_t t;
	void *result;

	setvbuf(stdout, NULL, _IOLBF, 0);
	each(20, throw_and_wait);
	each(20, rethrown);
	printf("exceptions: wrong %d, unwound %d; thread_local made %d destroyed %d\n", wrong.load(), unwound.load(),
	       made.load(), destroyed.load());
	each(10, lock);
	printf("counter %d, once %d, turn %d\n", counter, once_runs, turn);
	futures();
	std::unique_lock l(waiting);
	printf("wait_for: timeout %d\n", never.wait_for(l, 5ms) == std::cv_status::timeout);
	printf("wait_until: timeout %d\n",
	       never.wait_until(l, std::chrono::system_clock::now() + 5ms) == std::cv_status::timeout);
	pthread_create(&t, nullptr, cancelled, nullptr);
	usleep(20000);
	pthread_cancel(t);
	pthread_join(t, &result);
	printf("canceled %d, unwound %d\n", result == PTHREAD_CANCELED, unwound.load());
	return 0;
}
