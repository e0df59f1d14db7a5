/* sched_test.h - what the programs about scheduling share. */
#ifndef SCHED_TEST_H
#define SCHED_TEST_H

#include <sched.h>
#include <stdint.h>

/* struct sched_attr, sched_setattr(2): older C libraries have none. */
struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

/* From now on the first of the CPUs that it may use. */
static inline void on_one_cpu(void)
{
	cpu_set_t cpus, one;
	int first = 0;

	sched_getaffinity(0, sizeof(cpus), &cpus);
	while (!CPU_ISSET(first, &cpus))
		first++;
	CPU_ZERO(&one);
	CPU_SET(first, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

#endif
