#include "check.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../object.h"
#include "../sites.h"
#include "wanted.h"

#define SITES_MAX 16384
#define SCRIPT_DEPTH 4

static struct site sites[SITES_MAX];

struct tally {
	unsigned found, redirected, native, left;
};

static struct tally tally_of(long n)
{
	struct tally t = {.found = (unsigned)n};

	for (long i = 0; i < n; i++) {
		t.native += sites[i].kind == SITE_NATIVE;
		t.left += sites[i].kind == SITE_LEFT;
	}
	t.redirected = t.found - t.native - t.left;
	return t;
}

static int refuse(const char *path, const char *why)
{
	printf("%s cannot run under greenshim: it %s%s%s\n", path, why, errno ? ": " : "",
	       errno ? strerror(errno) : "");
	return 1;
}

int check_sites(const char *path)
{
	static const char *const kinds[] = {"native", "before", "across", "left"};
	struct object o;
	struct tally t;
	const char *why = object_open(&o, path);
	long n = why ? 0 : sites_find(&o, is_wanted, sites, SITES_MAX);

	if (why || n < 0) {
		fprintf(stderr, "greenshim: %s %s\n", path, why ? why : strerror((int)-n));
		return 1;
	}
	for (long i = 0; i < n; i++)
		printf("%lx %d %s %lx %lx %s\n", (unsigned long)((uintptr_t)sites[i].at - o.bias), sites[i].nr,
		       kinds[sites[i].kind], sites[i].start ? (unsigned long)((uintptr_t)sites[i].start - o.bias) : 0,
		       sites[i].end ? (unsigned long)((uintptr_t)sites[i].end - o.bias) : 0,
		       sites[i].why ? sites[i].why : "");
	t = tally_of(n);
	printf("found %u redirected %u native %u left %u\n", t.found, t.redirected, t.native, t.left);
	object_close(&o);
	return 0;
}

/* The program, or one library of it: NULL, or why it cannot run. */
static const char *check_library(const char *path)
{
	struct object o;
	struct tally t;
	bool is_glibc;
	long n;

	if (object_open(&o, path))
		return NULL; /* the loader will say what is wrong with it */
	is_glibc = o.is_glibc;
	n = sites_find(&o, is_wanted, sites, SITES_MAX);
	object_close(&o);
	if (n == -EOPNOTSUPP)
		return "has threads that wait in code that no table describes";
	if (n <= 0)
		return n == 0 || !is_glibc ? NULL : "has a C library whose system calls cannot be found";
	t = tally_of(n);
	printf("  %s: %u sites, %u redirected, %u of calls that are native, %u left\n", path, t.found, t.redirected,
	       t.native, t.left);
	return NULL;
}

/* The paths in a line of the loader's list: "libc.so.6 => /lib/... (0x...)", or "/lib64/ld-... (0x...)". */
static char *path_in(char *line)
{
	char *path = strchr(line, '/'), *end = path ? strstr(path, " (0x") : NULL;

	if (!end)
		return NULL;
	*end = '\0';
	return path;
}

/* Runs the program's own loader, which only lists. Where libraries are looked for from where the program is ($ORIGIN),
 * that is what a symbolic link leads to, as in /proc/self/exe. */
static FILE *list_libraries(const char *interpreter, const char *path, pid_t *pid)
{
	char real[PATH_MAX];
	int ends[2];

	if (!realpath(path, real) || pipe(ends))
		return NULL;
	*pid = fork();
	if (*pid == 0) {
		unsetenv("LD_PRELOAD");
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		execl(interpreter, interpreter, "--list", real, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	return *pid < 0 ? NULL : fdopen(ends[0], "r");
}

static int check_libraries(const char *interpreter, const char *path)
{
	char line[PATH_MAX + 64], *library;
	bool has_libc = false;
	int status = 0;
	pid_t pid = -1;
	FILE *list = list_libraries(interpreter, path, &pid);
	const char *why = check_library(path), *its;

	while (list && fgets(line, sizeof(line), list)) {
		library = path_in(line);
		if (!library)
			continue;
		has_libc |= strstr(library, "/libc.so.6") != NULL;
		its = check_library(library);
		why = why ? why : its;
	}
	if (list)
		fclose(list);
	errno = 0;
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status)
		return refuse(path, "has libraries that its loader does not find");
	if (!has_libc)
		return refuse(path, "does not use the GNU C library");
	if (why)
		return refuse(path, why);
	printf("%s can run under greenshim\n", path);
	return 0;
}

static const char *loader_name(void)
{
#if defined(__x86_64__)
	return "ld-linux-x86-64.so.2";
#else
	return "ld-linux-aarch64.so.1";
#endif
}

/* A script's interpreter, into `path`; false: not a script. */
static bool script_interpreter(const char *script, char *path, size_t size)
{
	char line[PATH_MAX + 4] = "", *word;
	FILE *f = fopen(script, "r");
	bool is_script = f && fgets(line, sizeof(line), f) && !strncmp(line, "#!", 2);

	if (f)
		fclose(f);
	word = is_script ? strtok(line + 2, " \t\n") : NULL;
	if (!word)
		return false;
	snprintf(path, size, "%s", word);
	return true;
}

static int check_depth(const char *path, int depth)
{
	char interpreter[PATH_MAX];
	const char *slash, *why;
	struct object o;
	struct stat st;

	errno = 0;
	if (!stat(path, &st) &&
	    ((st.st_mode & S_ISUID && st.st_uid != geteuid()) || (st.st_mode & S_ISGID && st.st_gid != getegid())))
		return refuse(path, "changes its user or group at start (setuid or setgid)");
	if (depth < SCRIPT_DEPTH && script_interpreter(path, interpreter, sizeof(interpreter))) {
		printf("%s is a script of %s\n", path, interpreter);
		return check_depth(interpreter, depth + 1);
	}
	why = object_open(&o, path);
	if (why)
		return refuse(path, why);
	snprintf(interpreter, sizeof(interpreter), "%s", o.interpreter);
	object_close(&o);
	slash = strrchr(interpreter, '/');
	errno = 0;
	if (!*interpreter)
		return refuse(path, "is statically linked");
	if (strcmp(slash ? slash + 1 : interpreter, loader_name()) != 0)
		return refuse(path, "does not use the GNU C library");
	return check_libraries(interpreter, path);
}

int check_program(const char *path)
{
	return check_depth(path, 0);
}
