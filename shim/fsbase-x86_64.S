/* fsbase-x86_64.S - what must run without thread-local storage: fsbase.h. */
#include <asm/prctl.h>
#include <sys/syscall.h>

/* siginfo_t, struct ucontext */
#define SI_CODE 8
#define SI_ADDR 16
#define UC_RIP 168
#define REPEATED_MAX 3

	.local last_rip
	.comm last_rip, 8, 8
	.local last_tp
	.comm last_tp, 8, 8
	.local repeated
	.comm repeated, 4, 4

	.text
	/* void fsbase_segv(int sig, siginfo_t *info, void *context) */
	.globl fsbase_segv
	.hidden fsbase_segv
	.type fsbase_segv, @function
	.p2align 4
fsbase_segv:
	.cfi_startproc
	cmpl $0, SI_CODE(%rsi)
	jle 1f
	mov SI_ADDR(%rsi), %rax
	sub fsbase_low(%rip), %rax
	cmp fsbase_size(%rip), %rax
	jae 1f
	mov context_tp(%rip), %r8
	wrfsbase %r8
	mov UC_RIP(%rdx), %rax
	cmp %rax, last_rip(%rip)
	jne 2f
	cmp %r8, last_tp(%rip)
	jne 2f
	incl repeated(%rip)
	cmpl $REPEATED_MAX, repeated(%rip)
	jae 3f
	ret
2:	mov %rax, last_rip(%rip)
	mov %r8, last_tp(%rip)
	movl $0, repeated(%rip)
	ret
	/* Again and again at one place: a debugger stops us after each signal, or the program sleeps in system calls of
	 * its own. Until the next switch the kernel may know. */
3:	movl $0, repeated(%rip)
	mov %r8, context_published_tp(%rip)
	mov $ARCH_SET_FS, %edi
	mov %r8, %rsi
	mov $SYS_arch_prctl, %eax
	syscall
	ret
1:	jmp signal_entry
	.cfi_endproc
	.size fsbase_segv, . - fsbase_segv

	/* uintptr_t fsbase_probe(void) */
	.globl fsbase_probe
	.hidden fsbase_probe
	.type fsbase_probe, @function
	.p2align 4
fsbase_probe:
	.cfi_startproc
	xor %eax, %eax
	rdfsbase %rax
	ret
	.cfi_endproc
	.size fsbase_probe, . - fsbase_probe

	/* Goes on after the rdfsbase, five bytes. */
	.globl fsbase_probe_ill
	.hidden fsbase_probe_ill
	.type fsbase_probe_ill, @function
	.p2align 4
fsbase_probe_ill:
	.cfi_startproc
	addq $5, UC_RIP(%rdx)
	ret
	.cfi_endproc
	.size fsbase_probe_ill, . - fsbase_probe_ill

	.section .note.GNU-stack, "", @progbits
