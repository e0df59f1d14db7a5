/* unwind.h - one step up a stack that is not the running one, by its call-frame information (DWARF 5, 6.4; LSB 10.6).
 * Reads the other stack through the kernel, so that a wrong guess ends the walk and not the process. */
#ifndef SHIM_UNWIND_H
#define SHIM_UNWIND_H

#include <stdbool.h>
#include <stdint.h>

/* psABI numbering: 3 rbx, 6 rbp, 7 rsp, 12-15, 16 the return address. */
#define UNWIND_REGISTERS 17
enum { UNWIND_RBX = 3, UNWIND_RBP = 6, UNWIND_SP = 7, UNWIND_R12 = 12, UNWIND_PC = 16 };

struct unwind {
	uintptr_t reg[UNWIND_REGISTERS];
	bool exact; /* the instruction pointer is where it was interrupted, not a return address */
};

/* False at the outermost frame, or where nothing is known. modules_read must have been called. */
bool unwind_step(struct unwind *u);
bool unwind_read(uintptr_t address, uintptr_t *word);

#endif
