#include "stats.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "options.h"
#include "patch.h"
#include "sys.h"
#include "thread.h"

struct text {
	char at[8192];
	size_t used;
};

static void put(struct text *text, const char *key, const char *suffix, uint64_t value)
{
	int n = snprintf(text->at + text->used, sizeof(text->at) - text->used, "%s%s %llu\n", key, suffix,
			 (unsigned long long)value);

	if (n > 0 && (size_t)n < sizeof(text->at) - text->used)
		text->used += (size_t)n;
}

/* The process's, from /proc/self/status. */
static unsigned os_threads(void)
{
	char status[4096];
	const char *line;
	unsigned count = 0;
	long n, fd = sys_call(SYS_openat, AT_FDCWD, "/proc/self/status", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	n = sys_call(SYS_read, fd, status, sizeof(status) - 1);
	sys_call(SYS_close, fd);
	status[n > 0 ? n : 0] = '\0';
	line = strstr(status, "\nThreads:");
	if (line)
		sscanf(line, "\nThreads: %u", &count);
	return count;
}

static uint64_t switches(const struct hub *hub)
{
	uint64_t sum = hub->home.switches;

	for (const struct cpu *cpu = hub->others; cpu; cpu = cpu->next)
		sum += cpu->switches;
	return sum;
}

static void compose(struct text *text)
{
	const struct patch_counts *sites = patch_counts();

	put(text, "pid", "", (uint64_t)sys_call(SYS_getpid));
	put(text, "threads_made", "", stats.threads_made);
	put(text, "threads_most_alive", "", stats.threads_most_alive);
	put(text, "os_threads", "", os_threads());
	put(text, "switches", "", switches(&threads.hub));
	put(text, "polls", "", threads.hub.polls);
	put(text, "kernel_calls", "", stats.kernel_calls);
	put(text, "offloaded", "", stats.offloaded);
	put(text, "preempted", "", stats.preempted);
	put(text, "hub_blocked_ns", "", threads.hub.blocked_ns);
	put(text, "sites_found", "", sites->found);
	put(text, "sites_patched", "", sites->patched);
	put(text, "sites_left", "", sites->left);
	for (long nr = 0; nr < CALL_LIMIT; nr++)
		if (stats.parks[nr])
			put(text, "parks.", call_name(nr), stats.parks[nr]);
	for (long nr = 0; nr < CALL_LIMIT; nr++)
		if (stats.answered[nr] && call_name(nr))
			put(text, "calls.", call_name(nr), stats.answered[nr]);
}

/* The name with %p replaced by the process's number. */
static void expand(char *out, size_t size, const char *name)
{
	const char *p = strstr(name, "%p");

	if (p)
		snprintf(out, size, "%.*s%d%s", (int)(p - name), name, (int)sys_call(SYS_getpid), p + 2);
	else
		snprintf(out, size, "%s", name);
}

static void write_all(void *arg)
{
	struct text text = {.used = 0};
	char name[sizeof(options.stats_file) + 16];
	long fd = STDERR_FILENO;

	(void)arg;
	hub_measure(&threads.hub);
	compose(&text);
	if (options.stats_file[0]) {
		expand(name, sizeof(name), options.stats_file);
		fd = sys_call(SYS_openat, AT_FDCWD, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	}
	if (fd < 0)
		return;
	sys_call(SYS_write, fd, text.at, text.used);
	if (fd != STDERR_FILENO)
		sys_call(SYS_close, fd);
}

void stats_write(void)
{
	if (!options.stats)
		return;
	options.stats = false;
	hub_call(write_all, NULL);
}
