/* offload-x86_64.S - what the helper OS threads of offload.c run outside C. */

/* struct offload_raw (offload.h) */
#define JOB_CANCEL 0
#define JOB_NR 8
#define JOB_ARG 16

	.text
	/* long offload_clone(unsigned long flags, void *stack_top, int *parent_tid, int *child_tid, void *tls)
	 * The new OS thread calls what was put at the top of its stack: [argument] [function]. */
	.globl offload_clone
	.hidden offload_clone
	.type offload_clone, @function
	.p2align 4
offload_clone:
	.cfi_startproc
	mov %rcx, %r10
	mov $56, %eax
	syscall
	test %rax, %rax
	jz 1f
	ret
1:	.cfi_undefined %rip
	xor %ebp, %ebp
	pop %rdi
	pop %rax
	and $-16, %rsp
	call *%rax
	hlt
	.cfi_endproc
	.size offload_clone, . - offload_clone

	/* long offload_run(const struct offload_raw *raw): its system call. A signal that comes between _begin and _end
	 * finds it undone, or about to be made again: rcx is then no longer raw (offload_cut). */
	.globl offload_run
	.hidden offload_run
	.globl offload_run_begin
	.hidden offload_run_begin
	.globl offload_run_syscall
	.hidden offload_run_syscall
	.globl offload_run_end
	.hidden offload_run_end
	.type offload_run, @function
	.p2align 4
offload_run:
	.cfi_startproc
	mov %rdi, %rcx
	mov JOB_ARG(%rcx), %rdi
	mov JOB_ARG+8(%rcx), %rsi
	mov JOB_ARG+16(%rcx), %rdx
	mov JOB_ARG+24(%rcx), %r10
	mov JOB_ARG+32(%rcx), %r8
	mov JOB_ARG+40(%rcx), %r9
offload_run_begin:
	mov JOB_NR(%rcx), %rax
	cmpl $0, JOB_CANCEL(%rcx)
	jne 1f
offload_run_syscall:
	syscall
offload_run_end:
	ret
1:	mov $-513, %rax		/* ERESTARTNOINTR */
	ret
	.cfi_endproc
	.size offload_run, . - offload_run

	/* void offload_leave(void): the OS thread ends; its stack is another's as soon as the kernel has cleared its tid. */
	.globl offload_leave
	.hidden offload_leave
	.type offload_leave, @function
	.p2align 4
offload_leave:
	.cfi_startproc
	mov $60, %eax
	xor %edi, %edi
	syscall
	hlt
	.cfi_endproc
	.size offload_leave, . - offload_leave

	.section .note.GNU-stack, "", @progbits
