/* object.h - a shared object or program in memory: its code, and where its functions begin and end.
 * Two sources: one that the loader mapped (object_of_loaded), or a file, laid out as the loader would (object_open).
 * A struct object owns nothing but what object_open mapped. */
#ifndef SHIM_OBJECT_H
#define SHIM_OBJECT_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OBJECT_CODE_MAX 8

struct range {
	const uint8_t *start, *end;
};

struct object {
	uintptr_t bias; /* address = bias + the file's own */
	struct range all;
	struct range code[OBJECT_CODE_MAX]; /* the executable segments, by address */
	unsigned code_count;
	struct range data[OBJECT_CODE_MAX]; /* the readable segments without code: jump tables are there */
	unsigned data_count;
	const uint8_t *eh_frame_hdr; /* NULL: none */
	const uint8_t *build_id;
	unsigned build_id_size;	   /* 0: none */
	const Elf64_Dyn *dynamic;  /* without its end */
	size_t dynamic_count;	   /* 0: none */
	bool has_tls;		   /* thread-local storage of its own */
	bool is_relocated_in_text; /* DT_TEXTREL: the loader changes its code */
	bool is_glibc;		   /* one of the C library's own: flags are dead at its sites, vectors xmm at most */
	void *map;		   /* object_open's */
	size_t map_size;
	char interpreter[128]; /* PT_INTERP; empty: none */
	const char *name;      /* the file's, without its folder */
};

/* From program headers that are in memory. name: the path, which must live on. False: not an object with code. */
bool object_of_loaded(struct object *o, uintptr_t bias, const Elf64_Phdr *ph, unsigned phnum, const char *name);

/* Maps the file for reading. NULL, or why it is not possible, in words (errno says more if it is set). */
const char *object_open(struct object *o, const char *path);
void object_close(struct object *o);

/* The stretch of code around `at`: from the start of a function that .eh_frame_hdr knows (or of the segment) to the next
 * one's. `edge` becomes the function's end where that is known and before the stretch's, else NULL: instructions start
 * there too. False: no table, or outside. LSB 10.6. */
bool object_function(const struct object *o, const uint8_t *at, struct range *function, const uint8_t **edge);

#endif
