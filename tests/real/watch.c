/* watch.c - what a process costs while a command runs.
 *
 *   watch FILE PID COMMAND [ARGUMENTS]...
 *
 * Runs COMMAND, samples process PID and all its descendants every 5 ms (new
 * ones are looked for every 50 ms), and writes to FILE, one `key value` a line:
 *   processes     most alive in one sample
 *   threads_max   most OS threads in one process in one sample; not the
 *                 workers that the kernel itself makes for io_uring
 *   rss_kb_max    most resident memory of all together
 *   cpu_ms        CPU time all spent meanwhile
 * With PID 0 it watches COMMAND itself. Exits with COMMAND's status.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MOST 4096

static struct {
	int pid;
	int parent;
	long threads, rss_kb;
} table[MOST];

static struct {
	int pid;
	double first_ms, last_ms;
} clocks[MOST];

static int table_size, clocks_size;
static long processes, threads_max, rss_kb_max;

static double cpu_ms(int pid)
{
	clockid_t clock;
	struct timespec t;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
		return -1;
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* A descendant seen for the first time later than the command's start was
 * made meanwhile: all its CPU time counts. */
static void clock_note(int pid, int is_start)
{
	double ms = cpu_ms(pid);
	int i = 0;

	if (ms < 0)
		return;
	while (i < clocks_size && clocks[i].pid != pid)
		i++;
	if (i == MOST)
		return;
	if (i == clocks_size) {
		clocks_size++;
		clocks[i].pid = pid;
		clocks[i].first_ms = is_start ? ms : 0;
	}
	clocks[i].last_ms = ms;
}

static void read_status(const char *name)
{
	char path[300], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/status", name);
	f = fopen(path, "r");
	if (!f || table_size == MOST) {
		if (f)
			fclose(f);
		return;
	}
	memset(&table[table_size], 0, sizeof(table[0]));
	table[table_size].pid = atoi(name);
	while (fgets(line, sizeof(line), f)) {
		sscanf(line, "PPid: %d", &table[table_size].parent);
		sscanf(line, "VmRSS: %ld", &table[table_size].rss_kb);
		sscanf(line, "Threads: %ld", &table[table_size].threads);
	}
	fclose(f);
	table_size++;
}

static int is_below(int row, int pid)
{
	int at = table[row].pid;

	for (int depth = 0; depth < 32 && at > 1; depth++) {
		int i = 0;

		if (at == pid)
			return 1;
		while (i < table_size && table[i].pid != at)
			i++;
		at = i < table_size ? table[i].parent : 0;
	}
	return 0;
}

/* Keeps the rows of PID and its descendants only. */
static void find_family(int pid)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int kept = 0;
	char mine[MOST];

	table_size = 0;
	while (proc && (entry = readdir(proc))) {
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			read_status(entry->d_name);
	}
	closedir(proc);
	for (int i = 0; i < table_size; i++)
		mine[i] = (char)is_below(i, pid);
	for (int i = 0; i < table_size; i++) {
		if (mine[i])
			table[kept++] = table[i];
	}
	table_size = kept;
}

static void read_family(void)
{
	int count = table_size;

	table_size = 0;
	for (int i = 0; i < count; i++) {
		char name[16];

		snprintf(name, sizeof(name), "%d", table[i].pid);
		read_status(name);
	}
}

/* io_uring's workers run no code of the process; they are named iou-wrk-PID. */
static long kernel_workers(int pid)
{
	char path[300], name[32];
	struct dirent *entry;
	long count = 0;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	tasks = opendir(path);
	while (tasks && (entry = readdir(tasks))) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/task/%.20s/comm", pid, entry->d_name);
		f = fopen(path, "r");
		if (f && fgets(name, sizeof(name), f))
			count += !strncmp(name, "iou-", 4);
		if (f)
			fclose(f);
	}
	if (tasks)
		closedir(tasks);
	return count;
}

static void sample(int pid, int is_start)
{
	static int samples;
	long rss_kb = 0;

	if (samples++ % 10 == 0)
		find_family(pid);
	else
		read_family();
	for (int i = 0; i < table_size; i++) {
		rss_kb += table[i].rss_kb;
		if (table[i].threads > threads_max)
			table[i].threads -= kernel_workers(table[i].pid);
		if (table[i].threads > threads_max)
			threads_max = table[i].threads;
		clock_note(table[i].pid, is_start);
	}
	processes = table_size > processes ? table_size : processes;
	rss_kb_max = rss_kb > rss_kb_max ? rss_kb : rss_kb_max;
}

static int write_result(const char *name)
{
	FILE *f = fopen(name, "w");
	double ms = 0;

	if (!f)
		return -1;
	for (int i = 0; i < clocks_size; i++)
		ms += clocks[i].last_ms - clocks[i].first_ms;
	fprintf(f, "processes %ld\nthreads_max %ld\nrss_kb_max %ld\ncpu_ms %.1f\n", processes, threads_max, rss_kb_max,
		ms);
	return fclose(f);
}

int main(int argc, char **argv)
{
	struct timespec pause = {.tv_nsec = 5000000};
	int pid, child, status = 0;

	if (argc < 4) {
		fputs("usage: watch FILE PID COMMAND [ARGUMENTS]...\n", stderr);
		return 2;
	}
	pid = atoi(argv[2]);
	if (pid)
		sample(pid, 1);
	child = fork();
	if (child == 0) {
		execvp(argv[3], argv + 3);
		perror(argv[3]);
		_exit(127);
	}
	while (waitpid(child, &status, WNOHANG) == 0) {
		sample(pid ? pid : child, 0);
		nanosleep(&pause, NULL);
	}
	if (pid)
		sample(pid, 0);
	if (write_result(argv[1])) {
		perror(argv[1]);
		return 1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
