/* FIFOs: an open that waits for the other end in one thread does not stop another; neither do reads and writes. */
#include <sys/stat.h>

#include "io_test.h"

static char directory[] = "/tmp/greenshim-fifo-XXXXXX", path[64];

static void *open_reader(void *arg)
{
	(void)arg;
	return (void *)(long)open(path, O_RDONLY);
}

static void *open_writer(void *arg)
{
	(void)arg;
	return (void *)(long)open(path, O_WRONLY);
}

static void *stdio_reader(void *arg)
{
	FILE *f = fopen(path, "r");
	char line[64];

	must("fopen", f);
	while (fgets(line, sizeof(line), f))
		printf("%s: %s", (const char *)arg, line);
	fclose(f);
	return NULL;
}

static void transfer(int in, int out)
{
	static char big[1 << 18], back[1 << 18];

	fill(big, sizeof(big));
	show("write", write(out, "ab", 2));
	must("read", read_n(in, back, 2) == 2);
	if (!fork()) /* another process writes more than fits */
		_exit(write(out, big, sizeof(big)) != sizeof(big));
	must("read_n", read_n(in, back, sizeof(big)) == sizeof(big));
	puts(memcmp(big, back, sizeof(big)) ? "differs" : "same");
	wait(NULL);
	close(in);
	close(out);
}

int main(void)
{
	struct stat st;
	pthread_t a, b;
	long in, out;
	FILE *f;

	begin();
	must("mkdtemp", mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/fifo", directory);
	must("mkfifo", !mkfifo(path, 0600));
	a = spawn(open_reader, NULL);
	settle();
	puts("main goes on while one waits for a writer");
	b = spawn(open_writer, NULL);
	in = join(a);
	out = join(b);
	printf("both are open: %d\n", in >= 0 && out >= 0);
	transfer((int)in, (int)out);
	show("open for nobody", open(path, O_WRONLY | O_NONBLOCK));
	show("exclusive", open(path, O_CREAT | O_EXCL | O_WRONLY, 0600));
	show("no such file", open("/nonexistent/file", O_RDONLY));
	show("bad pointer", open(nowhere, O_RDONLY));
	show("bad pointer to write", open(nowhere, O_RDWR));
	a = spawn(stdio_reader, "fgets");
	settle();
	f = fopen(path, "w");
	must("fopen", f);
	fputs("one\ntwo\n", f);
	fflush(f);
	settle();
	fputs("three\n", f);
	fclose(f);
	join(a);
	must("unlink", !unlink(path) && !rmdir(directory) && stat(path, &st));
	return 0;
}
