/* The names for large files of functions that wait, and of their like; file handles; what was forgotten of <sys/socket.h>. */
#include <aio.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/inotify.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "thread_test.h"

static int file, ends[2];

static void aio(void)
{
	char text[16] = "";
	struct aiocb64 cb = {
		.aio_fildes = file, .aio_buf = "large", .aio_nbytes = 5, .aio_sigevent.sigev_notify = SIGEV_NONE};
	const struct aiocb64 *list[] = {&cb};
	struct aioinit init = {.aio_threads = 4, .aio_num = 16};

	aio_init(&init);
	printf("aio_write64: %s", outcome(aio_write64(&cb)));
	printf(" %s", outcome(aio_suspend64(list, 1, NULL)));
	printf(" %s", error_name(aio_error64(&cb)));
	printf(" %s\n", outcome(aio_return64(&cb)));
	cb.aio_buf = text;
	printf("aio_read64: %s", outcome(aio_read64(&cb)));
	aio_suspend64(list, 1, NULL);
	printf(" %s %s\n", outcome(aio_return64(&cb)), text);
	printf("aio_fsync64: %s", outcome(aio_fsync64(O_SYNC, &cb)));
	aio_suspend64(list, 1, NULL);
	printf(" %s", outcome(aio_return64(&cb)));
	printf(", aio_cancel64: %d\n", aio_cancel64(file, &cb) == AIO_ALLDONE);
}

static void vectors(void)
{
	char one[4] = "abc", two[8] = "defghi";
	struct iovec v[2] = {{one, 3}, {two, 6}};

	printf("pwritev64: %s", outcome(pwritev64(file, v, 2, 1)));
	printf(" %s\n", outcome(pwritev64v2(file, v, 2, 10, 0)));
	memset(two, 0, sizeof(two));
	printf("preadv64: %s", outcome(preadv64(file, v, 2, 10)));
	printf(" %s", two);
	printf(" %s", outcome(preadv64v2(file, v, 2, 1, 0)));
	printf(", past the end: %s", outcome(preadv64(file, v, 2, (off64_t)1 << 40)));
	printf(", before the start: %s", outcome(preadv64(file, v, 2, -1)));
	printf(", a pipe: %s\n", outcome(preadv64(ends[0], v, 2, 0)));
}

static void files(void)
{
	off64_t at = 1;
	char text[8] = "";

	printf("sendfile64: %s", outcome(sendfile64(ends[1], file, &at, 3)));
	printf(" %ld", (long)at);
	printf(" %s", outcome(read(ends[0], text, sizeof(text))));
	printf(" %s\n", text);
	printf("fallocate64: %s", outcome(fallocate64(file, 0, 0, 1 << 16)));
	printf(", readahead: %s", outcome(readahead(file, 0, 4096)));
	printf(" %s", outcome(readahead(ends[0], 0, 4096)));
	printf(", sync_file_range: %s", outcome(sync_file_range(file, 0, 4096, SYNC_FILE_RANGE_WRITE)));
	printf(" %s\n", outcome(sync_file_range(ends[0], 0, 0, 0)));
}

static void handles(void)
{
	union {
		struct file_handle h;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} u = {.h.handle_bytes = 0};
	int mount, root = open("/", O_RDONLY | O_DIRECTORY), ret;

	printf("name_to_handle_at: %s", outcome(name_to_handle_at(root, ".", &u.h, &mount, 0)));
	u.h.handle_bytes = MAX_HANDLE_SZ;
	ret = name_to_handle_at(root, ".", &u.h, &mount, 0);
	printf(" %s", outcome(ret));
	printf(", of none: %s", outcome(name_to_handle_at(root, "nowhere at all", &u.h, &mount, 0)));
	ret = open_by_handle_at(root, &u.h, O_RDONLY);
	printf(", open_by_handle_at: %s\n", ret < 0 ? outcome(ret) : "opened");
	if (ret >= 0)
		close(ret);
	close(root);
}

static void watches(void)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), watch = inotify_add_watch(fd, "/tmp", IN_DELETE_SELF);
	struct inotify_event event = {.mask = 0};

	printf("inotify_rm_watch: %s", outcome(inotify_rm_watch(fd, watch)));
	printf(", again: %s", outcome(inotify_rm_watch(fd, watch)));
	printf(", no watch: %s", outcome(inotify_rm_watch(ends[0], watch)));
	printf(", told: %s %d", outcome(read(fd, &event, sizeof(event))), event.mask == IN_IGNORED);
	printf(", nothing more: %s\n", outcome(read(fd, &event, sizeof(event))));
	close(fd);
}

static void sockets(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, peer;
	int listener = socket(AF_INET, SOCK_STREAM, 0), a = socket(AF_INET, SOCK_STREAM, 0), b;
	socklen_t size = sizeof(at);
	char text[8];

	bind(listener, (struct sockaddr *)&at, size);
	listen(listener, 1);
	getsockname(listener, (struct sockaddr *)&at, &size);
	printf("getpeername: %s", outcome(getpeername(a, (struct sockaddr *)&peer, &size)));
	connect(a, (struct sockaddr *)&at, sizeof(at));
	b = accept(listener, NULL, NULL);
	size = sizeof(peer);
	printf(" %s", outcome(getpeername(a, (struct sockaddr *)&peer, &size)));
	printf(" %d, of a file: %s\n", peer.sin_port == at.sin_port,
	       outcome(getpeername(file, (struct sockaddr *)&peer, &size)));
	printf("isfdtype: %d %d\n", isfdtype(a, S_IFSOCK), isfdtype(file, S_IFSOCK));
	send(a, "12", 2, 0);
	send(a, "!", 1, MSG_OOB);
	send(a, "3", 1, 0);
	nap(20);
	printf("sockatmark: %d", sockatmark(b));
	printf(" %s", outcome(recv(b, text, sizeof(text), 0)));
	printf(" %d", sockatmark(b));
	printf(" urgent %s", outcome(recv(b, text, 1, MSG_OOB)));
	printf(" %s", outcome(recv(b, text, sizeof(text), 0)));
	printf(" %d, of a file: %s\n", sockatmark(b), outcome(sockatmark(file)));
	close(a);
	close(b);
	close(listener);
}

static void *all(void *arg)
{
	aio();
	vectors();
	files();
	handles();
	watches();
	sockets();
	return arg;
}

int main(void)
{
	char path[] = "/tmp/calls_large.XXXXXX";

	setvbuf(stdout, NULL, _IONBF, 0);
	file = mkstemp(path);
	unlink(path);
	if (file < 0 || pipe(ends))
		return 1;
	ticker_start();
	done(go(all, NULL));
	puts("in main");
	all(NULL);
	ticker_stop();
	return 0;
}
