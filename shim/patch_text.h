/* patch_text.h - pages of code with new bytes. No page is ever writable and executable, and each is replaced at once.
 * The bytes go into a memfd that is mapped over the pages: works too where memory may not become executable
 * (PR_SET_MDWE). Where there can be no memfd, into anonymous memory that is made executable, and moved there. */
#ifndef SHIM_PATCH_TEXT_H
#define SHIM_PATCH_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All-zero: nothing is open. */
struct text {
	int fd;
	size_t size;
	bool has_fd, has_failed;
};

/* Whole pages at `at`, whatever is mapped there, become `bytes`. 0, or -errno: then they are as they were. */
long text_replace(struct text *t, uintptr_t at, const uint8_t *bytes, size_t size);
void text_close(struct text *t);

#endif
