/* check.h - assertions about our own invariants. The message goes to stderr by a raw write, then abort. */
#ifndef CORE_CHECK_H
#define CORE_CHECK_H

void check_failed(const char *file, int line, const char *what, long a, long b) __attribute__((noreturn, cold));

/* CHECK(a, ==, b): both sides are integers; both values are shown when it does not hold. */
#define CHECK(a, op, b)                                                                          \
	do {                                                                                     \
		long check_a_ = (long)(a), check_b_ = (long)(b);                                 \
		if (__builtin_expect(!(check_a_ op check_b_), 0))                                \
			check_failed(__FILE__, __LINE__, #a " " #op " " #b, check_a_, check_b_); \
	} while (0)

#endif
