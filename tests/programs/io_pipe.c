/* Pipes: reads and writes that wait for another thread, whole and in parts, vectors, ends that go away. */
#include "io_test.h"

#define BIG (1 << 20)

static int ends[2];
static char big[BIG], back[BIG];

static void *reader(void *arg)
{
	char buf[64] = "";
	ssize_t n = read(ends[0], buf, sizeof(buf) - 1);

	printf("%s got %zd '%s'\n", (const char *)arg, n, buf);
	return NULL;
}

static void read_waits(void)
{
	pthread_t t = spawn(reader, "reader");

	settle();
	must("write", write(ends[1], "hello", 5) == 5);
	join(t);
}

static void *write_big(void *arg)
{
	(void)arg;
	return (void *)write(ends[1], big, BIG);
}

static void *writev_big(void *arg)
{
	struct iovec iov[20];
	size_t piece = BIG / 20, used = 0;

	(void)arg;
	for (int i = 0; i < 20; i++) {
		iov[i] = (struct iovec){big + used, i < 19 ? piece : BIG - used};
		used += iov[i].iov_len;
	}
	return (void *)writev(ends[1], iov, 20);
}

static void big_write(const char *name, void *(*run)(void *))
{
	pthread_t t;

	memset(back, 0, BIG);
	t = spawn(run, NULL);
	settle();
	must("read_n", read_n(ends[0], back, BIG) == BIG);
	puts(memcmp(big, back, BIG) ? "differs" : "same");
	show(name, join(t));
}

/* PIPE_BUF bytes or less stay together, whoever else writes. */
#define ROUNDS 200
#define RECORD 4096

static void *write_records(void *arg)
{
	char record[RECORD];

	memset(record, (int)(long)arg, sizeof(record));
	for (int i = 0; i < ROUNDS; i++)
		if (write(ends[1], record, sizeof(record)) != RECORD)
			return (void *)1;
	return NULL;
}

static void atomic_records(void)
{
	pthread_t t[4];
	char record[RECORD];
	int mixed = 0, counts[4] = {0};

	for (long i = 0; i < 4; i++)
		t[i] = spawn(write_records, (void *)('a' + i));
	for (int i = 0; i < 4 * ROUNDS; i++) {
		must("read_n", read_n(ends[0], record, RECORD) == RECORD);
		counts[record[0] - 'a']++;
		mixed += record[0] != record[RECORD - 1];
	}
	for (int i = 0; i < 4; i++)
		mixed += (int)join(t[i]);
	printf("records %d %d %d %d, mixed %d\n", counts[0], counts[1], counts[2], counts[3], mixed);
}

static void *read_byte(void *arg)
{
	char byte;

	(void)arg;
	return (void *)read(ends[0], &byte, 1);
}

static void many_readers(void)
{
	pthread_t t[10];
	long total = 0;

	for (int i = 0; i < 10; i++)
		t[i] = spawn(read_byte, NULL);
	settle();
	show("write for ten", write(ends[1], "0123456789", 10));
	for (int i = 0; i < 10; i++)
		total += join(t[i]);
	printf("ten readers got %ld\n", total);
}

static void arguments(void)
{
	char buf[16];
	struct iovec iov[2] = {{buf, 4}, {buf + 4, 12}}, bad = {nowhere, 4};
	int flags = fcntl(ends[0], F_GETFL);

	show("read of nothing", read(ends[0], buf, 0));
	show("write of nothing", write(ends[1], buf, 0));
	show("bad descriptor", read(987, buf, 1));
	show("negative descriptor", write(-1, buf, 1));
	show("wrong end", read(ends[1], buf, 1));
	show("other wrong end", write(ends[0], buf, 1));
	show("bad pointer", write(ends[1], nowhere, 5));
	show("bad vector", writev(ends[1], nowhere, 2));
	show("bad vector base", writev(ends[1], &bad, 1));
	show("too many vectors", writev(ends[1], nowhere, 1025));
	show("write", write(ends[1], "abcdef", 6));
	show("bad pointer to read", read(ends[0], nowhere, 3));
	show("readv", readv(ends[0], iov, 2));
	show("pread", pread(ends[0], buf, 1, 0));
	show("preadv2 elsewhere", preadv2(ends[0], iov, 1, 3, 0));
	show("preadv2 RWF_NOWAIT", preadv2(ends[0], iov, 1, -1, RWF_NOWAIT));
	fcntl(ends[0], F_SETFL, flags | O_NONBLOCK);
	show("O_NONBLOCK", read(ends[0], buf, 1));
	show("readv O_NONBLOCK", readv(ends[0], iov, 2));
	fcntl(ends[0], F_SETFL, flags);
}

/* A full pipe that is non-blocking takes what fits. */
static void non_blocking_writes(void)
{
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	show("part", write(ends[1], big, BIG));
	show("nothing", write(ends[1], big, 1));
	show("whole record", write(ends[1], big, 4096));
	fcntl(ends[1], F_SETFL, 0);
	must("drain", read_n(ends[0], back, 65536) == 65536);
}

static void *preadv2_all(void *arg)
{
	char buf[8];
	struct iovec iov = {buf, sizeof(buf)};

	(void)arg;
	return (void *)preadv2(ends[0], &iov, 1, -1, 0);
}

static void *close_writer(void *arg)
{
	settle();
	close(ends[1]);
	return arg;
}

static void ends_go(void)
{
	pthread_t t = spawn(preadv2_all, NULL);
	char byte;

	settle();
	show("writes", write(ends[1], "xyz", 3));
	show("preadv2", join(t));
	t = spawn(close_writer, NULL);
	show("read until the end", read(ends[0], &byte, 1));
	join(t);
	must("pipe", !pipe(ends));
	signal(SIGPIPE, SIG_IGN);
	t = spawn(write_big, NULL);
	settle();
	close(ends[0]);
	show("write of which 65536 fit", join(t));
	show("write to nobody", write(ends[1], "x", 1));
}

int main(void)
{
	begin();
	fill(big, BIG);
	must("pipe", !pipe(ends));
	read_waits();
	big_write("write", write_big);
	big_write("writev", writev_big);
	atomic_records();
	many_readers();
	arguments();
	non_blocking_writes();
	ends_go();
	return 0;
}
