/* entry-x86_64.S - where every patched site arrives (patch.c writes the stubs).
 *
 * In: rax = number, arguments in the kernel's registers, rcx = a `syscall` instruction that carries on natively (the
 * program resumes two bytes after it), r11 = the address after the original instruction. Only rax, rcx, r11 may change:
 * what the kernel clobbers. The red zone below rsp is the program's.
 * shim_entry is for libc, where flags are dead and only xmm registers can be live; shim_entry_full for anything else.
 *
 * To an unwinder the frame looks called from the site: its return address is r11's, its CFA the program's rsp. */

#include <sys/syscall.h>

#define RED_ZONE 128

	.text
	.globl shim_entry
	.hidden shim_entry
	.globl shim_entry_full
	.hidden shim_entry_full
	.globl shim_entry_end
	.hidden shim_entry_end
	.globl call_return
	.hidden call_return

	.macro pushed reg
	push \reg
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset \reg, 0
	.endm
	.macro popped reg
	pop \reg
	.cfi_adjust_cfa_offset -8
	.cfi_restore \reg
	.endm
	.macro drop bytes
	lea \bytes(%rsp), %rsp
	.cfi_adjust_cfa_offset -\bytes
	.endm

	.macro push_arguments
	pushed %r9
	pushed %r8
	pushed %r10
	pushed %rdx
	pushed %rsi
	pushed %rdi
	.endm
	.macro pop_arguments
	popped %rdi
	popped %rsi
	popped %rdx
	popped %r10
	popped %r8
	popped %r9
	.endm

	/* The top of struct call: vectors, flags, ret, pass. */
	.macro push_head vectors, full
	lea -RED_ZONE(%rsp), %rsp
	.cfi_adjust_cfa_offset RED_ZONE
	push $\vectors
	.cfi_adjust_cfa_offset 8
	.if \full
	pushfq
	cld
	.else
	push $0
	.endif
	.cfi_adjust_cfa_offset 8
	push %r11
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset %rip, 0
	push %rcx
	.cfi_adjust_cfa_offset 8
	.endm

	.macro pop_head full
	pop %rcx
	.cfi_adjust_cfa_offset -8
	pop %r11
	.cfi_adjust_cfa_offset -8
	.cfi_register %rip, %r11
	.if \full
	popfq
	.cfi_adjust_cfa_offset -8
	.else
	drop 8
	.endif
	drop (8 + RED_ZONE)
	.endm

	.macro pop_registers
	pop_arguments
	popped %rbx
	popped %rbp
	popped %r12
	popped %r13
	popped %r14
	popped %r15
	.endm

	.macro entry name, vectors, full
	.type \name, @function
	.p2align 6
\name:
	.cfi_startproc
	.cfi_def_cfa %rsp, 0
	.cfi_register %rip, %r11
	push_head \vectors, \full
	mov fiber_self@gottpoff(%rip), %rcx
	mov %fs:(%rcx), %rcx
	.cfi_remember_state
	jrcxz 7f
	push %rax
	.cfi_adjust_cfa_offset 8
	pushed %r15
	pushed %r14
	pushed %r13
	pushed %r12
	pushed %rbp
	pushed %rbx
	push_arguments
	mov %rsp, %rbp
	.cfi_def_cfa_register %rbp
	mov %rsp, %rdi
	and $-16, %rsp
	call dispatch
	mov %rbp, %rsp
	.cfi_def_cfa_register %rsp
.Lleave_\full:
	test %edx, %edx
	jnz 8f
	pop_registers
	drop 8
	pop_head \full
	lea 2(%rcx), %rcx
	jmp *%rcx
	/* Nobody to answer (the hub itself, a foreign thread, after fork): straight to the kernel. filter.c wants to
	 * know of SECCOMP_SET_MODE_FILTER. */
7:	.cfi_restore_state
	.cfi_remember_state
	cmp $SYS_seccomp, %eax
	je 5f
6:	pop_head \full
	jmp *%rcx
5:	.cfi_restore_state
	.cfi_remember_state
	cmp $1, %edi
	jne 6b
	movb $1, filter_seen(%rip)
	jmp 6b
	/* The handler passed: the site's own instruction. 2 = vfork's kind. */
8:	.cfi_restore_state
	.cfi_adjust_cfa_offset 104
	.cfi_rel_offset %r15, 88
	.cfi_rel_offset %r14, 80
	.cfi_rel_offset %r13, 72
	.cfi_rel_offset %r12, 64
	.cfi_rel_offset %rbp, 56
	.cfi_rel_offset %rbx, 48
	cmp $2, %edx
	je 9f
	.cfi_remember_state
	pop_registers
	pop %rax
	.cfi_adjust_cfa_offset -8
	pop_head \full
	jmp *%rcx
9:	.cfi_restore_state
	pop_registers
	pop %rax
	.cfi_adjust_cfa_offset -8
	pop_head \full
	jmp vfork_here
	.cfi_endproc
	.size \name, . - \name
	.endm

	entry shim_entry, 1, 0
	entry shim_entry_full, 2, 1

	/* The child runs in our memory, with our thread pointer, until it execs or exits, while this OS thread is
	 * stopped: it must find nobody to answer, and nothing may be kept on the stack, which it overwrites.
	 * vfork_resume and vfork_fiber are this OS thread's alone meanwhile. */
	.type vfork_here, @function
	.p2align 4
vfork_here:
	.cfi_startproc
	.cfi_def_cfa %rsp, 0
	.cfi_register %rip, %r11
	lea 2(%rcx), %rcx
	mov %rcx, vfork_resume(%rip)
	mov fiber_self@gottpoff(%rip), %rcx
	mov %fs:(%rcx), %r11
	mov %r11, vfork_fiber(%rip)
	movq $0, %fs:(%rcx)
	syscall
	test %rax, %rax
	jz 1f
	mov fiber_self@gottpoff(%rip), %rcx
	mov vfork_fiber(%rip), %r11
	mov %r11, %fs:(%rcx)
1:	cmpb $0, seccomp_used(%rip)
	je 2f
	.cfi_remember_state
	lea -RED_ZONE(%rsp), %rsp
	.cfi_adjust_cfa_offset RED_ZONE
	push_arguments
	pushed %rax
	pushed %rbp
	mov %rsp, %rbp
	.cfi_def_cfa_register %rbp
	and $-16, %rsp
	mov vfork_fiber(%rip), %rdi
	mov %rax, %rsi
	call seccomp_vforked
	mov %rbp, %rsp
	.cfi_def_cfa_register %rsp
	popped %rbp
	popped %rax
	pop_arguments
	drop RED_ZONE
	.cfi_restore_state
2:	jmp *vfork_resume(%rip)
	.cfi_endproc
	.size vfork_here, . - vfork_here

	/* void call_return(struct call *c, long result) */
	.type call_return, @function
	.p2align 4
call_return:
	.cfi_startproc
	.cfi_undefined %rip
	mov %rdi, %rsp
	mov %rsi, %rax
	cmpq $1, 128(%rdi)	/* vectors: VECTORS_SSE is libc's */
	mov $0, %edx
	je .Lleave_0
	jmp .Lleave_1
	.cfi_endproc
	.size call_return, . - call_return
shim_entry_end:

	.local vfork_resume
	.comm vfork_resume, 8, 8
	.local vfork_fiber
	.comm vfork_fiber, 8, 8
	.section .note.GNU-stack, "", @progbits
