#include "tui/text.h"

#include <criterion/criterion.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

static const struct glyphs *glyphs;

static void begin(void)
{
    setlocale(LC_ALL, "C.UTF-8");
    glyphs = glyphs_of_locale();
    cr_assert(glyphs->utf8);
}

TestSuite(text, .init = begin);

static void expect_cells(const char *text, int width, const char *shown, int cells)
{
    wchar_t wide[256];
    char bytes[1024];
    cr_expect_eq(text_cells(glyphs, text, width, wide, 256), cells, "\"%s\"", shown);
    wcstombs(bytes, wide, sizeof bytes);
    cr_expect_str_eq(bytes, shown);
}

Test(text, what_fits_stays_and_what_does_not_ends_in_an_ellipsis)
{
    expect_cells("orders", 10, "orders", 6);
    expect_cells("orders", 6, "orders", 6);
    expect_cells("order_lines", 6, "order…", 6);
    expect_cells("", 5, "", 0);
    expect_cells("x", 0, "", 0);
    expect_cells("日本語", 5, "日本…", 5);
    expect_cells("日本語", 4, "日…", 3);
    expect_cells("e\u0301e\u0301", 2, "e\u0301e\u0301", 2);
}

Test(text, nothing_steers_or_hides)
{
    expect_cells("\033[31m", 20, "\\x1b[31m", 8);
    expect_cells("a\u202eb", 20, "a<U+202E>b", 10);
    expect_cells("a\u200bb", 20, "a<U+200B>b", 10);
    expect_cells("\xff\xc0\x80", 20, "\\xff\\xc0\\x80", 12);
    expect_cells("\xc2\x9b", 20, "<U+009B>", 8);
    expect_cells("\xed\xa0\x80", 20, "\\xed\\xa0\\x80", 12);
    expect_cells("a\nb\tc\x7f", 20, "a\\x0ab c\\x7f", 12);
    expect_cells("\u0301x", 20, "<U+0301>x", 9);
}

Test(text, harmless_keeps_lines_and_letters)
{
    char *clean = text_harmless("é 日本\n\t\033]0;x\007\u202e\xff");
    cr_assert_str_eq(clean, "é 日本\n\t\\x1b]0;x\\x07<U+202E>\\xff");
    free(clean);
}

Test(text, ascii_where_the_locale_has_no_more)
{
    setlocale(LC_ALL, "C");
    glyphs = glyphs_of_locale();
    expect_cells("caf\u00e9", 10, "caf?", 4);
    expect_cells("order_lines", 6, "order~", 6);
}

Test(text, wraps_behind_blanks_and_always_advances)
{
    cr_expect_eq(text_wrap(glyphs, "one two three", 9), 8);
    cr_expect_eq(text_wrap(glyphs, "one\ntwo", 9), 3);
    cr_expect_eq(text_wrap(glyphs, "abcdefghij", 4), 4);
    cr_expect_eq(text_wrap(glyphs, "日本", 1), 3);
    cr_expect_eq(text_wrap(glyphs, "", 4), 0);
}

Test(text, bytes_are_never_rounded_to_nothing)
{
    char out[TEXT_ROOM];
    cr_expect_str_eq(text_bytes(out, 0), "0 B");
    cr_expect_str_eq(text_bytes(out, 1), "1 B");
    cr_expect_str_eq(text_bytes(out, 1023), "1023 B");
    cr_expect_str_eq(text_bytes(out, 1024), "1.0 KiB");
    cr_expect_str_eq(text_bytes(out, 1048575), "1.0 MiB");
    cr_expect_str_eq(text_bytes(out, -2048), "-2.0 KiB");
    cr_expect_str_eq(text_bytes(out, INT64_MAX), "8.0 EiB");
}

Test(text, times)
{
    char out[TEXT_ROOM];
    cr_expect_str_eq(text_duration(out, 40), "40 ms");
    cr_expect_str_eq(text_duration(out, 12340), "12.3 s");
    cr_expect_str_eq(text_duration(out, 245000), "4:05");
    cr_expect_str_eq(text_duration(out, 7384000), "2:03:04");
    cr_expect_str_eq(text_duration(out, -1), "-");
    cr_expect_str_eq(text_age(out, 1999), "now");
    cr_expect_str_eq(text_age(out, 2000), "2 s");
    cr_expect_str_eq(text_age(out, 600000), "10 min");
    cr_expect_str_eq(text_age(out, -1), "-");
    cr_expect_str_eq(text_ago(out, 5000), "5 s ago");
    cr_expect_str_eq(text_ago(out, 100), "now");
}

Test(text, bars_and_sparks)
{
    char out[64];
    text_bar(glyphs, 0.5, 4, out, sizeof out);
    cr_expect_str_eq(out, "██░░");
    text_bar(glyphs, 0.001, 4, out, sizeof out);
    cr_expect_str_eq(out, "█░░░", "something is not nothing");
    text_bar(glyphs, 7, 4, out, sizeof out);
    cr_expect_str_eq(out, "████");
    text_spark(glyphs, (const double[]){0, 0.001, 8}, 3, out, sizeof out);
    cr_expect_str_eq(out, "▁▂█");
}
