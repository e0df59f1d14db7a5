/* Generators on top of greenlets: a value goes to whoever asks for the next one. Here the words of a text, and the
 * nested form of it, the letters of each word. */
#include <greenlet.h>
#include <stdint.h>
#include <stdio.h>

/* Gives the value to the parent; an exception: nobody wants more. */
static int yield(void *value)
{
	return greenlet_switch(greenlet_parent(greenlet_current()), value, NULL);
}

/* The next value of a generator; false: there is none. */
static bool next(greenlet_t generator, void *start, void **value)
{
	return greenlet_switch(generator, start, value) == 0 && !greenlet_dead(generator);
}

static int letters(void *word, void **result)
{
	(void)result;
	for (const char *c = word; *c && *c != ' '; c++) {
		int err = yield((void *)(intptr_t)*c);

		if (err)
			return err;
	}
	return 0;
}

static int words(void *text, void **result)
{
	bool inside = false;

	(void)result;
	for (char *c = text; *c; c++) {
		int err = *c != ' ' && !inside ? yield(c) : 0;

		if (err)
			return err;
		inside = *c != ' ';
	}
	return 0;
}

int main(void)
{
	static char text[] = "green lets switch by hand";
	greenlet_t w = greenlet_new(words, NULL);
	void *word, *letter;

	for (int n = 0; n < 4 && next(w, text, &word); n++) {
		greenlet_t l = greenlet_new(letters, NULL);
		const char *dash = "";

		for (; next(l, word, &letter); dash = "-")
			printf("%s%c", dash, (int)(intptr_t)letter);
		puts("");
		greenlet_unref(l);
	}
	greenlet_unref(w); /* in the middle of its text */
	return 0;
}
