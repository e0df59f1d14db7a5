/* fsbase-x86_64.S - what must run without thread-local storage: fsbase.h. */
#include <asm/prctl.h>
#include <sys/syscall.h>

/* siginfo_t, struct ucontext */
#define SI_CODE 8
#define SI_ADDR 16
#define UC_RIP 168

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
	mov context_tp(%rip), %rax
	wrfsbase %rax
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
