/* options.h - the GREENSHIM_* environment variables, read once by the constructor. */
#ifndef SHIM_OPTIONS_H
#define SHIM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct options {
	bool off;	   /* GREENSHIM_OFF: run natively */
	bool no_children;  /* GREENSHIM_NO_CHILDREN: what is exec'ed runs natively */
	bool verbose;	   /* GREENSHIM_VERBOSE */
	bool report_stall; /* GREENSHIM_STALL: say so when every thread waits for another */
	long preempt_ms;   /* GREENSHIM_PREEMPT: CPU time after which others get their turn; 0: never */
	unsigned hubs;	   /* GREENSHIM_HUBS: OS threads that run greenlets; 0: as there is work for, as many as CPUs */
	unsigned long seed;   /* GREENSHIM_SEED: the order in which ready threads run; 0: first come, first served */
	bool files_pool;      /* GREENSHIM_FILES: helpers make calls on files; else the kernel, natively */
	bool syscalls_all;    /* GREENSHIM_SYSCALLS: also those of code that is no object's; else redirected sites */
	size_t stack;	      /* GREENSHIM_STACK: default size of thread stacks; 0: the program's own */
	bool stats;	      /* GREENSHIM_STATS is set */
	char stats_file[256]; /* empty: stderr */
};

extern struct options options __attribute__((visibility("hidden")));

/* A bad value is reported on stderr in one line and ignored. */
void options_read(void);

#endif
