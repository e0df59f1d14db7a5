/* Opens a library with system calls of its own, again and again, while another thread has to run for them to return. */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ROUNDS 20

static int to_other[2], from_other[2];

/* Answers each byte with one, but not at once. */
static void *other(void *arg)
{
	char c;

	while (read(to_other[0], &c, 1) == 1) {
		usleep(1000);
		if (write(from_other[1], &c, 1) != 1)
			abort();
	}
	return arg;
}

static void ask(char c)
{
	if (write(to_other[1], &c, 1) != 1)
		abort();
}

static int mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	int c, lines = 0;

	while (maps && (c = fgetc(maps)) != EOF)
		lines += c == '\n';
	if (maps)
		fclose(maps);
	return lines;
}

/* own: with a list of its own, and a C library. */
static void open_once(const char *path, int number, int own)
{
	void *library;
	long (*late_read)(int, char *, long), (*late_begun)(void);
	char c = 0;

	ask('a'); /* for its constructor */
	library = own ? dlmopen(LM_ID_NEWLM, path, RTLD_NOW) : dlopen(path, RTLD_NOW);
	if (!library) {
		puts(dlerror());
		exit(1);
	}
	*(void **)&late_read = dlsym(library, "late_read");
	*(void **)&late_begun = dlsym(library, "late_begun");
	ask((char)('b' + number));
	printf("constructor %ld, ", late_begun());
	printf("read %ld %c, ", late_read(from_other[0], &c, 1), c);
	printf("closed %d\n", dlclose(library));
}

int main(int argc, char **argv)
{
	pthread_t t;
	int before = 0;

	if (argc < 2 || pipe(to_other) || pipe(from_other) || dup2(from_other[0], FROM) != FROM)
		return 1;
	pthread_create(&t, NULL, other, NULL);
	for (int i = 0; i < ROUNDS; i++) {
		open_once(argv[1], i, argc > 2);
		if (i == ROUNDS / 2)
			before = mappings();
	}
	printf("mappings: %s\n", mappings() > before ? "more and more" : "no more");
	close(to_other[1]);
	pthread_join(t, NULL);
	return 0;
}
