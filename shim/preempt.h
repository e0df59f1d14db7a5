/* preempt.h - threads that make no call for a long time: natively others run meanwhile, and here too.
 *
 * A timer of the OS thread's own CPU time sends the carrier signal every few milliseconds that are really used (an idle
 * program never gets one). If the hub has not switched since the last one, and the signal interrupted the program's own
 * code, the others get their turn from within the signal handler: the kernel has saved all registers on the greenlet's
 * stack, and locks of libc's that it may hold are futexes, where others park.
 *
 * The kernel looks at CPU-time timers at its own ticks only (4 ms with HZ=250), too seldom for threads that spin until
 * others change a variable and so hand their work around. As long as preemptions find others waiting, a second timer, of
 * real time, ticks every 0.2 ms; after 10 ticks among threads that only compute it rests until the first one's next
 * preemption: where a tick costs much (60 us in some virtual machines), they shall not pay for it. */
#ifndef SHIM_PREEMPT_H
#define SHIM_PREEMPT_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct call;
struct thread;

/* Of one OS thread. */
struct preempt {
	int coarse, fine; /* timers */
	bool started, has_fine, is_fine;
	bool by_coarse;	   /* the tick that is due */
	unsigned quiet;	   /* fine ticks since others were found waiting, and calls were made */
	uint64_t switches; /* the CPU's, at the last tick */
	uint64_t calls;	   /* the kernel's, at the end of the last preemption that let others run */
};

/* There is somebody else to run: to be called when a thread is made. */
void preempt_start(void);
void preempt_stop(void); /* the OS thread ends */

bool preempt_is_tick(const siginfo_t *info);
/* The running greenlet has had the CPU for long enough. */
bool preempt_is_due(const siginfo_t *tick);

/* A call that the kernel ends before all is done when any signal is due, and else never: as it is, without ticks meanwhile.
 * fd: what it uses; -1: none. CALL_PASS: there are no ticks. */
long preempt_keep_out(const struct call *c, int fd);

/* Around the switch to the others. */
struct preemption {
	uint64_t switches; /* the CPU's, before */
	struct cpu *cpu;
	bool by_coarse;
};

struct preemption preempt_begin(void);
void preempt_end(struct preemption begun);

#endif
