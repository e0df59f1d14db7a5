// CFLAGS: -O2 -std=c++17 LDLIBS: -lboost_fiber -lboost_context
/* An echo server with a fiber for each connection: Boost.Fiber on one OS thread. Its scheduler is the library's round robin;
 * when no fiber is ready, it asks one edge-triggered epoll set. Needs libboost-fiber-dev. */
#include <boost/fiber/all.hpp>

#include <cerrno>
#include <fcntl.h>
#include <sys/epoll.h>

#include "echo.h"

namespace fibers = boost::fibers;
using std::chrono::steady_clock;

static int epoll_fd;

/* One for each descriptor: whether it became ready since it was last asked, and who waits for that. */
struct waiter {
	int fd;
	bool is_ready = false;
	fibers::context *waiting = nullptr;

	explicit waiter(int of) : fd(of)
	{
		struct epoll_event event = {EPOLLIN | EPOLLET, {this}};

		if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event))
			abort();
	}
	void wait()
	{
		if (!is_ready) {
			waiting = fibers::context::active();
			waiting->suspend();
		}
		is_ready = false;
	}
};

class polling : public fibers::algo::round_robin
{
	struct epoll_event events[512];

      public:
	/* Called by the dispatcher, when nobody is ready to run. */
	void suspend_until(steady_clock::time_point const &until) noexcept override
	{
		bool forever = until == (steady_clock::time_point::max)();
		auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - steady_clock::now()).count();
		int n = epoll_wait(epoll_fd, events, 512, forever ? -1 : left > 0 ? (int)left + 1 : 0);

		for (int i = 0; i < n; i++) {
			waiter *w = static_cast<waiter *>(events[i].data.ptr);
			fibers::context *waiting = w->waiting;

			w->is_ready = true;
			w->waiting = nullptr;
			if (waiting)
				fibers::context::active()->schedule(waiting);
		}
	}
};

/* After a short read there is nothing more until the next edge. */
static void serve(int fd)
{
	char buffer[4096];
	waiter readable(fd);
	ssize_t n;

	for (;;) {
		readable.wait();
		do
			n = recv(fd, buffer, sizeof(buffer), 0);
		while (n > 0 && send(fd, buffer, (size_t)n, MSG_NOSIGNAL) == n && n == sizeof(buffer));
		if (!n || (n < 0 && errno != EAGAIN))
			break;
	}
	close(fd);
}

int main()
{
	fibers::use_scheduling_algorithm<polling>();
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	fibers::pooled_fixedsize_stack stacks(64 << 10);
	int listener = echo_listen();

	fcntl(listener, F_SETFL, O_NONBLOCK);
	waiter acceptable(listener);

	fibers::fiber([] {
		waiter(0).wait();
		_exit(0); /* exit would destroy the scheduler that this fiber runs on */
	}).detach();
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			acceptable.wait();
		} else {
			echo_no_delay(fd);
			fibers::fiber(std::allocator_arg, stacks, serve, fd).detach();
		}
	}
}
