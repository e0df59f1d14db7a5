/* tasks.h - what the kernel's threads of this process do now. */
#ifndef TASKS_H
#define TASKS_H

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Whether a task of this process other than the caller's has work to do. */
static inline bool is_busy(const char *task)
{
	char path[288], text[256] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%s/stat", task);
	f = atoi(task) == gettid() ? NULL : fopen(path, "re");
	if (!f)
		return false;
	if (!fgets(text, sizeof(text), f))
		text[0] = 0;
	fclose(f);
	return strstr(text, ") R") || strstr(text, ") D");
}

static inline bool any_busy(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	bool busy = false;

	while (dir && (entry = readdir(dir)))
		busy |= entry->d_name[0] != '.' && is_busy(entry->d_name);
	closedir(dir);
	return busy;
}

#endif
