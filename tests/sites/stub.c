/* Sites of this program itself: found, patched, executed, with an entry that counts, and passes or answers. */
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "../../shim/object.h"
#include "../../shim/patch_stub.h"
#include "../../shim/sites.h"

#define PAGE 4096UL
#define ANSWER 1234567

static int failures;

#define EXPECT(cond, ...)                                                 \
	do {                                                              \
		if (!(cond)) {                                            \
			failures++;                                       \
			printf("%s:%d: %s: ", __FILE__, __LINE__, #cond); \
			printf(__VA_ARGS__);                              \
			putchar('\n');                                    \
		}                                                         \
	} while (0)

/* What the entry does and sees. answer: 0 = pass on. */
long entered, answer, seen_nr, seen_rdi, seen_pass, seen_ret;
void entry(void);

__asm__(".text\n"
	"entry:\n"
	"	lea -128(%rsp), %rsp\n"
	"	pushfq\n"
	"	incq entered(%rip)\n"
	"	mov %rax, seen_nr(%rip)\n"
	"	mov %rdi, seen_rdi(%rip)\n"
	"	mov %rcx, seen_pass(%rip)\n"
	"	mov %r11, seen_ret(%rip)\n"
	"	cmpq $0, answer(%rip)\n"
	"	je 1f\n"
	"	mov answer(%rip), %rax\n"
	"	lea 2(%rcx), %rcx\n"
	"1:	popfq\n"
	"	lea 128(%rsp), %rsp\n"
	"	jmp *%rcx\n");

/* long code_NAME(long first, long second), with the labels NAME_start, NAME_at, NAME_end where the window should be.
 * All in pages of their own, which are rewritten. */
#define CODE(name, text)                                                                \
	long code_##name(long first, long second);                                      \
	extern const uint8_t name##_start[], name##_at[], name##_end[];                 \
	__asm__(".section .sites,\"ax\",@progbits\n"                                    \
		".globl code_" #name "\n.type code_" #name ", @function\n"              \
		".p2align 4\ncode_" #name ":\n.cfi_startproc\n" text "\n.cfi_endproc\n" \
		".size code_" #name ", . - code_" #name "\n.text\n");
#define START(name) #name "_start:\n"
#define AT(name) #name "_at: syscall\n"
#define END(name) #name "_end:\n"

long datum = 77, scratch;

__asm__(".section .sites,\"ax\",@progbits\n.p2align 12\nsites_begin:\n.text\n");
extern const uint8_t sites_begin[], sites_end[];

/* Before: the number, and nothing else. */
CODE(number, START(number) "mov $39, %eax\n" END(number) AT(number) "ret")
/* Before: an operand relative to rip, which is moved along. */
CODE(load, "mov $39, %eax\n" START(load) "mov datum(%rip), %rdi\n" END(load) AT(load) "ret")
/* Before: the same with an immediate behind the displacement, and an address that is computed. */
CODE(store,
     "lea scratch(%rip), %rdi\nmov $39, %eax\n" START(store) "movl $4711, scratch(%rip)\n" END(store) AT(store) "ret")
CODE(address, "mov $39, %eax\n" START(address) "lea scratch(%rip), %rdi\n" END(address) AT(address) "ret")
/* Before: two short instructions and one long enough with them. */
CODE(several, "mov $39, %eax\n" START(several) "push %rdi\npop %rdi\nmov %rsi, %rdi\n" END(several) AT(several) "ret")
/* Before: a jump to the window's first byte is fine. */
CODE(loop, START(loop) "mov $39, %eax\n" END(loop) AT(loop) "dec %rdi\njnz loop_start\nret")
/* Across: what follows is moved; with the comparison that libc makes. */
CODE(after,
     "xor %eax, %eax\n" START(after) AT(after) "cmp $-4096, %rax\n" END(after) "ja 1f\nret\n1: mov $-1, %rax\nret")
/* Across: the window's last instruction branches, near and far away, both ways. */
CODE(branch, "jmp 2f\n2: test %rsi, %rsi\njmp 3f\n3:" START(branch) "mov %edi, %eax\n" AT(branch) "js 1f\n" END(
		     branch) "ret\n1: mov $-1, %rax\nret")
CODE(branch_long, "test %rsi, %rsi\njmp 3f\n3:" START(branch_long)
			  AT(branch_long) "js 1f\n" END(branch_long) "ret\n.skip 256, 0x90\n1: mov $-1, %rax\nret")
CODE(jump, "jmp 3f\n3:" START(jump) "mov %edi, %eax\n" AT(jump) "jmp 1f\n" END(jump) "mov $-1, %rax\nret\n1: ret")
CODE(jump_long, "jmp 3f\n3:" START(jump_long)
			AT(jump_long) "jmp 1f\n" END(jump_long) "mov $-1, %rax\nret\n.skip 256, 0x90\n1: ret")
CODE(returns, "jmp 3f\n3:" START(returns) "mov %edi, %eax\n" AT(returns) "ret\n" END(returns))
CODE(after_load, "jmp 3f\n3:" START(after_load) AT(after_load) "add datum(%rip), %rax\n" END(after_load) "ret")
/* Left: a branch comes to what would be in the window, directly or through a table. */
CODE(target, "mov %rdi, %rax\njmp 3f\n3:" START(target) AT(target) "4: dec %rsi\njns 4b\nret\n" END(target))
CODE(table, "mov $39, %eax\nlea 9f(%rip), %rcx\nmovslq (%rcx,%rdi,4), %rdx\nadd %rcx, %rdx\njmp *%rdx\n"
	    "5: mov $7, %edi\n" START(table) "6: xor %edx, %edx\n" AT(table) "7: dec %rsi\njns 7b\nret\n" END(
		    table) ".section .rodata\n.p2align 2\n9: .long 5b - 9b, 6b - 9b, 7b - 9b\n.section .sites")

__asm__(".section .sites,\"ax\",@progbits\n.p2align 12\nsites_end:\n.text\n");

struct expected {
	const char *name;
	const uint8_t *start, *at, *end;
	enum site_kind kind;
	int nr;
};

#define EXPECTED(name, kind, nr)                                     \
	{                                                            \
#name, name##_start, name##_at, name##_end, kind, nr \
	}
static const struct expected expected[] = {
	EXPECTED(number, SITE_BEFORE, 39),	EXPECTED(load, SITE_BEFORE, 39),
	EXPECTED(store, SITE_BEFORE, 39),	EXPECTED(address, SITE_BEFORE, 39),
	EXPECTED(several, SITE_BEFORE, -1),	EXPECTED(loop, SITE_BEFORE, 39),
	EXPECTED(after, SITE_ACROSS, 0),	EXPECTED(branch, SITE_ACROSS, -1),
	EXPECTED(branch_long, SITE_ACROSS, -1), EXPECTED(jump, SITE_ACROSS, -1),
	EXPECTED(jump_long, SITE_ACROSS, -1),	EXPECTED(returns, SITE_ACROSS, -1),
	EXPECTED(after_load, SITE_ACROSS, -1),	EXPECTED(target, SITE_LEFT, -1),
	EXPECTED(table, SITE_LEFT, -1),
};
#define SITES (sizeof(expected) / sizeof(expected[0]))

static struct site sites[SITES];

static bool is_wanted(long nr)
{
	return nr >= 0;
}

static int first_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	return object_of_loaded(arg, info->dlpi_addr, info->dlpi_phdr, info->dlpi_phnum, info->dlpi_name) ? 1 : -1;
}

/* Those in our pages: what finds them makes system calls too. */
static long find_ours(const struct object *o)
{
	static struct site all[64];
	long n = sites_find(o, is_wanted, all, 64), ours = 0;

	for (long i = 0; i < n; i++)
		if (all[i].at >= sites_begin && all[i].at < sites_end && ++ours <= (long)SITES)
			sites[ours - 1] = all[i];
	return ours;
}

static void find(void)
{
	struct object o;
	long n;

	EXPECT(dl_iterate_phdr(first_object, &o) == 1, "no object");
	n = find_ours(&o);
	EXPECT(n == (long)SITES, "%ld sites, not %zu", n, SITES);
	for (long i = 0; i < n && i < (long)SITES; i++) {
		const struct expected *e = &expected[i];
		const struct site *s = &sites[i];

		EXPECT(s->at == e->at && s->kind == e->kind, "%s: kind %d at %+td", e->name, s->kind, s->at - e->at);
		EXPECT(s->nr == e->nr, "%s: number %d, not %d", e->name, s->nr, e->nr);
		if (e->kind != SITE_LEFT)
			EXPECT(s->start == e->start && s->end == e->end, "%s: window from %+td to %+td", e->name,
			       s->start - e->start, s->end - e->end);
		else
			EXPECT(s->why != NULL, "%s: no reason", e->name);
	}
}

static void protect(const void *from, size_t size, int protection)
{
	if (mprotect((void *)(uintptr_t)from, size, protection)) {
		perror("mprotect");
		exit(1);
	}
}

static void patch(void)
{
	uint8_t *stub = mmap((void *)((uintptr_t)sites_end + 64 * PAGE), PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0),
		*to = stub;
	size_t size = (size_t)(sites_end - sites_begin);

	EXPECT(stub != MAP_FAILED, "no room for stubs");
	protect(sites_begin, size, PROT_READ | PROT_WRITE);
	for (size_t i = 0; i < SITES; i++) {
		uint8_t staged[STUB_MAX];
		size_t used;

		if (sites[i].kind == SITE_LEFT)
			continue;
		used = stub_write(staged, (uintptr_t)to, &sites[i], (const void *)entry);
		memcpy(to, staged, used);
		EXPECT(used > 0 && used <= STUB_MAX, "%s: stub of %zu bytes", expected[i].name, used);
		EXPECT(stub_jump((uint8_t *)(uintptr_t)sites[i].start, &sites[i], (uintptr_t)to), "%s: no jump",
		       expected[i].name);
		to += STUB_MAX;
	}
	protect(sites_begin, size, PROT_READ | PROT_EXEC);
	protect(stub, PAGE, PROT_READ | PROT_EXEC);
}

/* Through the entry `times` times, the last with `nr`. The site's own instruction must be what passing leads to. */
static void check_entry(const struct expected *e, long times, long nr)
{
	EXPECT(entered == times, "%s: entered %ld times, not %ld", e->name, entered, times);
	if (times) {
		EXPECT(seen_nr == nr, "%s: number %ld, not %ld", e->name, seen_nr, nr);
		EXPECT(seen_ret == (long)e->at + 2, "%s: return address at %+ld", e->name, seen_ret - (long)e->at - 2);
		EXPECT((seen_pass == (long)e->at) == (e->kind == SITE_BEFORE), "%s: passes to %lx", e->name, seen_pass);
		EXPECT(!memcmp((void *)seen_pass, "\x0f\x05", 2), "%s: passes to no syscall", e->name);
	}
	entered = 0;
}

static const struct expected *expected_of(const char *name)
{
	for (size_t i = 0; i < SITES; i++)
		if (!strcmp(expected[i].name, name))
			return &expected[i];
	abort();
}

#define RUN(name, first, second, result, times, nr)                                      \
	do {                                                                             \
		long got = code_##name(first, second);                                   \
		EXPECT(got == (result), "%s: %ld, not %ld", #name, got, (long)(result)); \
		check_entry(expected_of(#name), patched ? (times) : 0, nr);              \
	} while (0)

/* Everything as it is without patching, and through the entry. */
static void run_native(bool patched)
{
	long pid = getpid();

	RUN(number, 0, 0, pid, 1, 39);
	RUN(load, 0, 0, pid, 1, 39);
	EXPECT(!patched || seen_rdi == 77, "rdi is %ld", seen_rdi);
	scratch = 0;
	RUN(store, 0, 0, pid, 1, 39);
	EXPECT(scratch == 4711, "%ld was stored", scratch);
	RUN(address, 0, 0, pid, 1, 39);
	EXPECT(!patched || seen_rdi == (long)&scratch, "rdi is %lx", seen_rdi);
	RUN(several, 0, 55, pid, 1, 39);
	EXPECT(!patched || seen_rdi == 55, "rdi is %ld", seen_rdi);
	RUN(loop, 3, 0, pid, 3, 39);
	RUN(after, -1, 0, -1, 1, 0); /* read from no descriptor */
	RUN(branch, SYS_getpid, 1, pid, 1, SYS_getpid);
	RUN(branch, SYS_getpid, -1, -1, 1, SYS_getpid);
	RUN(jump, SYS_getpid, 0, pid, 1, SYS_getpid);
	RUN(returns, SYS_getpid, 0, pid, 1, SYS_getpid);
}

/* With a number that is in rax when the code begins, which C cannot promise. */
static long with_rax(long (*code)(long, long), long rax, long second)
{
	long first = 0;

	__asm__ volatile("call *%3"
			 : "+a"(rax), "+D"(first), "+S"(second)
			 : "r"(code)
			 : "rcx", "rdx", "r11", "memory", "cc");
	return rax;
}

static void run_with_rax(bool patched)
{
	long pid = getpid(), got;

	got = with_rax(code_branch_long, SYS_getpid, 1);
	EXPECT(got == pid, "%ld", got);
	check_entry(expected_of("branch_long"), patched, SYS_getpid);
	got = with_rax(code_branch_long, SYS_getpid, -1);
	EXPECT(got == -1, "%ld", got);
	check_entry(expected_of("branch_long"), patched, SYS_getpid);
	got = with_rax(code_jump_long, SYS_getpid, 0);
	EXPECT(got == pid, "%ld", got);
	check_entry(expected_of("jump_long"), patched, SYS_getpid);
	got = with_rax(code_after_load, SYS_getpid, 0);
	EXPECT(got == pid + datum, "%ld", got);
	check_entry(expected_of("after_load"), patched, SYS_getpid);
}

/* The entry answers: the kernel is not asked, and the program carries on behind its instruction. */
static void run_answered(void)
{
	bool patched = true;

	answer = ANSWER;
	RUN(number, 0, 0, ANSWER, 1, 39);
	RUN(load, 0, 0, ANSWER, 1, 39);
	RUN(loop, 5, 0, ANSWER, 5, 39);
	RUN(after, -1, 0, ANSWER, 1, 0);
	RUN(branch, SYS_getpid, 1, ANSWER, 1, SYS_getpid);
	RUN(branch, SYS_getpid, -1, -1, 1, SYS_getpid);
	RUN(jump, SYS_getpid, 0, ANSWER, 1, SYS_getpid);
	RUN(returns, SYS_getpid, 0, ANSWER, 1, SYS_getpid);
	answer = -9;
	RUN(after, -1, 0, -1, 1, 0);
	answer = 0;
}

/* A stub that a jump cannot reach, or that cannot reach back, is refused. */
static void refuse_far(void)
{
	uint8_t window[WINDOW_MAX], stub[STUB_MAX], *far = NULL, *room;

	for (uintptr_t at = (uintptr_t)sites_begin; !far;
	     at = at > (uintptr_t)1 << 46 ? PAGE << 20 : at + ((uintptr_t)1 << 40)) {
		room = mmap((void *)(((at + ((uintptr_t)3 << 30)) & ~(PAGE - 1))), PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
		if (room != MAP_FAILED && labs(room - (uint8_t *)sites_begin) > (long)2 << 30)
			far = room;
	}
	for (size_t i = 0; i < SITES; i++) {
		if (sites[i].kind == SITE_LEFT)
			continue;
		EXPECT(!stub_jump(window, &sites[i], (uintptr_t)far), "%s: a jump over %td bytes", expected[i].name,
		       far - sites[i].start);
		EXPECT(!stub_write(stub, (uintptr_t)far, &sites[i], (const void *)entry), "%s: a stub over %td bytes",
		       expected[i].name, far - sites[i].start);
	}
	munmap(far, PAGE);
}

int main(void)
{
	EXPECT(SYS_getpid == 39, "another machine");
	run_native(false);
	run_with_rax(false);
	find();
	refuse_far();
	if (failures)
		return 1;
	patch();
	for (int i = 0; i < 3; i++) {
		run_native(true);
		run_with_rax(true);
		run_answered();
	}
	EXPECT(code_target(SYS_getpid, 0) == getpid(), "a site that was left");
	EXPECT(code_table(1, 0) == getpid(), "a site that was left");
	if (!failures)
		printf("%zu sites\n", SITES);
	return failures != 0;
}
