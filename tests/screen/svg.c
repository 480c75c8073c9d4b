#include "tests/screen/svg.h"

#include <string.h>

/* Whole numbers, so that coordinates stay short: 15px monospace advances by 9. */
enum {
    CELL_WIDTH = 9,
    CELL_HEIGHT = 18,
    BASELINE = 14,
    PADDING = 12,
    BAR = 32 /* the window's title bar */
};

static const unsigned paper_colour = 0x0d1117, ink_colour = 0xc9d1d9;

/* The sixteen colours every terminal has its own idea of. These read well on the dark background,
 * and light text reads well on them. */
static const unsigned palette[16] = {
    0x1c2128, 0xe5484d, 0x3fb950, 0xd29922, 0x3b82f6, 0xa371f7, 0x2bb3c0, 0xb1bac4,
    0x6e7681, 0xff7b72, 0x56d364, 0xe3b341, 0x79c0ff, 0xd2a8ff, 0x56d4dd, 0xf0f6fc,
};

static unsigned rgb(int colour, unsigned by_default)
{
    static const unsigned level[6] = {0, 95, 135, 175, 215, 255};

    if (colour == TERM_DEFAULT)
        return by_default;
    if (colour >= TERM_RGB)
        return (unsigned)(colour - TERM_RGB);
    if (colour < 16)
        return palette[colour];
    if (colour >= 232)
        return (8 + 10 * (unsigned)(colour - 232)) * 0x010101;
    colour -= 16;
    return level[colour / 36] << 16 | level[colour / 6 % 6] << 8 | level[colour % 6];
}

static unsigned paper(const struct term_cell *c)
{
    return c->reverse ? rgb(c->fg, ink_colour) : rgb(c->bg, paper_colour);
}

/* Dim is half way to the background: the average of each of the three bytes. */
static unsigned ink(const struct term_cell *c)
{
    unsigned full = c->reverse ? rgb(c->bg, paper_colour) : rgb(c->fg, ink_colour);
    return c->dim ? ((full & 0xfefefe) + (paper(c) & 0xfefefe)) / 2 : full;
}

static int left_of(int col)
{
    return PADDING + col * CELL_WIDTH;
}

static int top_of(int row)
{
    return BAR + PADDING + row * CELL_HEIGHT;
}

static void put_text(FILE *out, const char *text)
{
    for (; *text; text++)
        if (*text == '<')
            fputs("&lt;", out);
        else if (*text == '&')
            fputs("&amp;", out);
        else if ((unsigned char)*text < ' ')
            fputc('?', out); /* XML 1.0 has no way to write it */
        else
            fputc(*text, out);
}

/* Bars behind or below the text: one per stretch of cells that have the same. */

/* The colour of the bar a cell has, or NO_BAR. */
enum { NO_BAR = -1 };
typedef int bar_of_cell(const struct term_cell *c);

static int background(const struct term_cell *c)
{
    return paper(c) == paper_colour ? NO_BAR : (int)paper(c);
}

static int underline(const struct term_cell *c)
{
    return c->underline ? (int)ink(c) : NO_BAR;
}

static void put_bars(const struct term *t, FILE *out, int row, bar_of_cell *bar, int dy, int height)
{
    int cols, rows;

    term_size(t, &cols, &rows);
    for (int col = 0, next; col < cols; col = next) {
        struct term_cell cell = term_cell(t, row, col), other = cell;
        int colour = bar(&cell);
        for (next = col; next < cols && bar(&other) == colour; other = term_cell(t, row, next))
            next++;
        if (colour != NO_BAR)
            fprintf(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#%06x\"/>\n",
                    left_of(col), top_of(row) + dy, (next - col) * CELL_WIDTH, height,
                    (unsigned)colour);
    }
}

/* Lines: which arms leave the middle of the cell, in capitals if heavy; "(" bends them. */
static const struct {
    const char *text, *arms;
} lines[] = {
    {"─", "lr"},  {"│", "ud"},  {"┌", "rd"},  {"┐", "ld"},  {"└", "ru"},   {"┘", "lu"},
    {"├", "rud"}, {"┤", "lud"}, {"┬", "lrd"}, {"┴", "lru"}, {"┼", "lrud"}, {"╴", "l"},
    {"╶", "r"},   {"╵", "u"},   {"╷", "d"},   {"╭", "(rd"}, {"╮", "(ld"},  {"╰", "(ru"},
    {"╯", "(lu"}, {"━", "LR"},  {"┃", "UD"},  {"┏", "RD"},  {"┓", "LD"},   {"┗", "RU"},
    {"┛", "LU"},  {"┣", "RUD"}, {"┫", "LUD"}, {"┳", "LRD"}, {"┻", "LRU"},  {"╋", "LRUD"},
};

static const char *arms_of(const struct term_cell *c)
{
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (strcmp(lines[i].text, c->text) == 0)
            return lines[i].arms;
    return NULL;
}

/* Draws the line character in the n cells from col on. */
static void put_line(FILE *out, int row, int col, int n, const char *arms, unsigned colour)
{
    int left = left_of(col), right = left_of(col + n), top = top_of(row), bottom = top_of(row + 1);
    double x = (left + left_of(col + 1)) / 2.0;
    int y = (top + bottom) / 2;
    bool heavy = strpbrk(arms, "LRUD"), to_right = strpbrk(arms, "rR"), down = strpbrk(arms, "dD");

    fprintf(out, "<path fill=\"none\" stroke=\"#%06x\" stroke-width=\"%s\" d=\"", colour,
            heavy ? "2.5" : "1.3");
    if (arms[0] == '(')
        fprintf(out, "M%d %dQ%.1f %d %.1f %d", to_right ? right : left, y, x, y, x,
                down ? bottom : top);
    else
        for (; *arms; arms++)
            if (strchr("lrLR", *arms))
                fprintf(out, "M%.1f %dH%d", x, y, strchr("lL", *arms) ? left : right);
            else
                fprintf(out, "M%.1f %dV%d", x, y, strchr("uU", *arms) ? top : bottom);
    fputs("\"/>\n", out);
}

/* Blocks: bars growing from below or from the left by eighths, and shades. */

/* 1 for the first of the three-byte characters in list, ..., 0 if the cell has none of them. */
static int place_in(const char *list, const struct term_cell *c)
{
    const char *hit = strlen(c->text) == 3 ? strstr(list, c->text) : NULL;
    return hit ? (int)(hit - list) / 3 + 1 : 0;
}

static bool put_block(FILE *out, int row, int col, const struct term_cell *c)
{
    int up = place_in("▁▂▃▄▅▆▇█", c), across = place_in("▏▎▍▌▋▊▉", c), shade = place_in("░▒▓", c);

    if (!up && !across && !shade)
        return false;
    double width = across ? CELL_WIDTH * across / 8.0 : CELL_WIDTH;
    double height = up ? CELL_HEIGHT * up / 8.0 : CELL_HEIGHT;
    fprintf(out, "<rect x=\"%d\" y=\"%g\" width=\"%g\" height=\"%g\" fill=\"#%06x\"", left_of(col),
            top_of(row + 1) - height, width, height, ink(c));
    if (shade)
        fprintf(out, " opacity=\"%g\"", shade / 4.0);
    fputs("/>\n", out);
    return true;
}

/* Text. */

static bool is_blank(const struct term_cell *c)
{
    return c->width == 0 || strcmp(c->text, " ") == 0;
}

static bool same_look(const struct term_cell *a, const struct term_cell *b)
{
    return ink(a) == ink(b) && a->bold == b->bold && a->italic == b->italic;
}

/* How many cells from col on can be one piece of text. A character beyond ASCII stands alone: it
 * may come from another font, with another width. A gap ends the piece too. */
static int piece_length(const struct term *t, int row, int col)
{
    struct term_cell first = term_cell(t, row, col);
    int n = 1;

    if (first.text[1])
        return 1;
    for (;; n++) {
        struct term_cell next = term_cell(t, row, col + n), after = term_cell(t, row, col + n + 1);
        bool gap =
            is_blank(&next) && (is_blank(&after) || after.text[1] || !same_look(&first, &after));
        if (gap || next.text[0] == '\0' || next.text[1] || !same_look(&first, &next))
            return n;
    }
}

static void put_piece(const struct term *t, FILE *out, int row, int col, int n)
{
    struct term_cell cell = term_cell(t, row, col);

    fprintf(out, "<text x=\"%d\" y=\"%d\" fill=\"#%06x\"", left_of(col), top_of(row) + BASELINE,
            ink(&cell));
    if (cell.bold)
        fputs(" font-weight=\"bold\"", out);
    if (cell.italic)
        fputs(" font-style=\"italic\"", out);
    if (n > 1)
        fprintf(out, " textLength=\"%d\" lengthAdjust=\"spacingAndGlyphs\"", n * CELL_WIDTH);
    fputs(">", out);
    for (int i = 0; i < n; i++) {
        cell = term_cell(t, row, col + i);
        put_text(out, cell.text);
    }
    fputs("</text>\n", out);
}

/* How many cells from col on continue the same horizontal line. */
static int line_length(const struct term *t, int row, int col, const struct term_cell *first)
{
    int n = 1;
    for (;; n++) {
        struct term_cell next = term_cell(t, row, col + n);
        if (strcmp(next.text, first->text) != 0 || ink(&next) != ink(first))
            return n;
    }
}

static void put_row(const struct term *t, FILE *out, int row)
{
    int cols, rows;

    term_size(t, &cols, &rows);
    put_bars(t, out, row, background, 0, CELL_HEIGHT);
    put_bars(t, out, row, underline, BASELINE + 2, 1);
    for (int col = 0, n; col < cols; col += n) {
        struct term_cell cell = term_cell(t, row, col);
        const char *arms = arms_of(&cell);
        n = 1;
        if (is_blank(&cell))
            continue;
        if (arms) {
            if (strcasecmp(arms, "lr") == 0)
                n = line_length(t, row, col, &cell);
            put_line(out, row, col, n, arms, ink(&cell));
        } else if (!put_block(out, row, col, &cell)) {
            n = piece_length(t, row, col);
            put_piece(t, out, row, col, n);
        }
    }
}

/* The window. */

static void put_window(const struct term *t, FILE *out, int width, int height)
{
    static const char *const buttons[] = {"#ff5f57", "#febc2e", "#28c840"};

    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
            "viewBox=\"0 0 %d %d\" role=\"img\" font-size=\"15\" font-family=\"ui-monospace,"
            "SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono','Liberation Mono',monospace\">\n",
            width, height, width, height);
    fputs("<title>", out);
    put_text(out, term_title(t));
    /* Without crisp edges the background shows between neighbouring bars. */
    fprintf(out,
            "</title>\n<style>rect{shape-rendering:crispEdges}</style>\n<rect x=\".5\" y=\".5\" "
            "width=\"%d\" height=\"%d\" rx=\"9\" fill=\"#%06x\" "
            "stroke=\"#444c56\" style=\"shape-rendering:auto\"/>\n",
            width - 1, height - 1, paper_colour);
    fprintf(out, "<path d=\"M1 %dV10Q1 1 10 1H%dQ%d 1 %d 10V%dZ\" fill=\"#21262d\"/>\n", BAR,
            width - 10, width - 1, width - 1, BAR);
    for (int i = 0; i < 3; i++)
        fprintf(out, "<circle cx=\"%d\" cy=\"%d\" r=\"5.5\" fill=\"%s\"/>\n", 20 + 19 * i, BAR / 2,
                buttons[i]);
    fprintf(out,
            "<text x=\"%d\" y=\"%d\" fill=\"#9198a1\" font-size=\"13\" text-anchor=\"middle\">",
            width / 2, BAR / 2 + 5);
    put_text(out, term_title(t));
    fputs("</text>\n", out);
}

static void put_cursor(const struct term *t, FILE *out)
{
    int row, col;
    bool visible;

    term_cursor(t, &row, &col, &visible);
    if (visible)
        fprintf(out,
                "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"#%06x\" "
                "opacity=\".45\"/>\n",
                left_of(col), top_of(row), CELL_WIDTH, CELL_HEIGHT, ink_colour);
}

void svg_write(const struct term *t, FILE *out)
{
    int cols, rows;

    term_size(t, &cols, &rows);
    put_window(t, out, left_of(cols) + PADDING, top_of(rows) + PADDING);
    for (int row = 0; row < rows; row++)
        put_row(t, out, row);
    put_cursor(t, out);
    fputs("</svg>\n", out);
}
