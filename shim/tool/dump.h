/* dump.h - `--dump PID`: asks a process under greenshim to write its greenlets to its stderr. */
#ifndef TOOL_DUMP_H
#define TOOL_DUMP_H

/* The exit status: 0 asked, 1 the process cannot answer, 2 no such process or a bad number. One line on stderr. */
int dump_process(const char *arg);

#endif
