/* deny WHAT[,WHAT]... PROGRAM [ARGUMENT]...: runs the program where the kernel refuses ways to make code executable. WHAT:
 * gain (memory never becomes executable, PR_SET_MDWE), exec (no mprotect to executable), move (no mremap to an address),
 * file (no memfd), signal (nothing about SIGRTMAX), or none. Exit status 77: this kernel cannot. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#define PR_MDWE_REFUSE_EXEC_GAIN 1
#endif

/* EPERM for the call where its argument has a bit of the mask. */
static int refuse(unsigned nr, unsigned argument, unsigned mask)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args) + 8 * argument),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, mask, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static int deny(const char *what)
{
	if (!strcmp(what, "gain"))
		return prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0);
	if (!strcmp(what, "exec"))
		return refuse(SYS_mprotect, 2, PROT_EXEC);
	if (!strcmp(what, "move"))
		return refuse(SYS_mremap, 3, MREMAP_FIXED);
	if (!strcmp(what, "file"))
		return refuse(SYS_memfd_create, 1, MFD_CLOEXEC);
	if (!strcmp(what, "signal"))
		return refuse(SYS_rt_sigaction, 0, 64);
	return strcmp(what, "none");
}

int main(int argc, char **argv)
{
	if (argc < 3)
		return 2;
	for (char *what = strtok(argv[1], ","); what; what = strtok(NULL, ",")) {
		if (deny(what)) {
			printf("%s cannot be denied: %s\n", what, strerror(errno));
			return 77;
		}
	}
	execv(argv[2], argv + 2);
	return 127;
}
