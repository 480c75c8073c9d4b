/* Looking at the terminal's screen and state. */
#include "tests/screen/term_impl.h"

#include <stdlib.h>
#include <string.h>

static size_t put_utf8(char *to, uint32_t c)
{
    if (c < 0x80) {
        to[0] = (char)c;
        return 1;
    }
    size_t length = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--, c >>= 6)
        to[i] = (char)(0x80 | (c & 0x3f));
    to[0] = (char)((0xf00 >> length & 0xff) | c);
    return length;
}

static int colour(const VTermColor *c)
{
    if (c->type & VTERM_COLOR_DEFAULT_MASK)
        return TERM_DEFAULT;
    if (VTERM_COLOR_IS_INDEXED(c))
        return c->indexed.idx;
    return TERM_RGB + (c->rgb.red << 16 | c->rgb.green << 8 | c->rgb.blue);
}

struct term_cell term_cell(const struct term *t, int row, int col)
{
    struct term_cell cell = {.text = " ", .width = 1, .fg = TERM_DEFAULT, .bg = TERM_DEFAULT};
    VTermScreenCell c;
    size_t length = 0;

    if (row < 0 || row >= t->rows || col < 0 || col >= t->cols)
        return cell;
    vterm_screen_get_cell(t->screen, (VTermPos){.row = row, .col = col}, &c);
    bool right_half = c.chars[0] == (uint32_t)-1;
    for (int i = 0; i < VTERM_MAX_CHARS_PER_CELL && c.chars[i] && !right_half; i++)
        length += put_utf8(cell.text + length, c.chars[i]);
    if (length || right_half)
        cell.text[length] = '\0';
    cell.width = right_half ? 0 : c.width;
    cell.fg = colour(&c.fg);
    cell.bg = colour(&c.bg);
    cell.bold = c.attrs.bold;
    cell.dim = c.attrs.font == TERM_DIM_FONT;
    cell.italic = c.attrs.italic;
    cell.underline = c.attrs.underline != VTERM_UNDERLINE_OFF;
    cell.reverse = c.attrs.reverse;
    return cell;
}

const char *term_row(const struct term *t, int row)
{
    struct bytes text = {0};
    size_t used = 1;

    if (row < 0 || row >= t->rows)
        return "";
    term_append(&text, "", 1);
    for (int col = 0; col < t->cols; col++) {
        struct term_cell cell = term_cell(t, row, col);
        text.length--;
        term_append(&text, cell.text, strlen(cell.text) + 1);
        if (cell.text[0] != ' ' || cell.text[1])
            used = text.length;
    }
    text.at[used - 1] = '\0';
    free(t->row_text[row]);
    t->row_text[row] = text.at;
    return text.at;
}

/* The cell a byte of the row's text is in. */
static int column_of(const struct term *t, int row, size_t byte)
{
    int col = 0;
    for (size_t end = 0; col < t->cols; col++) {
        end += strlen(term_cell(t, row, col).text);
        if (end > byte)
            break;
    }
    return col;
}

bool term_find(const struct term *t, const char *text, int *row, int *col)
{
    for (int r = 0; r < t->rows; r++) {
        const char *line = term_row(t, r), *hit = strstr(line, text);
        if (!hit)
            continue;
        if (row)
            *row = r;
        if (col)
            *col = column_of(t, r, (size_t)(hit - line));
        return true;
    }
    return false;
}

void term_cursor(const struct term *t, int *row, int *col, bool *visible)
{
    VTermPos at;
    vterm_state_get_cursorpos(vterm_obtain_state(t->vt), &at);
    if (row)
        *row = at.row;
    if (col)
        *col = at.col;
    if (visible)
        *visible = t->cursor_visible;
}

void term_size(const struct term *t, int *cols, int *rows)
{
    *cols = t->cols;
    *rows = t->rows;
}

bool term_alternate(const struct term *t)
{
    return t->alternate;
}

const char *term_title(const struct term *t)
{
    return t->title.length ? t->title.at : "";
}

unsigned term_bells(const struct term *t)
{
    return t->bells;
}

size_t term_bytes(const struct term *t)
{
    return t->output.length;
}

bool term_sent(const struct term *t, size_t from, const char *bytes)
{
    if (from >= t->output.length)
        return false;
    return memmem(t->output.at + from, t->output.length - from, bytes, strlen(bytes));
}

void term_dump(const struct term *t, FILE *out)
{
    int row, col;
    bool visible;

    term_cursor(t, &row, &col, &visible);
    fprintf(out, "---- %dx%d, cursor %s at row %d column %d, %s screen, title \"%s\"\n", t->cols,
            t->rows, visible ? "shown" : "hidden", row, col, t->alternate ? "alternate" : "main",
            term_title(t));
    for (int r = 0; r < t->rows; r++)
        fprintf(out, "%3d|%s\n", r, term_row(t, r));
    if (t->exit_fd >= 0)
        fprintf(out, "---- process %d runs", (int)t->pid);
    else
        fprintf(out, "---- process %d ended, wait status %#x", (int)t->pid, (unsigned)t->status);
    fprintf(out, ", wrote %zu bytes, has %s terminal\n", t->output.length,
            t->master >= 0 ? "its" : "no");
}
