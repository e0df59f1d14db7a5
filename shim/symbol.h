/* symbol.h - a function of the libraries behind this one, as dlsym(RTLD_NEXT) finds it, without dlsym: before glibc 2.34
 * that is in libdl, which not every program has. Unlike there, libraries that dlopen brought are looked at too, wherever
 * they may be seen. Only the default version of a name counts. ELF gABI, "GNU hash" of binutils and glibc. */
#ifndef SHIM_SYMBOL_H
#define SHIM_SYMBOL_H

/* NULL: nobody has it. Takes the loader's lock. */
void *symbol_next(const char *name);

#endif
