/* greenlet_tls.c - what libraries keep for each OS thread but each greenlet must have for itself. */
#include <errno.h>

#include "greenlet_impl.h"

/* Itanium C++ ABI, exception handling, 2.2.2: per thread, and only where the C++ runtime is loaded. */
struct cxa_globals {
	void *caught;
	unsigned uncaught;
};

extern struct cxa_globals *__cxa_get_globals(void) __attribute__((weak));

void tls_save(struct tls_saved *s)
{
	s->error = errno;
	if (__cxa_get_globals) {
		struct cxa_globals *cxa = __cxa_get_globals();

		s->caught = cxa->caught;
		s->uncaught = cxa->uncaught;
	}
}

void tls_restore(const struct tls_saved *s)
{
	if (__cxa_get_globals) {
		struct cxa_globals *cxa = __cxa_get_globals();

		cxa->caught = s->caught;
		cxa->uncaught = s->uncaught;
	}
	errno = s->error;
}
