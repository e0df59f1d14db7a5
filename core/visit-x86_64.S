/* visit-x86_64.S - context_visit, see visit.h. The pushed frame and its CFI are context_switch's, so that at the call
 * the unwinder finds the visited context's registers where its own switch left them. */
	.text
	.globl context_visit
	.hidden context_visit
	.type context_visit, @function
	.p2align 4
context_visit:
	.cfi_startproc
	.irp r, rbp, rbx, r12, r13, r14, r15
	push %\r
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %\r, 0
	.endr
	sub $8, %rsp
	.cfi_adjust_cfa_offset 8
	mov %rsp, %rcx
	mov (%rdi), %rsp
	sub $16, %rsp
	.cfi_adjust_cfa_offset 16
	mov %rcx, (%rsp)
	mov %rdx, %rdi
	call *%rsi
	mov (%rsp), %rsp
	.cfi_adjust_cfa_offset -16
	add $8, %rsp
	.cfi_adjust_cfa_offset -8
	.irp r, r15, r14, r13, r12, rbx, rbp
	pop %\r
	.cfi_adjust_cfa_offset -8
	.cfi_restore %\r
	.endr
	ret
	.cfi_endproc
	.size context_visit, . - context_visit

	.section .note.GNU-stack, "", @progbits
