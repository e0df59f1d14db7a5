/* dump.h - on request, every live greenlet with its backtrace on stderr, or in the file that GREENSHIM_DUMP names
 * (%p: the process's number). The request is the signal SIGRTMAX with a value of its own, sent by
 * `greenshim-check --dump PID`; with any other value the signal is the program's. */
#ifndef SHIM_DUMP_H
#define SHIM_DUMP_H

#define DUMP_SIGNAL 64
#define DUMP_VALUE 0x67736475

struct hub;

/* GREENSHIM_STALL: every greenlet is parked, and nothing but a signal or another process can wake any. */
void dump_on_stall(struct hub *hub);

#endif
