/* small_tls.h - whether a program can do with little room for thread-local storage (--small-tls auto). */
#ifndef SHIM_TOOL_SMALL_TLS_H
#define SHIM_TOOL_SMALL_TLS_H

/* 0: nothing that the program may load while it runs needs room in the static block; 1: it may, or nobody knows. */
int small_tls_check(const char *path);

#endif
