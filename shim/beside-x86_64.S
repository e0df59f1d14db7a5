/* beside-x86_64.S - what of beside.c cannot run on the stack that a child of vfork goes on on. */

#include <sys/syscall.h>

/* struct beside */
#define TOP 0
#define END 8
#define SP 16
#define FRAME 24
#define STACK 32
#define MASK 56
#define MAKER 64
#define KEPT 72

	.text
	/* long beside_leave(struct beside *b): beside_wait(b) on b's own stack. What is between here and b->end is another's
	 * meanwhile. */
	.globl beside_leave
	.hidden beside_leave
	.type beside_leave, @function
	.p2align 4
beside_leave:
	.cfi_startproc
	push %rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbx, 0
	mov %rdi, %rbx
	mov %rsp, SP(%rbx)
	mov %rsp, %rsi
	mov END(%rbx), %rcx
	sub %rsi, %rcx
	lea KEPT(%rbx), %rdi
	rep movsb
	mov TOP(%rbx), %rsp
	mov %rbx, %rdi
	.cfi_remember_state
	.cfi_undefined %rip
	call beside_wait
	.cfi_restore_state
	mov SP(%rbx), %rdi
	mov END(%rbx), %rcx
	sub %rdi, %rcx
	lea KEPT(%rbx), %rsi
	rep movsb
	mov SP(%rbx), %rsp
	pop %rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
	ret
	.cfi_endproc
	.size beside_leave, . - beside_leave

	/* long beside_clone(long nr, const long arg[6], struct beside *b). The child uses no stack of ours, but
	 * what is free below its frame. */
	.globl beside_clone
	.hidden beside_clone
	.type beside_clone, @function
	.p2align 4
beside_clone:
	.cfi_startproc
	push %rbx
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rbx, 0
	mov %rdx, %rbx
	mov %rdi, %rax
	mov %rsi, %rcx
	mov (%rcx), %rdi
	mov 8(%rcx), %rsi
	mov 16(%rcx), %rdx
	mov 24(%rcx), %r10
	mov 32(%rcx), %r8
	mov 40(%rcx), %r9
	syscall
	test %rax, %rax
	jz 1f
	pop %rbx
	.cfi_adjust_cfa_offset -8
	.cfi_restore %rbx
	ret
1:	.cfi_undefined %rip
	mov FRAME(%rbx), %rsp
	and $-16, %rsp
	lea STACK(%rbx), %rdi
	xor %esi, %esi
	mov $SYS_sigaltstack, %eax
	syscall
	mov $2, %edi	/* SIG_SETMASK */
	lea MASK(%rbx), %rsi
	xor %edx, %edx
	mov $8, %r10d
	mov $SYS_rt_sigprocmask, %eax
	syscall
	cmpb $0, seccomp_used(%rip)
	je 2f
	mov MAKER(%rbx), %rdi	/* fiber_self may be the hub's meanwhile */
	xor %esi, %esi
	call seccomp_vforked
2:	mov FRAME(%rbx), %rdi
	xor %esi, %esi
	jmp call_return
	.cfi_endproc
	.size beside_clone, . - beside_clone

	.section .note.GNU-stack, "", @progbits
