#include "core/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A character cut in half would garble the terminal or be refused by the journal. */
static void drop_half_character(char *text, size_t length)
{
    size_t start = length;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0 || (unsigned char)text[start - 1] < 0xC0)
        return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t wanted = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (length - (start - 1) < wanted)
        text[start - 1] = '\0';
}

bool err_set(struct err *err, const char *format, ...)
{
    if (!err)
        return false;
    /* By way of a copy, so that a caller may quote the old text in the new one. */
    struct err next;
    va_list args;
    va_start(args, format);
    int length = vsnprintf(next.text, sizeof next.text, format, args);
    va_end(args);
    if (length < 0)
        next.text[0] = '\0';
    else if ((size_t)length >= sizeof next.text)
        drop_half_character(next.text, sizeof next.text - 1);
    memcpy(err->text, next.text, strlen(next.text) + 1);
    return false;
}
