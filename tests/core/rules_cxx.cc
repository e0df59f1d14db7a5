/* Greenlets in C++: frames, exceptions within, exceptions that leave: rules 15, 16, 25. */
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include "core_test.h"

static void give(long n)
{
	EQ(greenlet_switch(greenlet_parent(greenlet_current()), V(n), NULL), 0);
}

struct counted {
	static int alive;

	counted()
	{
		alive++;
	}
	~counted()
	{
		alive--;
	}
};

int counted::alive;

static void nested(int depth)
{
	counted one;
	std::vector<std::string> words(8, std::string(40, (char)('a' + depth)));

	give(depth);
	if (depth == 0)
		throw std::runtime_error("bottom");
	nested(depth - 1);
	EQ(words[7][39], 'a' + depth); /* never reached: the exception passes */
}

static int deep(void *value, void **result)
{
	try {
		nested((int)N(value));
	} catch (const std::runtime_error &e) {
		STR_EQ(e.what(), "bottom");
		*result = V(100);
		return 0;
	}
	return -EIO;
}

static void cxx_frames()
{
	greenlet_t a = greenlet_new(deep, NULL), b = greenlet_new(deep, NULL);
	void *out = NULL;

	for (long depth = 20; depth >= 0; depth--) {
		EQ(greenlet_switch(a, V(20), &out), 0);
		EQ(out, depth);
		EQ(greenlet_switch(b, V(20), &out), 0);
		EQ(out, depth);
	}
	EQ(counted::alive, 42);
	EQ(greenlet_switch(a, NULL, &out), 0);
	EQ(out, 100);
	EQ(counted::alive, 21);
	EQ(greenlet_switch(b, NULL, &out), 0);
	EQ(counted::alive, 0);
	greenlet_unref(a);
	greenlet_unref(b);
}

/* Each is in the middle of a catch of its own while the others are. */
static int in_catch(void *value, void **result)
{
	EQ(std::uncaught_exceptions(), 0);
	EQ(std::current_exception() == nullptr, true);
	for (int i = 0; i < 3; i++) {
		try {
			throw N(value) + i;
		} catch (long caught) {
			give(caught);
			EQ(caught, N(value) + i);
			try {
				throw; /* the one being handled, not somebody else's */
			} catch (long again) {
				EQ(again, N(value) + i);
			}
			EQ(std::current_exception() != nullptr, true);
		}
		EQ(std::current_exception() == nullptr, true);
	}
	*result = V(-1);
	return 0;
}

static void cxx_state()
{
	greenlet_t g[3];
	void *out = NULL;

	for (long i = 0; i < 3; i++)
		g[i] = greenlet_new(in_catch, NULL);
	try {
		throw 7;
	} catch (int) {
		for (long i = 0; i < 3; i++) {
			EQ(greenlet_switch(g[i], V(10 * (i + 1)), &out), 0);
			EQ(out, 10 * (i + 1));
		}
		for (int round = 0; round < 3; round++)
			for (int i = 2; i >= 0; i--)
				EQ(greenlet_switch(g[i], NULL, &out), 0);
		EQ(out, -1);
		EQ(std::current_exception() != nullptr, true);
	}
	for (int i = 0; i < 3; i++)
		greenlet_unref(g[i]);
}

/* A destructor that runs while an exception passes switches away. */
struct switches_out {
	~switches_out()
	{
		EQ(std::uncaught_exceptions(), 1);
		give(1);
		EQ(std::uncaught_exceptions(), 1);
	}
};

static int unwinds(void *value, void **result)
{
	try {
		switches_out here;

		throw std::logic_error("passing");
	} catch (const std::logic_error &) {
		*result = value;
	}
	EQ(std::uncaught_exceptions(), 0);
	return 0;
}

static void cxx_unwinding()
{
	greenlet_t a = greenlet_new(unwinds, NULL), b = greenlet_new(unwinds, NULL);
	void *out = NULL;

	EQ(greenlet_switch(a, V(5), NULL), 0);
	EQ(std::uncaught_exceptions(), 0);
	EQ(greenlet_switch(b, V(6), NULL), 0);
	EQ(greenlet_switch(a, NULL, &out), 0);
	EQ(out, 5);
	EQ(greenlet_switch(b, NULL, &out), 0);
	EQ(out, 6);
	greenlet_unref(a);
	greenlet_unref(b);
}

static int throws(void *value, void **result)
{
	(void)result;
	throw std::runtime_error(value ? "an error" : "none");
}

static void throw_out()
{
	greenlet_switch(greenlet_new(throws, NULL), V(1), NULL);
}

/* A handler further out is on another stack: it must not get it. */
static void throw_past()
{
	try {
		throw_out();
	} catch (...) {
		_exit(9);
	}
	_exit(8);
}

static void throw_from_spawned()
{
	greenlet_join(greenlet_spawn(throws, V(1)), GREENLET_FOREVER);
}

static void cxx_foreign()
{
	ABORTS(throw_out, "a foreign exception left the run function");
	ABORTS(throw_past, "a foreign exception left the run function");
	ABORTS(throw_from_spawned, "a foreign exception left the run function");
}

TESTS({15, "cxx_frames", cxx_frames}, {16, "cxx_state", cxx_state}, {16, "cxx_unwinding", cxx_unwinding},
      {25, "cxx_foreign", cxx_foreign})
