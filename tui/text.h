/* Text for the screen: what comes from a server made harmless, measured and cut in cells; numbers,
 * times and ages in words. */
#ifndef PGCUTOVER_TEXT_H
#define PGCUTOVER_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <wchar.h>

/* What is drawn beside letters: one set for UTF-8, one for everything else. */
struct glyphs {
    bool utf8; /* false: what is not ASCII is shown as ? */
    const char *ellipsis, *arrow, *up, *down, *level, *dot;
    const char *horizontal, *vertical, *top_left, *top_right, *bottom_left, *bottom_right;
    const char *full, *empty; /* of a bar */
    const char *spark[8];     /* lowest first */
};

/* The set for the locale's character set; setlocale() comes first. */
const struct glyphs *glyphs_of_locale(void);

/* Turns `text` into at most `width` cells: control characters, bidi marks and invisible ones
 * become visible escapes, what does not fit ends in an ellipsis. Writes a terminated wide string
 * of at most `room` characters and returns how many cells it takes. */
int text_cells(const struct glyphs *glyphs, const char *text, int width, wchar_t *out, size_t room);

/* The same for what is no screen: all of it, line feeds kept, UTF-8. The caller frees it. */
char *text_harmless(const char *text);

/* Cells that the whole text takes, escapes included. */
int text_width(const struct glyphs *glyphs, const char *text);

/* How many bytes of `text` fit into `width` cells; stops before a line feed, and cuts behind a
 * blank where there is one in the second half. At least one character, so that callers advance. */
size_t text_wrap(const struct glyphs *glyphs, const char *text, int width);

/* Case-insensitive for ASCII; an empty needle is found everywhere. */
bool text_has(const char *text, const char *needle);

/* All of these write a short text and return `out`. */
#define TEXT_ROOM 32
char *text_bytes(char out[static TEXT_ROOM],
                 int64_t bytes);                            /* "512 B", "1.4 MiB": never 0 if > 0 */
char *text_duration(char out[static TEXT_ROOM], double ms); /* "40 ms", "12.3 s", "4:05" */
char *text_age(char out[static TEXT_ROOM], int64_t ms);     /* "now", "12 s", "4 min"; < 0: "-" */
char *text_ago(char out[static TEXT_ROOM], int64_t ms);     /* "now", "12 s ago" */

/* A bar of `width` cells filled to `ratio` (0 to 1), and a line of blocks for the last values, each
 * against the largest of them. Write UTF-8 of at most `room` bytes. */
void text_bar(const struct glyphs *glyphs, double ratio, int width, char *out, size_t room);
void text_spark(const struct glyphs *glyphs, const double *values, size_t count, char *out,
                size_t room);

#endif
