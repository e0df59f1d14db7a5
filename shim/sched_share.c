/* Threads that compute share the CPU by their niceness, as sched(7) has it: whoever has run least, in time that passes faster
 * for the nicer ones, has the next turn. Nobody gains by having waited for long. */
#include "options.h"
#include "sched.h"
#include "thread.h"

#define NS_PER_MS UINT64_C(1000000)
#define USUAL 1024	       /* the weight of niceness 0 */
#define LAG (50 * NS_PER_MS)   /* as much as one may have run less than the others */
#define LEAD (200 * NS_PER_MS) /* and more: who waits for the nicest to leave a lock shall not wait for ever */
#define LOOK_AT 64	       /* of those who wait for the CPU */

bool sched_shares_differ;

static uint64_t latest; /* the least that any has run: it only grows */

/* kernel/sched/core.c, sched_prio_to_weight: of niceness -20 to 19. Each step is a tenth of the CPU, between two. */
static const unsigned weights[40] = {
	88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, 9548, 7620, 6100, 4904,
	3906,  3121,  2501,  1991,  1586,  1277,  1024,	 820,	655,   526,   423,  335,  272,	215,
	172,   137,   110,   87,    70,	   56,	  45,	 36,	29,    23,    18,   15,
};

/* Since the last tick, if none of the others has run since. */
static uint64_t turn_ns(void)
{
	static uint64_t last_ns;
	uint64_t now = now_ns(), most = (uint64_t)options.preempt_ms * NS_PER_MS, ns = now - last_ns;

	last_ns = now;
	return ns < most ? ns : most;
}

static uint64_t run_of(const struct thread *t)
{
	return t->sched.run + LAG < latest ? latest - LAG : t->sched.run;
}

struct thread *sched_next(struct thread *t)
{
	struct thread *least = t;
	int n = 0;

	if (!sched_shares_differ)
		return NULL;
	t->sched.run = run_of(t) + turn_ns() * USUAL / weights[20 + sched_nice_of(t)];
	for (struct fiber *f = threads.hub.head; f && n < LOOK_AT; f = f->next, n++)
		if (run_of(thread_of(f)) < run_of(least) + (least == t))
			least = thread_of(f);
	if (run_of(least) > latest)
		latest = run_of(least);
	if (t->sched.run > latest + LEAD)
		t->sched.run = latest + LEAD;
	return least;
}
