/* setuid and its like in a program with threads: they change all of them, by POSIX, those that wait too; children inherit
 * it. Each is tried in a child, by a thread that is not the main one. */
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "thread_test.h"

#define OTHERS 6
#define NOBODY 65534

static int ends[2], pause_fds[2], locked, other;
static char name[] = "/tmp/process_ids.XXXXXX";
static pthread_barrier_t barrier;
static pid_t child;

static void ids(char *to, size_t size)
{
	uid_t u[3];
	gid_t g[3], groups[8];
	int n = getgroups(8, groups);

	getresuid(&u[0], &u[1], &u[2]);
	getresgid(&g[0], &g[1], &g[2]);
	snprintf(to, size, "%d %d %d, %d %d %d, %d groups %d", u[0], u[1], u[2], g[0], g[1], g[2], n,
		 n > 0 ? (int)groups[0] : -1);
}

/* Waits, then says who it is. */
static void *waits(void *arg)
{
	static char said[OTHERS][128];
	long i = (long)arg;
	char byte;
	int why = 0;

	if (i == 0 && read(ends[0], &byte, 1) != 1)
		puts("read failed");
	if (i == 1 && flock(other, LOCK_EX))
		puts("flock failed");
	if (i == 2)
		pthread_barrier_wait(&barrier);
	/* What a handler ends, this does; others go on, and poll again would wait for the same. */
	if (i == 3 && poll(&(struct pollfd){ends[0], 0, 0}, 1, 20000) < 0)
		why = errno;
	if (i == 4 && nanosleep(&(struct timespec){20, 0}, NULL) < 0)
		why = errno;
	if (i == 5 && waitpid(child, NULL, 0) < 0)
		why = errno;
	if (why) /* by the first of several changes */
		return strcpy(said[i], error_name(why));
	ids(said[i], sizeof(said[i]));
	return said[i];
}

/* As the kernel has it, for each of its threads. */
static void each_task(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	char path[300], line[256], first[2][256] = {"", ""};
	bool differ = false;

	while (dir && (entry = readdir(dir))) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/self/task/%s/status", entry->d_name);
		f = entry->d_name[0] == '.' ? NULL : fopen(path, "r");
		while (f && fgets(line, sizeof(line), f)) {
			int which = !strncmp(line, "Uid:", 4) ? 0 : !strncmp(line, "Gid:", 4) ? 1 : -1;

			if (which < 0)
				continue;
			if (!first[which][0])
				strcpy(first[which], line);
			differ |= strcmp(first[which], line) != 0;
		}
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
	for (int i = 0; i < 2; i++) {
		for (char *c = first[i]; *c; c++)
			*c = *c == '\t' || *c == '\n' ? ' ' : *c;
		printf("%s", first[i]);
	}
	puts(differ ? "TASKS DIFFER" : "all tasks");
}

static int by_setuid(void)
{
	return setuid(NOBODY);
}

static int by_seteuid(void)
{
	return seteuid(NOBODY);
}

static int by_setreuid(void)
{
	return setreuid(1, 2);
}

static int by_setresuid(void)
{
	return setresuid(1, 2, 3);
}

static int by_setgid(void)
{
	return setgid(NOBODY);
}

static int by_setegid(void)
{
	return setegid(NOBODY);
}

static int by_setregid(void)
{
	return setregid(1, 2);
}

static int by_setresgid(void)
{
	return setresgid(1, 2, 3);
}

static int by_setgroups(void)
{
	gid_t groups[] = {4, 5};

	return setgroups(2, groups);
}

static int by_initgroups(void)
{
	return initgroups("nobody", 7);
}

/* As servers do; then nothing comes back. */
static int by_all(void)
{
	if (setgroups(0, NULL) || setgid(NOBODY) || setuid(NOBODY))
		return -1;
	printf("back: %s", outcome(setuid(0)));
	printf(", %s", outcome(setresgid(0, 0, 0)));
	printf(", %s", outcome(setgroups(0, NULL)));
	printf(", %s\n", outcome(seteuid(0)));
	return 0;
}

static int by_none(void)
{
	setuid(NOBODY);
	return setuid(1);
}

static const struct change {
	const char *what;
	int (*make)(void);
} changes[] = {
	{"setuid", by_setuid},	       {"seteuid", by_seteuid},	    {"setreuid", by_setreuid},
	{"setresuid", by_setresuid},   {"setgid", by_setgid},	    {"setegid", by_setegid},
	{"setregid", by_setregid},     {"setresgid", by_setresgid}, {"setgroups", by_setgroups},
	{"initgroups", by_initgroups}, {"as servers do", by_all},   {"what may not be", by_none},
};

static void show_files(void)
{
	struct stat st = {.st_uid = 0};
	char mine[64];
	int fd;

	snprintf(mine, sizeof(mine), "/tmp/process_ids.%d", getpid());
	fd = open(mine, O_RDWR | O_CREAT | O_EXCL, 0600);
	fstat(fd, &st);
	printf("a file: %d %d, another's: %s\n", st.st_uid, st.st_gid, outcome(open(name, O_RDWR)));
	close(fd);
	unlink(mine);
}

static void *changes_it(void *arg)
{
	const struct change *c = arg;
	char text[128];

	printf("%s: %s, ", c->what, outcome(c->make()));
	ids(text, sizeof(text));
	puts(text);
	each_task();
	show_files();
	return NULL;
}

static void child_has_it(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		char text[128];

		ids(text, sizeof(text));
		printf("child: %s\n", text);
		_exit(0);
	}
	waitpid(pid, &status, 0);
}

/* With other ids it may not any more. */
static void signal_child(void)
{
	if (write(pause_fds[1], "x", 1) != 1)
		puts("write failed");
}

static void try(const struct change *c)
{
	pthread_t t[OTHERS];
	char byte;

	child = fork();
	if (!child) {
		if (read(pause_fds[0], &byte, 1) != 1)
			_exit(1);
		_exit(0);
	}
	pthread_barrier_init(&barrier, NULL, 2);
	flock(locked, LOCK_EX);
	for (long i = 0; i < OTHERS; i++)
		t[i] = go(waits, (void *)i);
	settle();
	done(go(changes_it, (void *)c));
	if (write(ends[1], "x", 1) != 1)
		puts("write failed");
	flock(locked, LOCK_UN);
	signal_child();
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < OTHERS; i++)
		printf("  waited: %s\n", (char *)done(t[i]));
	flock(other, LOCK_UN);
	child_has_it();
}

int main(void)
{
	if (getuid()) {
		puts("only root may");
		return 77;
	}
	setvbuf(stdout, NULL, _IONBF, 0);
	locked = mkstemp(name);
	other = open(name, O_RDWR);
	if (pipe(ends) || pipe(pause_fds))
		return 1;
	for (size_t i = 0; i < sizeof(changes) / sizeof(*changes); i++) {
		pid_t pid = fork();

		if (!pid) {
			try(&changes[i]);
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
	unlink(name);
	return 0;
}
