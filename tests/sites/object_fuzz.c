/* object_fuzz FILE [COUNT [SEED]]: opens damaged copies of an ELF file and looks for sites: that must end, without a crash.
 * What is damaged: headers above all, counts and offsets with extreme values, the length. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "object.h"
#include "sites.h"

#define SITES_MAX 16384
#define HEAD 1024
#define ROUND_S 60

static struct site sites[SITES_MAX];
static uint64_t state;
static volatile long round_now;

/* xorshift64* */
static uint64_t draw(uint64_t below)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (state * 0x2545f4914f6cdd1d >> 16) % below;
}

static bool any(long nr)
{
	return nr >= 0;
}

static void died(int sig)
{
	fprintf(stderr, "signal %d in round %ld\n", sig, round_now);
	_exit(1);
}

/* One number of 1, 2, 4 or 8 bytes. */
static void damage(uint8_t *bytes, size_t size, size_t eh_frame)
{
	static const uint64_t extreme[] = {
		0, 1, 0x7f, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0xffffffff, 0x7fffffffffffffff, UINT64_MAX, 4096, -4096};
	size_t from = draw(3) ? 0 : draw(2) && eh_frame ? eh_frame : draw(size);
	size_t at = from + draw(HEAD), width = (size_t)1 << draw(4);
	uint64_t value = draw(2) ? extreme[draw(sizeof(extreme) / sizeof(*extreme))] : draw(UINT64_MAX);

	if (at + width <= size)
		memcpy(bytes + at, &value, width);
}

static size_t find_eh_frame(const uint8_t *bytes, size_t size)
{
	const Elf64_Ehdr *eh = (const Elf64_Ehdr *)bytes;
	const Elf64_Phdr *ph = (const Elf64_Phdr *)(bytes + eh->e_phoff);

	for (int i = 0; size > HEAD && i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_GNU_EH_FRAME)
			return ph[i].p_offset;
	return 0;
}

static long look(int fd, const uint8_t *bytes, size_t size)
{
	struct object o;
	char path[64];
	long n = 0;

	if (ftruncate(fd, 0) || pwrite(fd, bytes, size, 0) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	alarm(ROUND_S);
	if (!object_open(&o, path)) {
		n = sites_find(&o, any, sites, SITES_MAX);
		object_close(&o);
	}
	alarm(0);
	return n;
}

int main(int argc, char **argv)
{
	long count = argc > 2 ? atol(argv[2]) : 1000, found = 0, refused = 0;
	int in = open(argc > 1 ? argv[1] : "", O_RDONLY), fd = memfd_create("damaged", 0);
	uint8_t *whole, *copy;
	size_t eh_frame;
	struct stat st;

	if (in < 0 || fstat(in, &st) || fd < 0)
		return 2;
	state = argc > 3 ? strtoull(argv[3], NULL, 10) * 0x9e3779b97f4a7c15 + 1 : 1;
	whole = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, in, 0);
	copy = malloc((size_t)st.st_size);
	eh_frame = find_eh_frame(whole, (size_t)st.st_size);
	for (int sig = 1; sig < 32; sig++)
		if (sig == SIGSEGV || sig == SIGBUS || sig == SIGFPE || sig == SIGALRM)
			signal(sig, died);
	if (look(fd, whole, (size_t)st.st_size) <= 0)
		return 2;
	for (; round_now < count; round_now++) {
		size_t size = draw(8) ? (size_t)st.st_size : draw((uint64_t)st.st_size);
		long n;

		memcpy(copy, whole, size);
		for (uint64_t i = draw(4) + (size == (size_t)st.st_size); i; i--)
			damage(copy, size, eh_frame);
		n = look(fd, copy, size);
		found += n > 0;
		refused += n <= 0;
	}
	free(copy);
	printf("%ld with sites, %ld without\n", found, refused);
	return found && refused ? 0 : 1;
}
