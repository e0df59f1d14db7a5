/* visit-aarch64.S - context_visit, see visit.h. The frame is context_switch's (fpcr and d8-d15 are not needed here). */
	.text
	.globl context_visit
	.hidden context_visit
	.type context_visit, %function
	.p2align 4
context_visit:
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
	mov x9, sp
	ldr x10, [x0]
	sub sp, x10, #16
	.cfi_def_cfa_offset 192
	str x9, [sp]
	mov x0, x2
	blr x1
	ldr x9, [sp]
	mov sp, x9
	.cfi_def_cfa_offset 176
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
	.size context_visit, . - context_visit

	.section .note.GNU-stack, "", %progbits
