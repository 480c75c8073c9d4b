#include "tui/paint.h"

#include <curses.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CELLS_MAX 1024

int paint_text(const struct paint *paint, int y, int x, int width, unsigned style, const char *text)
{
    wchar_t cells[CELLS_MAX];
    int room = paint->at.cols - x;

    if (y < 0 || y >= paint->at.rows || x < 0 || room <= 0)
        return x;
    if (width >= 0 && width < room)
        room = width;
    int used = text_cells(paint->glyphs, text, room, cells, CELLS_MAX);
    attrset((int)theme_attributes(paint->theme, style));
    mvaddwstr(paint->at.y + y, paint->at.x + x, cells);
    return x + used;
}

void paint_cell(const struct paint *paint, int y, int x, int width, unsigned style,
                const char *text, bool right)
{
    int used = right ? text_width(paint->glyphs, text) : 0;
    int lead = right && used < width ? width - used : 0;

    if (y < 0 || y >= paint->at.rows || x >= paint->at.cols)
        return;
    attrset((int)theme_attributes(paint->theme, style));
    if (width > paint->at.cols - x)
        width = paint->at.cols - x;
    mvhline(paint->at.y + y, paint->at.x + x,
            (chtype)' ' | (chtype)theme_attributes(paint->theme, style), width);
    paint_text(paint, y, x + lead, width - lead, style, text);
}

void paint_clear(const struct paint *paint, unsigned style)
{
    for (int y = 0; y < paint->at.rows; y++)
        paint_cell(paint, y, 0, paint->at.cols, style, "", false);
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

struct paint paint_part(const struct paint *paint, struct rect part)
{
    struct paint inside = *paint;

    inside.at.y += part.y;
    inside.at.x += part.x;
    inside.at.rows = least(part.rows, paint->at.rows - part.y);
    inside.at.cols = least(part.cols, paint->at.cols - part.x);
    if (inside.at.rows < 0)
        inside.at.rows = 0;
    if (inside.at.cols < 0)
        inside.at.cols = 0;
    return inside;
}

struct paint paint_frame(const struct paint *paint, unsigned style, const char *title,
                         unsigned note_style, const char *note)
{
    const struct glyphs *g = paint->glyphs;
    int rows = paint->at.rows, cols = paint->at.cols;

    if (rows < 3 || cols < 6)
        return *paint;
    for (int x = 1; x < cols - 1; x++) {
        paint_text(paint, 0, x, 1, style, g->horizontal);
        paint_text(paint, rows - 1, x, 1, style, g->horizontal);
    }
    for (int y = 1; y < rows - 1; y++) {
        paint_text(paint, y, 0, 1, style, g->vertical);
        paint_text(paint, y, cols - 1, 1, style, g->vertical);
    }
    paint_text(paint, 0, 0, 1, style, g->top_left);
    paint_text(paint, 0, cols - 1, 1, style, g->top_right);
    paint_text(paint, rows - 1, 0, 1, style, g->bottom_left);
    paint_text(paint, rows - 1, cols - 1, 1, style, g->bottom_right);

    int behind = paint_text(paint, 0, 2, cols - 4, style, title);
    int wide = text_width(g, note), room = cols - 2 - behind - 1;
    if (wide > 0 && room > 2)
        paint_text(paint, 0, cols - 2 - least(wide, room), room, note_style, note);
    return paint_part(paint, (struct rect){1, 1, rows - 2, cols - 2});
}

void pieces_add(struct pieces *pieces, unsigned style, int rank, const char *format, ...)
{
    va_list arguments;

    if (pieces->count == sizeof pieces->items / sizeof *pieces->items)
        return;
    struct piece *piece = &pieces->items[pieces->count++];
    piece->style = style;
    piece->rank = rank;
    va_start(arguments, format);
    vsnprintf(piece->text, sizeof piece->text, format, arguments);
    va_end(arguments);
}

/* The lowest rank that has to go so that the rest fits into `cols`. */
static int rank_limit(const struct paint *paint, const struct pieces *pieces)
{
    int limit = 10;

    for (; limit > 1; limit--) {
        int width = 0;
        for (size_t i = 0; i < pieces->count; i++) {
            if (pieces->items[i].rank < limit)
                width += text_width(paint->glyphs, pieces->items[i].text) + 2;
        }
        if (width - 2 <= paint->at.cols)
            break;
    }
    return limit;
}

void paint_pieces(const struct paint *paint, int y, unsigned background,
                  const struct pieces *pieces)
{
    int x = 0, limit = rank_limit(paint, pieces);

    paint_cell(paint, y, 0, paint->at.cols, background, "", false);
    for (size_t i = 0; i < pieces->count; i++) {
        if (pieces->items[i].rank < limit)
            x = paint_text(paint, y, x, -1, pieces->items[i].style, pieces->items[i].text) + 2;
    }
}

void lines_add(struct lines *lines, unsigned style, int indent, const char *text)
{
    int width = lines->width - indent;

    if (width < 4) {
        width = lines->width > 4 ? lines->width : 4;
        indent = 0;
    }
    do {
        size_t length = text_wrap(lines->glyphs, text, width);
        struct line *line =
            arena_grow(&lines->arena, &lines->items, lines->count, sizeof *lines->items);
        line->style = style;
        line->text = arena_printf(&lines->arena, "%*s%.*s", indent, "", (int)length, text);
        lines->count++;
        text += length;
        if (*text == '\n' && text[1] == '\0') /* a last line feed ends a line, it begins none */
            text++;
    } while (*text == '\n' ? *++text != '\0' : *text != '\0');
}

void lines_printf(struct lines *lines, unsigned style, int indent, const char *format, ...)
{
    char *whole = NULL;
    va_list arguments;

    va_start(arguments, format);
    if (vasprintf(&whole, format, arguments) < 0)
        die("out of memory");
    va_end(arguments);
    lines_add(lines, style, indent, whole);
    free(whole);
}

void lines_free(struct lines *lines)
{
    arena_free(&lines->arena);
    lines->items = NULL;
    lines->count = 0;
}

void paint_lines(const struct paint *paint, const struct lines *lines, size_t *first)
{
    size_t rows = paint->at.rows > 0 ? (size_t)paint->at.rows : 0;
    size_t last = lines->count > rows ? lines->count - rows : 0;

    if (*first > last)
        *first = last;
    for (size_t i = 0; i < rows && *first + i < lines->count; i++) {
        const struct line *line = &lines->items[*first + i];
        paint_text(paint, (int)i, 0, -1, line->style, line->text);
    }
}
