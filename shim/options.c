#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options options;

static bool is_set(const char *name)
{
	const char *value = getenv(name);

	return value && *value && strcmp(value, "0") != 0;
}

static void complain(const char *name, const char *value, const char *expected)
{
	char line[512];
	int n = snprintf(line, sizeof(line), "greenshim: %s=%.200s is ignored: expected %s\n", name, value, expected);

	for (int i = 0; i < n - 1; i++) /* one line, whatever the value */
		if ((unsigned char)line[i] < ' ')
			line[i] = '?';
	if (write(STDERR_FILENO, line, (size_t)n) < 0)
		return; /* nowhere left to say it */
}

/* "256k", "8M", "65536". 0 for anything else. */
static size_t parse_size(const char *text)
{
	char *end;
	unsigned long long n;
	unsigned shift = 0;

	if (*text < '0' || *text > '9')
		return 0;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (*end == 'k' || *end == 'K')
		shift = 10, end++;
	else if (*end == 'm' || *end == 'M')
		shift = 20, end++;
	else if (*end == 'g' || *end == 'G')
		shift = 30, end++;
	if (errno || *end || n > (1ULL << 40) >> shift)
		return 0;
	return (size_t)(n << shift);
}

static void read_stack(void)
{
	const char *text = getenv("GREENSHIM_STACK");

	if (!text || !*text)
		return;
	options.stack = parse_size(text);
	if (options.stack < 16 << 10) {
		complain("GREENSHIM_STACK", text, "a size of at least 16k, such as 256k or 8m");
		options.stack = 0;
	}
}

#define PREEMPT_MS 10
#define PREEMPT_MS_MAX 10000

static void read_preempt(void)
{
	const char *text = getenv("GREENSHIM_PREEMPT");
	char *end = NULL;
	long ms;

	options.preempt_ms = PREEMPT_MS;
	if (!text || !*text)
		return;
	if (strcmp(text, "off") == 0) {
		options.preempt_ms = 0;
		return;
	}
	ms = strtol(text, &end, 10);
	if (*end || ms < 1 || ms > PREEMPT_MS_MAX)
		complain("GREENSHIM_PREEMPT", text, "off, or 1 to 10000 milliseconds");
	else
		options.preempt_ms = ms;
}

#define HUBS_MAX 64

static void read_hubs(void)
{
	const char *text = getenv("GREENSHIM_HUBS");
	char *end = NULL;
	long n;

	options.hubs = 0;
	if (!text || !*text || !strcmp(text, "auto"))
		return;
	n = strtol(text, &end, 10);
	if (*end || n < 1 || n > HUBS_MAX)
		complain("GREENSHIM_HUBS", text, "auto, or 1 to 64");
	else
		options.hubs = (unsigned)n;
}

static void read_seed(void)
{
	const char *text = getenv("GREENSHIM_SEED");
	char *end = NULL;

	if (!text || !*text)
		return;
	errno = 0;
	options.seed = strtoul(text, &end, 10);
	if (errno || *end || *text < '0' || *text > '9') {
		complain("GREENSHIM_SEED", text, "a number");
		options.seed = 0;
	}
}

/* One of two words, the first by default: whether it is the second. */
static bool read_choice(const char *name, const char *first, const char *second)
{
	const char *text = getenv(name);
	char expected[64];

	if (!text || !*text || strcmp(text, first) == 0)
		return false;
	if (strcmp(text, second) == 0)
		return true;
	snprintf(expected, sizeof(expected), "%s or %s", first, second);
	complain(name, text, expected);
	return false;
}

static void read_stats(void)
{
	const char *text = getenv("GREENSHIM_STATS");

	if (!text || strcmp(text, "0") == 0)
		return;
	if (strlen(text) >= sizeof(options.stats_file)) {
		complain("GREENSHIM_STATS", text, "a file name of at most 255 bytes");
		return;
	}
	options.stats = true;
	if (strcmp(text, "1") != 0 && strcmp(text, "stderr") != 0)
		strcpy(options.stats_file, text);
}

#define SMALL_TLS "glibc.rtld.nns=1:glibc.rtld.optional_static_tls=0"

/* The loader has read what the launcher told it. The program is not to see it, nor what it starts, which may need the room. */
static void forget_small_tls(void)
{
	const char *tunables = getenv("GLIBC_TUNABLES");

	if (!getenv("GREENSHIM_TUNABLES"))
		return;
	unsetenv("GREENSHIM_TUNABLES");
	if (tunables && !strcmp(tunables, SMALL_TLS))
		unsetenv("GLIBC_TUNABLES");
}

/* What the program starts finds no trace of the shim. An LD_PRELOAD of others stays. */
static void leave_children_alone(void)
{
	const char *names[] = {"GREENSHIM_NO_CHILDREN", "GREENSHIM_STATS",   "GREENSHIM_STACK",	   "GREENSHIM_VERBOSE",
			       "GREENSHIM_STALL",	"GREENSHIM_PREEMPT", "GREENSHIM_SEED",	   "GREENSHIM_FILES",
			       "GREENSHIM_SYSCALLS",	"GREENSHIM_HUBS",    "GREENSHIM_SMALL_TLS"};
	const char *preload = getenv("LD_PRELOAD");
	char *rest = preload ? strdup(preload) : NULL, *out = rest ? calloc(1, strlen(rest) + 1) : NULL;
	char *save = NULL;

	for (char *p = rest && out ? strtok_r(rest, ": ", &save) : NULL; p; p = strtok_r(NULL, ": ", &save)) {
		if (strstr(p, "libgreenshim.so"))
			continue;
		if (*out)
			strcat(out, ":");
		strcat(out, p);
	}
	if (out && *out)
		setenv("LD_PRELOAD", out, 1);
	else if (out)
		unsetenv("LD_PRELOAD");
	free(rest);
	free(out);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unsetenv(names[i]);
}

void options_read(void)
{
	forget_small_tls();
	options.off = is_set("GREENSHIM_OFF");
	options.no_children = is_set("GREENSHIM_NO_CHILDREN");
	options.verbose = is_set("GREENSHIM_VERBOSE");
	options.report_stall = is_set("GREENSHIM_STALL");
	read_stack();
	read_preempt();
	read_hubs();
	read_seed();
	options.files_pool = read_choice("GREENSHIM_FILES", "direct", "pool");
	options.syscalls_all = read_choice("GREENSHIM_SYSCALLS", "sites", "all");
	read_stats();
	if (options.no_children)
		leave_children_alone();
}
