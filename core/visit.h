/* visit.h - runs a function on top of a suspended context's stack, to walk its frames from there: _Unwind_Backtrace
 * called by fn sees context_visit, then whoever called context_switch. Nothing of the context is changed, but the
 * memory below its stack pointer. fn must return, and must not switch. */
#ifndef CORE_VISIT_H
#define CORE_VISIT_H

#include "context.h"

void context_visit(const struct context *c, void (*fn)(void *), void *arg) __attribute__((visibility("hidden")));

#endif
