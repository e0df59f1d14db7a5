/* Input and output that the kernel goes on with by itself: io_submit(2) and io_uring(7), by system calls alone. */
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "wait_test.h"

static void aio(void)
{
	char data[512] = "kernel", path[] = "/tmp/io_kernel.XXXXXX";
	struct timespec soon = {0, 50 * MS};
	struct io_event events[2];
	struct iocb cb = {0}, *list[] = {&cb};
	aio_context_t context = 0;
	unsigned long before = ticks;
	int fd = mkstemp(path);

	printf("io_setup: %s\n", outcome(syscall(SYS_io_setup, 8L, &context)));
	cb.aio_fildes = (unsigned)fd;
	cb.aio_lio_opcode = IOCB_CMD_PWRITE;
	cb.aio_buf = (uintptr_t)data;
	cb.aio_nbytes = sizeof(data);
	printf("io_submit: %s\n", outcome(syscall(SYS_io_submit, context, 1L, list)));
	printf("io_getevents: %s\n", outcome(syscall(SYS_io_getevents, context, 1L, 2L, events, NULL)));
	printf("written: %ld\n", (long)events[0].res);
	printf("io_getevents in vain: %s", outcome(syscall(SYS_io_getevents, context, 1L, 2L, events, &soon)));
	printf(", %s\n", went_on(before));
	before = ticks;
	printf("io_pgetevents in vain: %s", outcome(syscall(SYS_io_pgetevents, context, 1L, 2L, events, &soon, NULL)));
	printf(", %s\n", went_on(before));
	syscall(SYS_io_destroy, context);
	printf("io_getevents of nothing: %s\n", outcome(syscall(SYS_io_getevents, context, 1L, 2L, events, NULL)));
	close(fd);
	unlink(path);
}

/* The kernel makes completions only when they are asked for: since Linux 6.1. */
#define SINGLE_ISSUER (1U << 12)
#define DEFER_TASKRUN (1U << 13)

struct ring {
	int fd;
	struct io_uring_params p;
	char *sq, *cq;
	struct io_uring_sqe *sqes;
};

static unsigned *word(char *ring, unsigned offset)
{
	return (unsigned *)(ring + offset);
}

static bool ring_open(struct ring *r, unsigned flags)
{
	size_t sq, cq;

	memset(r, 0, sizeof(*r));
	r->p.flags = flags;
	r->fd = (int)syscall(SYS_io_uring_setup, 8L, &r->p);
	if (r->fd < 0)
		return false;
	sq = r->p.sq_off.array + r->p.sq_entries * sizeof(unsigned);
	cq = r->p.cq_off.cqes + r->p.cq_entries * sizeof(struct io_uring_cqe);
	r->sq = mmap(NULL, sq, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, IORING_OFF_SQ_RING);
	r->cq = mmap(NULL, cq, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, IORING_OFF_CQ_RING);
	r->sqes = mmap(NULL, r->p.sq_entries * sizeof(*r->sqes), PROT_READ | PROT_WRITE, MAP_SHARED, r->fd,
		       IORING_OFF_SQES);
	return r->sq != MAP_FAILED && r->cq != MAP_FAILED && r->sqes != MAP_FAILED;
}

static struct io_uring_sqe *submission(struct ring *r, unsigned opcode)
{
	unsigned tail = *word(r->sq, r->p.sq_off.tail), at = tail & *word(r->sq, r->p.sq_off.ring_mask);
	struct io_uring_sqe *sqe = &r->sqes[at];

	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = (uint8_t)opcode;
	word(r->sq, r->p.sq_off.array)[at] = at;
	__atomic_store_n(word(r->sq, r->p.sq_off.tail), tail + 1, __ATOMIC_RELEASE);
	return sqe;
}

/* Takes all completions; their number. */
static int completions(struct ring *r, int *last)
{
	struct io_uring_cqe *cqes = (struct io_uring_cqe *)(r->cq + r->p.cq_off.cqes);
	unsigned head = *word(r->cq, r->p.cq_off.head),
		 tail = __atomic_load_n(word(r->cq, r->p.cq_off.tail), __ATOMIC_ACQUIRE);
	int n = 0;

	for (; head != tail; head++, n++)
		*last = cqes[head & *word(r->cq, r->p.cq_off.ring_mask)].res;
	__atomic_store_n(word(r->cq, r->p.cq_off.head), head, __ATOMIC_RELEASE);
	return n;
}

static const char *enter(struct ring *r, long submit, long complete)
{
	return outcome(syscall(SYS_io_uring_enter, r->fd, submit, complete, (long)IORING_ENTER_GETEVENTS, NULL, 0L));
}

static void *writer(void *fd)
{
	nap(30);
	return (void *)write(*(int *)fd, "ring", 4);
}

static void uring(unsigned flags)
{
	struct io_uring_sqe *sqe;
	unsigned long before;
	struct ring r;
	char text[8] = "";
	int last = -1, n, ends[2];
	pthread_t t;

	if (!ring_open(&r, flags) || pipe(ends)) {
		printf("no io_uring, flags %x: %s\n", flags, strerrorname_np(errno));
		return;
	}
	submission(&r, IORING_OP_NOP);
	submission(&r, IORING_OP_NOP);
	printf("two at once: %s", enter(&r, 2, 2));
	n = completions(&r, &last);
	printf(", %d, %d\n", n, last);

	sqe = submission(&r, IORING_OP_READ);
	sqe->fd = ends[0];
	sqe->addr = (uintptr_t)text;
	sqe->len = sizeof(text);
	sqe->off = (uint64_t)-1;
	before = ticks;
	t = go(writer, &ends[1]);
	printf("a read that waits: %s", enter(&r, 1, 1));
	n = completions(&r, &last);
	printf(", %d, %d \"%s\", %s\n", n, last, text, went_on(before));
	done(t);
	printf("nothing wanted: %s\n", enter(&r, 0, 0));
	close(r.fd);
	printf("closed: %s\n", enter(&r, 0, 1));
}

int main(void)
{
	ticker_start();
	aio();
	uring(0);
	uring(SINGLE_ISSUER | DEFER_TASKRUN);
	ticker_stop();
	return 0;
}
