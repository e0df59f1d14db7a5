/* context-aarch64.S - see context.h. A suspended stack holds, from its saved pointer upwards: fpcr, padding, d8-d15,
 * x19-x28, x29, x30 (AAPCS64 6.1: what a call keeps). */
	.text
	.globl context_switch
	.hidden context_switch
	.type context_switch, %function
	.p2align 4
context_switch:
	.cfi_startproc
	sub sp, sp, #176
	.cfi_def_cfa_offset 176
	stp x29, x30, [sp, #160]
	.cfi_offset x29, -16
	.cfi_offset x30, -8
	stp x27, x28, [sp, #144]
	.cfi_offset x27, -32
	.cfi_offset x28, -24
	stp x25, x26, [sp, #128]
	.cfi_offset x25, -48
	.cfi_offset x26, -40
	stp x23, x24, [sp, #112]
	.cfi_offset x23, -64
	.cfi_offset x24, -56
	stp x21, x22, [sp, #96]
	.cfi_offset x21, -80
	.cfi_offset x22, -72
	stp x19, x20, [sp, #80]
	.cfi_offset x19, -96
	.cfi_offset x20, -88
	stp d14, d15, [sp, #64]
	stp d12, d13, [sp, #48]
	stp d10, d11, [sp, #32]
	stp d8, d9, [sp, #16]
	mrs x9, fpcr
	str x9, [sp]
	mov x9, sp
	str x9, [x0]
	ldp x9, x10, [x1]
	ldr x11, [x0, #8]
	cmp x10, x11
	b.eq 1f
	msr tpidr_el0, x10
1:	mov sp, x9
	ldr x9, [sp]
	msr fpcr, x9
	ldp d8, d9, [sp, #16]
	ldp d10, d11, [sp, #32]
	ldp d12, d13, [sp, #48]
	ldp d14, d15, [sp, #64]
	ldp x19, x20, [sp, #80]
	ldp x21, x22, [sp, #96]
	ldp x23, x24, [sp, #112]
	ldp x25, x26, [sp, #128]
	ldp x27, x28, [sp, #144]
	ldp x29, x30, [sp, #160]
	add sp, sp, #176
	.cfi_def_cfa_offset 0
	ret
	.cfi_endproc
	.size context_switch, . - context_switch

	/* All of v0-v31: a system call keeps them, a function call does not. */
	.globl context_switch_sse
	.hidden context_switch_sse
	.globl context_switch_xsave
	.hidden context_switch_xsave
	.type context_switch_sse, %function
	.type context_switch_xsave, %function
context_switch_sse:
context_switch_xsave:
	.cfi_startproc
	stp x29, x30, [sp, #-16]!
	.cfi_def_cfa_offset 16
	.cfi_offset x29, -16
	.cfi_offset x30, -8
	sub sp, sp, #512
	.cfi_adjust_cfa_offset 512
	.irp n, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
	str q\n, [sp, #(\n * 16)]
	.endr
	.irp n, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
	str q\n, [sp, #(\n * 16)]
	.endr
	bl context_switch
	.irp n, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
	ldr q\n, [sp, #(\n * 16)]
	.endr
	.irp n, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
	ldr q\n, [sp, #(\n * 16)]
	.endr
	add sp, sp, #512
	.cfi_adjust_cfa_offset -512
	ldp x29, x30, [sp], #16
	.cfi_def_cfa_offset 0
	ret
	.cfi_endproc
	.size context_switch_sse, . - context_switch_sse

	/* First resumption: x19 = entry, x20 = arg. The walk ends here. */
	.globl context_start
	.hidden context_start
	.type context_start, %function
context_start:
	.cfi_startproc
	.cfi_undefined x30
	nop
	mov x0, x20
	mov x29, xzr
	blr x19
	brk #0
	.cfi_endproc
	.size context_start, . - context_start

	.section .note.GNU-stack, "", %progbits
