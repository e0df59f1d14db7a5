/* stats.h - counters for --stats. Written by the hub's OS thread alone, except where told. */
#ifndef SHIM_STATS_H
#define SHIM_STATS_H

#include <stdint.h>

#include "call.h"

struct stats {
	uint64_t threads_made, threads_most_alive;
	uint64_t kernel_calls; /* real calls that handlers made */
	uint64_t offloaded;
	uint64_t preempted;
	uint64_t parks[CALL_LIMIT];
	uint64_t answered[CALL_LIMIT];
};

extern struct stats stats __attribute__((visibility("hidden")));

/* At exit_group: writes them where GREENSHIM_STATS says, if it does. */
void stats_write(void);

#endif
