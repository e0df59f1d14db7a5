/* Reads that wait on what is neither a pipe nor a socket: eventfd, timerfd, inotify, signalfd, and what never waits. */
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include "io_test.h"

static void *read_counter(void *arg)
{
	uint64_t n = 0;
	ssize_t got = read((int)(long)arg, &n, sizeof(n));

	return got == sizeof(n) ? (void *)n : (void *)-1L;
}

static void *write_one(void *arg)
{
	uint64_t one = 1;

	return (void *)write((int)(long)arg, &one, sizeof(one));
}

static void counters(void)
{
	int fd = eventfd(0, 0), sem = eventfd(0, EFD_SEMAPHORE);
	pthread_t t[3];
	uint64_t n = 5;
	long total = 0;

	t[0] = spawn(read_counter, (void *)(long)fd);
	settle();
	show("eventfd write", write(fd, &n, sizeof(n)));
	show("eventfd read", join(t[0]));
	for (int i = 0; i < 3; i++)
		t[i] = spawn(read_counter, (void *)(long)sem);
	settle();
	n = 3;
	show("semaphore write", write(sem, &n, sizeof(n)));
	for (int i = 0; i < 3; i++)
		total += join(t[i]);
	printf("three readers got %ld\n", total);
	n = UINT64_MAX - 1;
	show("fill", write(fd, &n, sizeof(n)));
	t[0] = spawn(write_one, (void *)(long)fd);
	settle();
	printf("emptied: %d\n", join(spawn(read_counter, (void *)(long)fd)) == (long)(UINT64_MAX - 1));
	show("full eventfd write", join(t[0]));
	show("short read", read(fd, &n, 4));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	show("eventfd", read(fd, &n, sizeof(n)));
	show("empty", read(fd, &n, sizeof(n)));
	close(fd);
	close(sem);
}

static void timers(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);
	struct itimerspec at = {.it_value = {0, 30000000}};
	pthread_t t;

	must("settime", !timerfd_settime(fd, 0, &at, NULL));
	t = spawn(read_counter, (void *)(long)fd);
	puts("main goes on");
	show("timerfd", join(t));
	close(fd);
}

static void *read_event(void *arg)
{
	struct {
		struct inotify_event event;
		char name[64];
	} e;

	must("inotify", read((int)(long)arg, &e, sizeof(e)) > 0);
	printf("created %s\n", e.event.name);
	return NULL;
}

static void watches(void)
{
	char directory[] = "/tmp/greenshim-inotify-XXXXXX", path[64];
	int fd = inotify_init();
	pthread_t t;

	must("mkdtemp", mkdtemp(directory));
	must("watch", inotify_add_watch(fd, directory, IN_CREATE) >= 0);
	t = spawn(read_event, (void *)(long)fd);
	settle();
	snprintf(path, sizeof(path), "%s/file", directory);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	join(t);
	close(fd);
	unlink(path);
	rmdir(directory);
}

static void *read_signal(void *arg)
{
	struct signalfd_siginfo info;

	must("signalfd", read((int)(long)arg, &info, sizeof(info)) == sizeof(info));
	return (void *)(long)info.ssi_signo;
}

static void signals(void)
{
	sigset_t set;
	pthread_t t;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, 0);
	t = spawn(read_signal, (void *)(long)fd);
	settle();
	kill(getpid(), SIGUSR2);
	printf("signalfd: %d\n", join(t) == SIGUSR2);
	close(fd);
}

static void always_ready(void)
{
	char buf[64] = "text", back[64] = "";
	int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDONLY), file = memfd_create("file", 0);
	struct iovec iov[2] = {{back, 2}, {back + 2, 2}};

	show("null read", read(null, buf, 4));
	show("null write", write(null, buf, 4));
	show("zero", read(zero, back, 4));
	show("file write", write(file, buf, 4));
	show("file at end", read(file, back, 4));
	show("pread", pread(file, back, 3, 1));
	show("lseek", lseek(file, 0, SEEK_SET));
	show("readv", readv(file, iov, 2));
	printf("%.4s\n", back);
	show("preadv", preadv(file, iov, 2, 0));
	show("directory", read(open("/", O_RDONLY), buf, 4));
	show("closed", (close(file), read(file, buf, 1)));
	close(null);
	close(zero);
}

int main(void)
{
	begin();
	counters();
	timers();
	watches();
	signals();
	always_ready();
	return 0;
}
