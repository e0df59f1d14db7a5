/* Terminals: lines, raw input with its minimum and time, more output than the other side takes. */
#include <pty.h>
#include <termios.h>

#include "io_test.h"

static int master, slave;

static void *read_slave(void *arg)
{
	char buf[64] = "";
	ssize_t n = read(slave, buf, sizeof(buf) - 1);

	printf("%s: %zd '%.*s'\n", (const char *)arg, n, n > 0 ? (int)strcspn(buf, "\n") : 0, buf);
	return NULL;
}

static void input(const char *what, const char *first, const char *second)
{
	pthread_t t = spawn(read_slave, (void *)what);

	settle();
	must("write", write(master, first, strlen(first)) == (ssize_t)strlen(first));
	settle();
	must("write", !second || write(master, second, strlen(second)) == (ssize_t)strlen(second));
	join(t);
}

static void raw(unsigned char min, unsigned char time)
{
	struct termios t;

	tcgetattr(slave, &t);
	cfmakeraw(&t);
	t.c_cc[VMIN] = min;
	t.c_cc[VTIME] = time;
	tcsetattr(slave, TCSANOW, &t);
}

#define BIG 200000

static void *write_slave(void *arg)
{
	static char big[BIG];

	(void)arg;
	memset(big, 'x', BIG);
	return (void *)write(slave, big, BIG);
}

static void output(void)
{
	static char back[BIG];
	pthread_t t = spawn(write_slave, NULL);
	size_t got;

	settle();
	got = read_n(master, back, BIG);
	printf("master got %zu\n", got);
	show("slave wrote", join(t));
	show("drain", tcdrain(slave));
}

static void *read_master(void *arg)
{
	char buf[8];

	(void)arg;
	return (void *)read(master, buf, sizeof(buf));
}

static void *read_ended(void *arg)
{
	char buf[8];

	show("slave", read(slave, buf, sizeof(buf)));
	return arg;
}

/* Who waits when the other end is closed, and who comes later. */
static void closed_master(void)
{
	pthread_t thread;

	must("openpty", !openpty(&master, &slave, NULL, NULL, NULL));
	thread = spawn(read_ended, NULL);
	settle();
	close(master);
	join(thread);
	read_ended(NULL);
	close(slave);
}

int main(void)
{
	struct termios t;
	pthread_t thread;

	begin();
	must("openpty", !openpty(&master, &slave, NULL, NULL, NULL));
	tcgetattr(slave, &t);
	t.c_lflag &= ~(tcflag_t)ECHO;
	tcsetattr(slave, TCSANOW, &t);
	input("line", "hel", "lo\n");
	input("end of file", "\004", NULL);
	raw(1, 0);
	input("raw", "k", NULL);
	raw(3, 0);
	input("at least three", "a", "bc");
	raw(0, 1);
	input("a tenth of a second", "", NULL);
	raw(0, 0);
	input("at once", "", NULL);
	raw(1, 0);
	thread = spawn(read_master, NULL);
	settle();
	show("to the master", write(slave, "abc", 3));
	show("master read", join(thread));
	output();
	close(slave);
	errno = 0;
	show("no slave", join(spawn(read_master, NULL)));
	close(master);
	closed_master();
	return 0;
}
