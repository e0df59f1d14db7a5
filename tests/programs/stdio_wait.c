/* stdio on sockets and pipes: fgets, getc, fread, fwrite, getline and fprintf that wait in one thread do not stop
 * another, and the stream's own lock keeps a second thread waiting. */
#include "io_test.h"

static int pair[2], ends[2];

static void *by_line(void *arg)
{
	FILE *f = fdopen((int)(long)arg, "r");
	char line[64];

	while (fgets(line, sizeof(line), f))
		printf("line: %s", line);
	fclose(f);
	return NULL;
}

static void lines(int in, int out)
{
	pthread_t t = spawn(by_line, (void *)(long)in);
	FILE *f = fdopen(out, "w");

	for (int i = 0; i < 3; i++) {
		settle();
		fprintf(f, "number %d\n", i);
		fflush(f);
	}
	fclose(f);
	join(t);
}

static FILE *shared;

static void *get_one(void *arg)
{
	(void)arg;
	return (void *)(long)(getc(shared) == 'c');
}

static void locked(void)
{
	pthread_t t[4];
	long n = 0;

	must("pipe", !pipe(ends));
	shared = fdopen(ends[0], "r");
	for (int i = 0; i < 4; i++)
		t[i] = spawn(get_one, NULL);
	settle();
	must("write", write(ends[1], "cccc", 4) == 4);
	for (int i = 0; i < 4; i++)
		n += join(t[i]);
	printf("four got %ld\n", n);
	fclose(shared);
	close(ends[1]);
}

#define BIG (1 << 20)

static void *write_much(void *arg)
{
	FILE *f = fdopen((int)(long)arg, "w");
	char *data = malloc(BIG);
	size_t n;

	fill(data, BIG);
	n = fwrite(data, 1, BIG, f);
	fclose(f);
	free(data);
	return (void *)n;
}

static void much(void)
{
	char *data = malloc(BIG), *back = malloc(BIG);
	pthread_t t;
	FILE *f;

	must("socketpair", !socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	t = spawn(write_much, (void *)(long)pair[0]);
	settle();
	f = fdopen(pair[1], "r");
	fill(data, BIG);
	printf("fread %zu\n", fread(back, 1, BIG, f));
	printf("fwrite %ld, %s\n", join(t), memcmp(data, back, BIG) ? "differs" : "same");
	printf("then the end: %d\n", getc(f) == EOF && feof(f));
	fclose(f);
	free(data);
	free(back);
}

/* One stream for both directions, two threads talk. */
static void *answer(void *arg)
{
	FILE *in = fdopen((int)(long)arg, "r"), *out = fdopen(dup((int)(long)arg), "w");
	char *line = NULL;
	size_t size = 0;

	setvbuf(out, NULL, _IOLBF, 0);
	while (getline(&line, &size, in) > 0)
		fprintf(out, "you said %s", line);
	free(line);
	fclose(in);
	fclose(out);
	return NULL;
}

static void talk(void)
{
	pthread_t t;
	FILE *in, *out;
	char line[64];

	tcp_pair(pair);
	t = spawn(answer, (void *)(long)pair[1]);
	in = fdopen(pair[0], "r");
	out = fdopen(dup(pair[0]), "w");
	for (int i = 0; i < 3; i++) {
		fprintf(out, "word %d\n", i);
		fflush(out);
		printf("%s", fgets(line, sizeof(line), in));
	}
	shutdown(pair[0], SHUT_WR);
	join(t);
	fclose(in);
	fclose(out);
}

static void *popen_reader(void *arg)
{
	FILE *f = popen("sleep 0.1; echo from a child", "r");
	char line[64];

	(void)arg;
	must("popen", f && fgets(line, sizeof(line), f));
	printf("%s", line);
	return (void *)(long)pclose(f);
}

int main(void)
{
	pthread_t t;

	begin();
	must("pipe", !pipe(ends));
	lines(ends[0], ends[1]);
	must("socketpair", !socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
	lines(pair[0], pair[1]);
	locked();
	much();
	talk();
	t = spawn(popen_reader, NULL);
	settle();
	puts("main goes on");
	printf("pclose: %ld\n", join(t));
	return 0;
}
