/* An echo server with a thread for each connection: plain blocking reads and writes, 64 KiB stacks. */
#include <pthread.h>

#include "echo.h"

static void *serve(void *arg)
{
	int fd = (int)(long)arg;
	char buffer[4096];
	ssize_t n;

	echo_no_delay(fd);
	while ((n = read(fd, buffer, sizeof(buffer))) > 0)
		for (ssize_t done = 0, k; done < n; done += k)
			if ((k = write(fd, buffer + done, (size_t)(n - done))) < 0)
				break;
	close(fd);
	return NULL;
}

static void *end_with_input(void *arg)
{
	char byte;

	if (read(0, &byte, 1) < 0)
		perror("read");
	exit(arg != NULL);
}

int main(void)
{
	int listener = echo_listen(), fd;
	pthread_attr_t attr;
	pthread_t t;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 << 10);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_create(&t, &attr, end_with_input, NULL);
	while ((fd = accept(listener, NULL, NULL)) >= 0)
		if (pthread_create(&t, &attr, serve, (void *)(long)fd))
			return 1;
	return 1;
}
