/* user-x86_64.S - user.h's functions. Leaves that keep nothing on the stack and nothing but results in the program's
 * memory: wherever one faults, it is ended by a return of -EFAULT. */

#define EFAULT 14

	.text
	.globl user_begin
	.hidden user_begin
	.globl user_end
	.hidden user_end
	.globl user_failed
	.hidden user_failed

	.macro leaf name
	.globl \name
	.hidden \name
	.type \name, @function
	.p2align 4
\name:
	.cfi_startproc
	.endm
	.macro end_leaf name
	.cfi_endproc
	.size \name, . - \name
	.endm

user_begin:
	/* Word by word: what is copied is small, and `rep movs` takes its time to begin. */
	leaf user_copy
	sub $8, %rdx
	jb 2f
1:	mov (%rsi), %rax
	mov %rax, (%rdi)
	add $8, %rsi
	add $8, %rdi
	sub $8, %rdx
	jae 1b
2:	add $8, %rdx
	jz 4f
3:	movzbl (%rsi), %eax
	mov %al, (%rdi)
	inc %rsi
	inc %rdi
	dec %rdx
	jnz 3b
4:	xor %eax, %eax
	ret
	end_leaf user_copy

	leaf user_load32
	mov (%rsi), %eax
	mov %eax, (%rdi)
	xor %eax, %eax
	ret
	end_leaf user_load32

	/* In one piece: other processes may look at it. */
	leaf user_store32
	mov %esi, (%rdi)
	xor %eax, %eax
	ret
	end_leaf user_store32

	leaf user_cas32
	mov (%rsi), %eax
	lock cmpxchg %edx, (%rdi)
	mov %eax, (%rsi)
	setne %al
	movzbl %al, %eax
	ret
	end_leaf user_cas32
user_end:

	leaf user_failed
	mov $-EFAULT, %rax
	ret
	end_leaf user_failed

	.section .note.GNU-stack, "", @progbits
