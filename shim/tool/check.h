/* check.h - `greenshim-check PROGRAM`: whether greenshim can run it, and what it finds in the libraries. */
#ifndef TOOL_CHECK_H
#define TOOL_CHECK_H

/* Tells on stdout. The exit status: 0 it can run, 1 it cannot. */
int check_program(const char *path);
/* Every site of one object, a line each: address, number or -, kind, window; then a line of counts. 0; 1: unreadable. */
int check_sites(const char *path);

#endif
