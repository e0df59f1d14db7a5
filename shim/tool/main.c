/* greenshim-check - what the launcher asks a compiled program for, --check, --dump and --small-tls, and what
 * the build does: --table. */
#include <stdio.h>
#include <string.h>

#include "check.h"
#include "dump.h"
#include "small_tls.h"
#include "table.h"

int main(int argc, char **argv)
{
	if (argc == 2 && argv[1][0] != '-')
		return check_program(argv[1]);
	if (argc == 3 && !strcmp(argv[1], "--dump"))
		return dump_process(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "--sites"))
		return check_sites(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "--small-tls"))
		return small_tls_check(argv[2]);
	if (argc >= 3 && !strcmp(argv[1], "--table"))
		return table_write(argv + 2);
	fputs("usage: greenshim-check PROGRAM | --sites OBJECT | --table OBJECT... | --small-tls PROGRAM | --dump "
	      "PID\n",
	      stderr);
	return 2;
}
