/* context-x86_64.S - see context.h. A suspended stack holds, from its saved pointer upwards: mxcsr and the x87 control
 * word (8 bytes), r15 r14 r13 r12 rbx rbp, the return address. */
#include <asm/prctl.h>
#include <sys/syscall.h>

/* context.h: enum context_tp_mode */
#define CONTEXT_WRFSBASE 1
#define PAGE 4096

	/* rsi and rax are kept; rbx and r12 are not. */
	.macro tell_kernel tp
	mov %rsi, %rbx
	mov %rax, %r12
	mov \tp, %rsi
	mov $ARCH_SET_FS, %edi
	mov $SYS_arch_prctl, %eax
	syscall
	mov %rbx, %rsi
	mov %r12, %rax
	.endm

	.text
	.globl context_switch
	.hidden context_switch
	.type context_switch, @function
	.p2align 5
context_switch:
	.cfi_startproc
	push %rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	push %rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbx, 0
	push %r12
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r12, 0
	push %r13
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r13, 0
	push %r14
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r14, 0
	push %r15
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %r15, 0
	sub $8, %rsp
	.cfi_adjust_cfa_offset 8
	stmxcsr (%rsp)
	fnstcw 4(%rsp)
	mov 8(%rsi), %rax
	mov %rsp, (%rdi)
	cmp 8(%rdi), %rax
	jne 2f
1:	mov (%rsi), %rsp
	ldmxcsr (%rsp)
	fldcw 4(%rsp)
	add $8, %rsp
	.cfi_adjust_cfa_offset -8
	pop %r15
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r15
	pop %r14
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r14
	pop %r13
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r13
	pop %r12
	.cfi_adjust_cfa_offset -8
	.cfi_restore %r12
	pop %rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
	pop %rbp
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbp
	ret
	.cfi_adjust_cfa_offset 56
	.cfi_rel_offset %rbp, 48
	.cfi_rel_offset %rbx, 40
	.cfi_rel_offset %r12, 32
	.cfi_rel_offset %r13, 24
	.cfi_rel_offset %r14, 16
	.cfi_rel_offset %r15, 8
2:	mov %rax, context_tp(%rip)
	cmpb $CONTEXT_WRFSBASE, context_tp_mode(%rip)
	jne 3f
5:	wrfsbase %rax
	cmpq $0, context_published_tp(%rip)
	je 1b
	/* A signal's handler may tell the kernel a thread pointer between any two instructions here: looked at only now
	 * that it would be this one. If it is another's, the kernel must forget it. */
	cmp context_published_tp(%rip), %rax
	je 1b
	movq $0, context_published_tp(%rip)
	tell_kernel context_stale_tp(%rip)
	jmp 5b
3:	tell_kernel %rax
	jmp 1b
	.cfi_endproc
	.size context_switch, . - context_switch

	/* On the stack where that needs no page which the stack pointer is not on, with what context_switch pushes. */
	.macro keep_xmm at
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	movaps %xmm\n, (\n * 16)(\at)
	.endr
	.endm
	.macro restore_xmm at
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	movaps (\n * 16)(\at), %xmm\n
	.endr
	.endm
	.globl context_switch_sse
	.hidden context_switch_sse
	.type context_switch_sse, @function
	.p2align 4
context_switch_sse:
	.cfi_startproc
	lea -(264 + 64)(%rsp), %rax
	xor %rsp, %rax
	cmp $PAGE, %rax
	jae 1f
	sub $264, %rsp
	.cfi_adjust_cfa_offset 264
	keep_xmm %rsp
	call context_switch
	restore_xmm %rsp
	add $264, %rsp
	.cfi_adjust_cfa_offset -264
	ret
1:	push %rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbx, 0
	mov %rdx, %rbx
	keep_xmm %rbx
	call context_switch
	restore_xmm %rbx
	pop %rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
	ret
	.cfi_endproc
	.size context_switch_sse, . - context_switch_sse

	.globl context_switch_xsave
	.hidden context_switch_xsave
	.type context_switch_xsave, @function
	.p2align 4
context_switch_xsave:
	.cfi_startproc
	push %rbp
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbp, 0
	mov %rsp, %rbp
	.cfi_def_cfa_register %rbp
	mov context_xsave_size(%rip), %eax
	sub %rax, %rsp
	and $-64, %rsp
	xor %eax, %eax
	.irp n, 0, 1, 2, 3, 4, 5, 6, 7
	mov %rax, (512 + \n * 8)(%rsp)	/* xrstor refuses a header with stray bits */
	.endr
	mov $-1, %eax
	mov $-1, %edx
	xsave64 (%rsp)
	call context_switch
	mov $-1, %eax
	mov $-1, %edx
	xrstor64 (%rsp)
	leave
	.cfi_def_cfa %rsp, 8
	.cfi_restore %rbp
	ret
	.cfi_endproc
	.size context_switch_xsave, . - context_switch_xsave

	/* First resumption of a context that context_make made: rbx = entry, r12 = arg. The walk ends here. */
	.globl context_start
	.hidden context_start
	.type context_start, @function
context_start:
	.cfi_startproc
	.cfi_undefined %rip
	nop
	mov %r12, %rdi
	xor %ebp, %ebp
	call *%rbx
	ud2
	.cfi_endproc
	.size context_start, . - context_start

	.section .note.GNU-stack, "", @progbits
