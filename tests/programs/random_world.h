/* random_world.h - for random_calls.c: the threads, what they share, and how a call is drawn. The main thread draws all,
 * so that a seed says everything; a worker makes the call and writes down what it gave. */
#ifndef RANDOM_WORLD_H
#define RANDOM_WORLD_H

#include <fcntl.h>
#include <semaphore.h>
#include <stdarg.h>
#include <sys/mman.h>

#include "wait_test.h"

enum { IN, OUT, SIDES };
enum {
	SOCKET = 1,
	PACKETS = 2, /* keeps the bounds of messages */
	SMALL = 4,   /* how much it holds is nobody's promise: never fill it */
	IN_TURN = 8, /* several may wait for it, and are served in turn */
	SET = 16,    /* of epoll */
};

/* An open file, by the kernel's word; descriptors refer to it. Which of several waiters is served first is nobody's
 * promise for most: only calls whose result is certain are drawn. */
struct file {
	const char *kind;
	struct file *peer;
	int number, flags;
	int waits[SIDES], polls; /* threads that wait for it by a call that takes, and by one that looks */
	bool limited[SIDES];	 /* SO_RCVTIMEO, SO_SNDTIMEO: short */
	bool watched;		 /* by an epoll set, once */
};

struct end {
	int fd;
	struct file *file;
};

#define ENDS 64
#define FILES 256
static struct end ends[ENDS];
static struct file files[FILES];
static int n_ends, n_files;
static struct file nothing = {.kind = "nothing"};
static struct file *focus; /* draw what might wake who waits for it */

enum waits {
	NEVER,	   /* returns at once, */
	ENDS_SOON, /* or after a short time, */
	MAY,	   /* or when something happens */
};

#define JOB_ENDS 3
struct job {
	const struct op *op;
	enum waits waits;
	int n_ends;
	struct end end[JOB_ENDS];
	int sides[JOB_ENDS];  /* what it may wait for: bits of IN and OUT; */
	bool looks[JOB_ENDS]; /* by poll and its like */
	bool watches;	      /* by an epoll set */
	int *claim;	      /* counts those who wait for what only one may wait for */
	int drawn;	      /* as much of the text is the driver's */
	long n[6];
	size_t length;
	char *buffer;
	char text[400];
};

struct op {
	const char *name;
	bool (*draw)(struct job *); /* false: not now */
	void (*run)(struct job *);  /* in the worker */
};

enum state { IDLE, ASKED, BEGUN, DONE };

struct worker {
	pthread_t thread;
	sem_t go;
	_Atomic enum state state;
	_Atomic bool dead;
	bool canceled, waiting;
	_Atomic int handled;
	int shown, asked;
	int held[2]; /* read and write locks */
	char *memory;
	struct job job;
};

#define WORKERS 6
static struct worker workers[WORKERS];
static int n_workers, set_watchers;
static _Thread_local struct worker *me;

static uint64_t dice;

static uint64_t roll(void)
{
	dice ^= dice << 13;
	dice ^= dice >> 7;
	dice ^= dice << 17;
	return dice * 0x2545f4914f6cdd1dULL >> 16;
}

static long pick(long n)
{
	return (long)(roll() % (uint64_t)n);
}

static bool one_in(long n)
{
	return !pick(n);
}

#define LENGTH(array) ((long)(sizeof(array) / sizeof(*(array))))
#define ANY(array) ((array)[pick(LENGTH(array))])

__attribute__((format(printf, 2, 3))) static void say(struct job *j, const char *format, ...)
{
	size_t used = strlen(j->text);
	va_list list;

	va_start(list, format);
	vsnprintf(j->text + used, sizeof(j->text) - used, format, list);
	va_end(list);
}

static long say_ret(struct job *j, long ret)
{
	say(j, " = %s", outcome(ret));
	return ret;
}

/* Bytes as two figures of four, so that a line stays a line. */
static void say_bytes(struct job *j, const void *bytes, long n)
{
	const unsigned char *p = bytes;
	unsigned hash = 2166136261U;

	for (long i = 0; i < n; i++)
		hash = (hash ^ p[i]) * 16777619U;
	if (n > 0)
		say(j, " #%04x", (hash ^ hash >> 16) & 0xffff);
}

/* Each worker's buffer, with a page after it that nobody may touch. */
#define BUFFER 262144

static char *make_memory(void)
{
	char *p = mmap(NULL, BUFFER + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mprotect(p + BUFFER, 4096, PROT_NONE))
		abort();
	return p;
}

/* New text for each call that sends. */
static void fill_buffer(struct job *j)
{
	static unsigned next;

	next = next * 31 + 7;
	for (size_t i = 0; i < j->length && i < BUFFER; i++)
		j->buffer[i] = (char)('a' + (next + i / 7 + i) % 26);
}

/* ---- descriptors ---- */

static struct file *add_file(const char *kind, int flags)
{
	struct file *f = &files[n_files];

	if (n_files == FILES)
		return NULL;
	*f = (struct file){.kind = kind, .number = n_files++, .flags = flags};
	return f;
}

static void add_end(int fd, struct file *file)
{
	if (fd < 0)
		abort();
	ends[n_ends++] = (struct end){fd, file};
}

static bool room_for(int n)
{
	return n_ends + n <= ENDS && n_files + n <= FILES;
}

static void add_pair(const char *kind, const char *other, const int fd[2], int flags)
{
	struct file *a = add_file(kind, flags), *b = add_file(other, flags);

	a->peer = b;
	b->peer = a;
	add_end(fd[0], a);
	add_end(fd[1], b);
}

static struct end *end_of(const struct file *file)
{
	for (int i = 0; i < n_ends; i++)
		if (ends[i].file == file)
			return &ends[i];
	return NULL;
}

/* Any of kind (NULL: of any); mostly the one that might wake somebody, now and then a descriptor that does not fit. */
static struct end draw_end(struct job *j, const char *kind)
{
	static const int wrong[] = {-1, 9999, -100, 1 << 30};
	struct end found[ENDS], e = {0, NULL}, *near = focus ? end_of(focus) : NULL;
	int n = 0;

	for (int i = 0; i < n_ends; i++)
		if (!kind || one_in(40) || !strcmp(kind, ends[i].file->kind))
			found[n++] = ends[i];
	if (near && (!kind || !strcmp(kind, near->file->kind)) && !one_in(3))
		e = *near;
	else if (!n || one_in(60))
		e = (struct end){ANY(wrong), &nothing};
	else
		e = found[pick(n)];
	j->end[j->n_ends++] = e;
	say(j, " %s-%d", e.file->kind, e.file == &nothing ? e.fd : e.file->number);
	return e;
}

/* True if nobody else waits by the same claim. */
static bool claim(struct job *j, int *who)
{
	j->claim = who;
	return !*who;
}

/* One waits for what epoll sets watch at a time, and then nobody else does. */
static bool may_watch(struct job *j)
{
	for (int i = 0; i < n_files; i++)
		if (files[i].watched && (files[i].waits[IN] || files[i].waits[OUT] || files[i].polls))
			return false;
	j->watches = true;
	return !set_watchers;
}

/* The call may wait for the end `i` by taking (or by looking): false where it is not certain who would get what. */
static bool may_wait(struct job *j, int i, int side, bool looks)
{
	struct file *f = j->end[i].file;
	bool taken = f->waits[side] && !(f->flags & IN_TURN);

	if (f == &nothing)
		return true;
	if (f->polls || taken || (looks && (f->waits[IN] || f->waits[OUT])) || (f->watched && set_watchers))
		return false;
	for (int k = 0; k < i; k++)
		if (j->end[k].file == f && !j->looks[k])
			return false;
	if (f->flags & SET && !may_watch(j))
		return false;
	j->looks[i] = looks;
	j->sides[i] |= 1 << side;
	if (j->waits == NEVER)
		j->waits = f->limited[side] && !looks ? ENDS_SOON : MAY;
	return true;
}

static void mark(struct job *j, int by)
{
	for (int i = 0; i < j->n_ends; i++) {
		struct file *f = j->end[i].file;

		for (int side = 0; side < SIDES; side++)
			if (j->sides[i] & 1 << side)
				*(j->looks[i] ? &f->polls : &f->waits[side]) += by;
	}
	if (j->watches)
		set_watchers += by;
	if (j->claim)
		*j->claim += by;
}

/* How much may be moved at once without a race between who sends and who receives. */
static size_t draw_length(const struct end *e)
{
	static const size_t lengths[] = {0, 1, 2, 7, 8, 8, 100, 100, 1000, 4096, 5000, 70000, 200000};
	struct file *f = e->file, *p = f->peer;
	size_t n = ANY(lengths);
	bool awaited = f->waits[IN] || f->waits[OUT] || f->polls || f->watched ||
		       (p && (p->waits[IN] || p->waits[OUT] || p->polls || p->watched));

	/* A read of nothing from TCP waits, and then ends by whatever wakes it. */
	if (f->flags & SMALL && (n > 100 || n < 2))
		return 100;
	if (awaited && f->flags & SOCKET && n > 1000)
		return 1000;
	return n;
}

/* Where a call's data are: the worker's buffer, or where nothing is. */
static char *draw_pointer(struct job *j)
{
	static char *const wrong[] = {NULL, (char *)8, (char *)-1L, (char *)-4096L};

	if (!one_in(40))
		return j->buffer;
	if (one_in(2)) {
		say(j, " at the bounds");
		return j->buffer + BUFFER - 3;
	}
	say(j, " nowhere");
	return ANY(wrong);
}

#endif
