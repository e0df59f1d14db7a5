/* slow_fs_server.h - slow_fs.h's server: the kernel's protocol (linux/fuse.h), and the files, in memory. */
#ifndef SLOW_FS_SERVER_H
#define SLOW_FS_SERVER_H

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SLOW_FILES 16
#define SLOW_SIZE 65536
#define SLOW_BUFFER (SLOW_SIZE + 65536)

struct slow_order {
	char kind; /* 'h'old, 'l'et go, 'd'elay */
	unsigned value;
};

struct slow_file {
	char name[64]; /* empty: free */
	size_t size;
	char data[SLOW_SIZE];
};

struct slow_held {
	bool is;
	int64_t until_ns;
	char request[SLOW_BUFFER];
};

static struct {
	int device, orders;
	unsigned hold; /* an opcode, or 0 */
	unsigned delay_us;
	int64_t limit_ns;
	struct slow_file *files;
	struct slow_held *held;
} slow;

static inline int64_t slow_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000L + ts.tv_nsec;
}

/* The server. Inode 1 is the root, n + 2 the file n. */

static inline void slow_reply(uint64_t unique, int error, const void *data, size_t size)
{
	static char out[SLOW_BUFFER];
	struct fuse_out_header *header = (void *)out;

	*header = (struct fuse_out_header){.len = (uint32_t)(sizeof(*header) + size), .error = error, .unique = unique};
	if (size)
		memcpy(out + sizeof(*header), data, size);
	if (write(slow.device, out, header->len) < 0 && errno != ENOENT && errno != EINTR)
		_exit(0); /* unmounted */
}

static inline struct slow_file *slow_by_name(const char *name)
{
	for (int i = 0; i < SLOW_FILES; i++)
		if (!strcmp(slow.files[i].name, name))
			return &slow.files[i];
	return NULL;
}

static inline struct slow_file *slow_by_inode(uint64_t inode)
{
	return inode >= 2 && inode < SLOW_FILES + 2 ? &slow.files[inode - 2] : NULL;
}

static inline struct fuse_attr slow_attr(uint64_t inode)
{
	const struct slow_file *f = slow_by_inode(inode);

	return (struct fuse_attr){.ino = inode,
				  .size = f ? f->size : 0,
				  .mode = f ? S_IFREG | 0666 : S_IFDIR | 0777,
				  .nlink = 1,
				  .blksize = 4096};
}

static inline void slow_entry(uint64_t unique, const struct slow_file *f, bool open)
{
	struct {
		struct fuse_entry_out entry;
		struct fuse_open_out open;
	} out = {.open.open_flags = FOPEN_DIRECT_IO};
	uint64_t inode = (uint64_t)(f - slow.files) + 2;

	if (!f) {
		slow_reply(unique, -ENOENT, NULL, 0);
		return;
	}
	out.entry = (struct fuse_entry_out){.nodeid = inode, .attr = slow_attr(inode)};
	slow_reply(unique, 0, &out, open ? sizeof(out) : sizeof(out.entry));
}

static inline void slow_create(uint64_t unique, const char *name, bool open)
{
	struct slow_file *f = slow_by_name(name);

	if (!f && (f = slow_by_name(""))) {
		strncpy(f->name, name, sizeof(f->name) - 1);
		f->size = 0;
	}
	slow_entry(unique, f, open);
}

static inline void slow_list(uint64_t unique, uint64_t from)
{
	char out[SLOW_FILES * 128];
	size_t used = 0;

	for (uint64_t i = from; i < SLOW_FILES; i++) {
		struct fuse_dirent *d = (void *)(out + used);
		size_t length = strlen(slow.files[i].name);

		if (!length)
			continue;
		memset(d, 0, FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + length));
		*d = (struct fuse_dirent){.ino = i + 2, .off = i + 1, .namelen = (uint32_t)length, .type = DT_REG};
		memcpy(d->name, slow.files[i].name, length);
		used += FUSE_DIRENT_SIZE(d);
	}
	slow_reply(unique, 0, out, used);
}

static inline void slow_write(uint64_t unique, struct slow_file *f, const struct fuse_write_in *in)
{
	struct fuse_write_out out = {.size = in->size};

	if (!f || in->offset + in->size > SLOW_SIZE) {
		slow_reply(unique, f ? -ENOSPC : -EIO, NULL, 0);
		return;
	}
	memcpy(f->data + in->offset, in + 1, in->size);
	if (in->offset + in->size > f->size)
		f->size = in->offset + in->size;
	slow_reply(unique, 0, &out, sizeof(out));
}

static inline void slow_read(uint64_t unique, const struct slow_file *f, const struct fuse_read_in *in)
{
	size_t left = f && in->offset < f->size ? f->size - in->offset : 0;

	slow_reply(unique, 0, left ? f->data + in->offset : NULL, left < in->size ? left : in->size);
}

static inline void slow_set(uint64_t unique, uint64_t inode, const struct fuse_setattr_in *in)
{
	struct slow_file *f = slow_by_inode(inode);
	struct fuse_attr_out out = {.attr_valid = 0};

	if (f && in->valid & FATTR_SIZE && in->size <= SLOW_SIZE) {
		if (in->size > f->size)
			memset(f->data + f->size, 0, in->size - f->size);
		f->size = in->size;
	}
	out.attr = slow_attr(inode);
	slow_reply(unique, 0, &out, sizeof(out));
}

static inline void slow_fallocate(uint64_t unique, struct slow_file *f, const struct fuse_fallocate_in *in)
{
	if (f && in->offset + in->length <= SLOW_SIZE && in->offset + in->length > f->size)
		f->size = in->offset + in->length;
	slow_reply(unique, 0, NULL, 0);
}

static inline void slow_rename(uint64_t unique, const char *from)
{
	struct slow_file *f = slow_by_name(from), *there = slow_by_name(from + strlen(from) + 1);

	if (there)
		there->name[0] = '\0';
	if (f)
		strncpy(f->name, from + strlen(from) + 1, sizeof(f->name) - 1);
	slow_reply(unique, f ? 0 : -ENOENT, NULL, 0);
}

static inline void slow_unlink(uint64_t unique, const char *name)
{
	struct slow_file *f = slow_by_name(name);

	if (f)
		f->name[0] = '\0';
	slow_reply(unique, f ? 0 : -ENOENT, NULL, 0);
}

static inline void slow_answer(const void *request)
{
	const struct fuse_in_header *h = request;
	const void *in = h + 1;
	struct slow_file *f = slow_by_inode(h->nodeid);

	switch (h->opcode) {
	case FUSE_INIT: {
		struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION,
					    .minor = FUSE_KERNEL_MINOR_VERSION,
					    .max_readahead = 4096,
					    .max_write = SLOW_SIZE,
					    .flags = FUSE_ATOMIC_O_TRUNC};

		slow_reply(h->unique, 0, &out, sizeof(out));
		return;
	}
	case FUSE_LOOKUP:
		slow_entry(h->unique, slow_by_name(in), false);
		return;
	case FUSE_GETATTR: {
		struct fuse_attr_out out = {.attr = slow_attr(h->nodeid)};

		slow_reply(h->unique, 0, &out, sizeof(out));
		return;
	}
	case FUSE_SETATTR:
		slow_set(h->unique, h->nodeid, in);
		return;
	case FUSE_CREATE:
		slow_create(h->unique, (const char *)in + sizeof(struct fuse_create_in), true);
		return;
	case FUSE_OPEN:
		if (f && ((const struct fuse_open_in *)in)->flags & O_TRUNC)
			f->size = 0;
		/* fall through */
	case FUSE_OPENDIR: {
		struct fuse_open_out out = {.open_flags = f ? FOPEN_DIRECT_IO : 0};

		slow_reply(h->unique, 0, &out, sizeof(out));
		return;
	}
	case FUSE_READ:
		slow_read(h->unique, f, in);
		return;
	case FUSE_WRITE:
		slow_write(h->unique, f, in);
		return;
	case FUSE_READDIR:
		slow_list(h->unique, ((const struct fuse_read_in *)in)->offset);
		return;
	case FUSE_UNLINK:
		slow_unlink(h->unique, in);
		return;
	case FUSE_RENAME:
		slow_rename(h->unique, (const char *)in + sizeof(struct fuse_rename_in));
		return;
	case FUSE_RENAME2:
		slow_rename(h->unique, (const char *)in + sizeof(struct fuse_rename2_in));
		return;
	case FUSE_FALLOCATE:
		slow_fallocate(h->unique, f, in);
		return;
	case FUSE_STATFS: {
		struct fuse_statfs_out out = {.st = {.bsize = 4096, .namelen = 63}};

		slow_reply(h->unique, 0, &out, sizeof(out));
		return;
	}
	case FUSE_FSYNC:
	case FUSE_FSYNCDIR:
	case FUSE_FLUSH:
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
		slow_reply(h->unique, 0, NULL, 0);
		return;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
		return;
	default:
		slow_reply(h->unique, -ENOSYS, NULL, 0);
	}
}

static inline void slow_let_go(void)
{
	slow.hold = 0;
	if (!slow.held->is)
		return;
	slow.held->is = false;
	slow_answer(slow.held->request);
}

static inline void slow_interrupt(const struct fuse_interrupt_in *in)
{
	if (!slow.held->is || ((struct fuse_in_header *)slow.held->request)->unique != in->unique)
		return;
	slow.held->is = false;
	slow_reply(in->unique, -EINTR, NULL, 0);
}

static inline void slow_request(void)
{
	static char request[SLOW_BUFFER];
	const struct fuse_in_header *h = (void *)request;
	ssize_t n = read(slow.device, request, sizeof(request));

	if (n < 0 && errno == ENODEV)
		_exit(0);
	if (n < (ssize_t)sizeof(*h))
		return;
	if (h->opcode == FUSE_INTERRUPT) {
		slow_interrupt((const void *)(h + 1));
	} else if (slow.hold && h->opcode == slow.hold) {
		slow.hold = 0;
		memcpy(slow.held->request, request, (size_t)n);
		slow.held->is = true;
		slow.held->until_ns = slow_now() + slow.limit_ns;
		if (write(slow.orders, "h", 1) != 1)
			_exit(1);
	} else {
		if (h->opcode == FUSE_READ || h->opcode == FUSE_WRITE || h->opcode == FUSE_FSYNC)
			usleep(slow.delay_us);
		slow_answer(request);
	}
}

static inline void slow_obey(void)
{
	struct slow_order order;

	if (read(slow.orders, &order, sizeof(order)) != sizeof(order))
		_exit(0);
	if (order.kind == 'h')
		slow.hold = order.value;
	else if (order.kind == 'd')
		slow.delay_us = order.value;
	else
		slow_let_go();
	if (order.kind != 'l' && write(slow.orders, "o", 1) != 1)
		_exit(1);
}

static inline void slow_serve(void)
{
	struct pollfd on[2] = {{.fd = slow.device, .events = POLLIN}, {.fd = slow.orders, .events = POLLIN}};

	for (;;) {
		int64_t left = slow.held->is ? slow.held->until_ns - slow_now() : 0;

		if (slow.held->is && left <= 0)
			slow_let_go();
		poll(on, 2, slow.held->is && left > 0 ? (int)(left / 1000000) + 1 : -1);
		if (on[1].revents)
			slow_obey();
		if (on[0].revents)
			slow_request();
	}
}

#endif
