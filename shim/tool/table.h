/* table.h - `greenshim-check --table OBJECT...`: the sites of objects as C text for shim/known.c. */
#ifndef TOOL_TABLE_H
#define TOOL_TABLE_H

/* Writes to stdout; what cannot be read, has no build id or no sites is passed over. The exit status. */
int table_write(char *const *paths);

#endif
