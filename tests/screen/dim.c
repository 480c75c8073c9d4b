/* libvterm 0.1.4 drops SGR 2 (dim), and dim is a role a monochrome theme cannot do without. So each
 * SGR 2 gets a companion that libvterm keeps: SGR 19, the ninth alternative font, which no program
 * here uses; and each SGR 22 gets SGR 10, the normal font. SGR 0 resets both by itself. */
#include "tests/screen/term_impl.h"

#include <stdlib.h>
#include <string.h>

enum { LONGEST = 100 }; /* of a control sequence worth looking at */

/* How many parameters after this one belong to it: 38;5;n and 38;2;r;g;b, with 48 alike. */
static int operands(const char *parameter)
{
    int code = atoi(parameter);
    const char *next = strchr(parameter, ';');

    if ((code != 38 && code != 48) || !next)
        return 0;
    return atoi(next + 1) == 5 ? 2 : atoi(next + 1) == 2 ? 4 : 0;
}

/* Adds the sequence "ESC [ parameters m" with the companions to out. The sequence has its NUL. */
static void add_sgr(const char *sequence, struct bytes *out)
{
    int skip = 0;

    for (const char *p = sequence + 2;; p += strcspn(p, ";") + 1) {
        size_t length = strcspn(p, ";m");
        const char *companion = "";
        if (skip > 0)
            skip--;
        else if ((skip = operands(p)) == 0 && atoi(p) == 2)
            companion = ";19";
        else if (atoi(p) == 22)
            companion = ";10";
        term_append(out, p == sequence + 2 ? "\033[" : ";", p == sequence + 2 ? 2 : 1);
        term_append(out, p, length);
        term_append(out, companion, strlen(companion));
        if (p[length] == 'm')
            break;
    }
    term_append(out, "m", 1);
}

/* Whether c can follow what is held as part of an SGR sequence. Private ones (ESC [ > 4 ; 2 m)
 * mean something else and cannot. */
static bool continues(const struct bytes *held, char c)
{
    if (held->length < 2)
        return c == (held->length ? '[' : '\033');
    return held->length < LONGEST && c && strchr("0123456789;m", c);
}

void term_mark_dim(struct bytes *held, const char *bytes, size_t length, struct bytes *out)
{
    for (size_t i = 0; i < length; i++) {
        if (!continues(held, bytes[i])) {
            term_append(out, held->at, held->length);
            held->length = 0;
        }
        bool hold = continues(held, bytes[i]);
        term_append(hold ? held : out, bytes + i, 1);
        if (hold && bytes[i] == 'm') {
            term_append(held, "", 1);
            add_sgr(held->at, out);
            held->length = 0;
        }
    }
}
