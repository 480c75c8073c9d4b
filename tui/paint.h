/* Drawing on a part of the screen. All text goes through here, and so is escaped and clipped. */
#ifndef PGCUTOVER_PAINT_H
#define PGCUTOVER_PAINT_H

#include "core/mem.h"
#include "tui/text.h"
#include "tui/theme.h"

#include <stdbool.h>
#include <stddef.h>

struct rect {
    int y, x, rows, cols; /* rows or cols 0: it is not shown */
};

struct paint {
    struct rect at;
    const struct theme *theme;
    const struct glyphs *glyphs;
};

/* Draws at a place of the rectangle, in at most `width` cells (< 0: to its right edge). What lies
 * outside is not drawn. Returns the column behind the text. */
int paint_text(const struct paint *paint, int y, int x, int width, unsigned style,
               const char *text);
/* The same, filled up with blanks, and to the right where `right`. */
void paint_cell(const struct paint *paint, int y, int x, int width, unsigned style,
                const char *text, bool right);
void paint_clear(const struct paint *paint, unsigned style);

/* A frame with a title and a note at its right end; returns its inside. Too small for a frame, it
 * is left out. */
struct paint paint_frame(const struct paint *paint, unsigned style, const char *title,
                         unsigned note_style, const char *note);
struct paint paint_part(const struct paint *paint, struct rect part); /* relative; clipped */

/* Pieces of a line, of which the least important go where it is too narrow. */
struct piece {
    unsigned style;
    int rank; /* 0: stays longest */
    char text[160];
};

struct pieces {
    struct piece items[16];
    size_t count;
};

void pieces_add(struct pieces *pieces, unsigned style, int rank, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void paint_pieces(const struct paint *paint, int y, unsigned background,
                  const struct pieces *pieces);

/* Text of many lines, wrapped to a width; nothing of it is lost. */
struct line {
    unsigned style;
    const char *text;
};

struct lines {
    struct arena arena; /* owns everything below */
    const struct glyphs *glyphs;
    int width;
    struct line *items;
    size_t count;
};

void lines_add(struct lines *lines, unsigned style, int indent, const char *text);
void lines_printf(struct lines *lines, unsigned style, int indent, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void lines_free(struct lines *lines);
/* Draws from line `*first` on, which is moved back where it would leave the end empty. */
void paint_lines(const struct paint *paint, const struct lines *lines, size_t *first);

#endif
