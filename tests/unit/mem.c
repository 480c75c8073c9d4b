#include "core/mem.h"

#include "core/err.h"
#include "core/table.h"

#include <criterion/criterion.h>
#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Test(mem, an_array_grows_and_new_elements_are_zero)
{
    long *numbers = NULL;
    for (size_t count = 0; count < 1000; count++) {
        long *new = grow(&numbers, count, sizeof *numbers);
        cr_assert_eq(*new, 0);
        *new = (long)count;
    }
    for (size_t i = 0; i < 1000; i++)
        cr_assert_eq(numbers[i], (long)i);
    free(numbers);
}

Test(mem, copies_end_where_the_text_does)
{
    char *part = xstrndup("freeze", 3);
    char *whole = xstrndup("ab", 100);
    char *printed = xprintf("%s/%d", "slot", 7);
    cr_assert_str_eq(part, "fre");
    cr_assert_str_eq(whole, "ab");
    cr_assert_str_eq(printed, "slot/7");
    free(part);
    free(whole);
    free(printed);
}

Test(str, is_empty_before_anything_was_added)
{
    struct str str = {0};
    cr_assert_str_eq(str_text(&str), "");
    char *taken = str_take(&str);
    cr_assert_str_eq(taken, "");
    free(taken);
    str_clear(&str);
    str_free(&str);
}

Test(str, grows_by_every_kind_of_piece)
{
    struct str str = {0};
    str_add(&str, "lag ");
    str_add_n(&str, "12 bytes", 2);
    str_char(&str, ' ');
    str_printf(&str, "%05d%s", 42, "!");
    cr_assert_str_eq(str_text(&str), "lag 12 00042!");
    cr_assert_eq(str.length, strlen("lag 12 00042!"));
    for (int i = 0; i < 100000; i++)
        str_char(&str, 'x');
    cr_assert_eq(strlen(str_text(&str)), str.length);
    str_free(&str);
}

Test(str, cleared_it_can_be_used_again_and_taken_it_is_empty)
{
    struct str str = {0};
    str_add(&str, "old");
    str_clear(&str);
    str_add(&str, "new");
    char *taken = str_take(&str);
    cr_assert_str_eq(taken, "new");
    cr_assert_null(str.text);
    cr_assert_eq(str.length, 0);
    free(taken);
}

Test(arena, pieces_are_zeroed_aligned_and_apart)
{
    struct arena arena = {0};
    unsigned char *pieces[600];
    for (size_t i = 0; i < 600; i++) {
        pieces[i] = arena_alloc(&arena, i * 7);
        cr_assert_eq((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
        for (size_t j = 0; j < i * 7; j++)
            cr_assert_eq(pieces[i][j], 0);
        memset(pieces[i], (int)(i % 256), i * 7);
    }
    for (size_t i = 0; i < 600; i++)
        for (size_t j = 0; j < i * 7; j++)
            cr_assert_eq(pieces[i][j], i % 256);
    arena_free(&arena);
}

Test(arena, a_piece_larger_than_a_block_fits)
{
    struct arena arena = {0};
    char *small = arena_strdup(&arena, "small");
    char *large = arena_alloc(&arena, 3 << 20);
    memset(large, 'x', 3 << 20);
    char *after = arena_printf(&arena, "%s again", small);
    cr_assert_str_eq(small, "small");
    cr_assert_str_eq(after, "small again");
    arena_free(&arena);
    cr_assert_null(arena.blocks);
}

Test(arena, strings_are_copied_and_null_stays_null)
{
    struct arena arena = {0};
    cr_assert_null(arena_strdup(&arena, NULL));
    cr_assert_str_eq(arena_strndup(&arena, "barrier", 3), "bar");
    arena_free(&arena);
}

Test(arena, arrays_grow_in_it)
{
    struct arena arena = {0};
    int *numbers = NULL;
    for (size_t count = 0; count < 1000; count++)
        *(int *)arena_grow(&arena, &numbers, count, sizeof *numbers) = (int)count;
    for (int i = 0; i < 1000; i++)
        cr_assert_eq(numbers[i], i);
    arena_free(&arena);
}

static void say_goodbye(void)
{
    fputs("goodbye ", stderr);
}

Test(die, ends_with_status_70_after_the_last_words, .exit_code = 70)
{
    mem_last_words = say_goodbye;
    die("a broken %s", "invariant");
}

static void die_again(void)
{
    die("in the last words");
}

Test(die, last_words_that_die_are_not_asked_again, .exit_code = 70)
{
    mem_last_words = die_again;
    die("first");
}

Test(die, a_size_that_overflows_is_no_small_allocation, .exit_code = 70)
{
    xcalloc(SIZE_MAX / 2, 3);
}

Test(err, returns_false_and_can_be_left_out)
{
    struct err err = {0};
    cr_assert_not(err_set(&err, "lag is %d", 7));
    cr_assert_str_eq(err.text, "lag is 7");
    cr_assert_not(err_set(NULL, "nobody asked"));
}

Test(err, a_new_text_may_quote_the_old_one)
{
    struct err err = {0};
    err_set(&err, "no such file");
    err_set(&err, "runbook: %s", err.text);
    cr_assert_str_eq(err.text, "runbook: no such file");
}

Test(err, a_long_text_is_cut_between_characters)
{
    char text[1200];
    for (size_t i = 0; i + 3 < sizeof text; i += 3)
        memcpy(text + i, "\xE2\x82\xAC", 4);
    struct err err = {0};
    err_set(&err, "%s", text);
    cr_assert_eq(strlen(err.text), 1023);
    err_set(&err, "a%s", text);
    cr_assert_eq(strlen(err.text), 1 + 1020);
}

static struct table *sample(void)
{
    static const char *const names[] = {"slot_name", "lag", "share", "active", "note"};
    static const char *const first[] = {"sub_a", "9223372036854775807", "0.25", "t", NULL};
    static const char *const second[] = {"sub_b", "12 kB", "NaN", "maybe", ""};
    struct table *table = table_new(5, names);
    table_add(table, first);
    table_add(table, second);
    return table;
}

Test(table, cells_are_found_by_the_column_s_name)
{
    struct table *table = sample();
    cr_assert_eq(table->rows, 2);
    cr_assert_eq(table_column(table, "share"), 2);
    cr_assert_str_eq(table_text(table, 0, "slot_name"), "sub_a");
    cr_assert_str_eq(table_text(table, 1, "slot_name"), "sub_b");
    cr_assert_str_eq(table_text(table, 1, "note"), "");
    table_free(table);
}

Test(table, what_is_not_there_is_null)
{
    struct table *table = sample();
    cr_assert_null(table_text(table, 0, "note"));
    cr_assert_null(table_text(table, 0, "since_17"));
    cr_assert_null(table_text(table, 2, "lag"));
    cr_assert_null(table_text(table, -1, "lag"));
    cr_assert_null(table_text(NULL, 0, "lag"));
    cr_assert_eq(table_column(table, "Lag"), -1);
    table_free(table);
    table_free(NULL);
}

Test(table, a_cell_that_is_no_number_or_boolean_gives_the_fallback)
{
    struct table *table = sample();
    cr_assert_eq(table_int(table, 0, "lag", -1), INT64_MAX);
    cr_assert_eq(table_int(table, 1, "lag", -1), -1);
    cr_assert_eq(table_int(table, 1, "note", -1), -1);
    cr_assert_eq(table_int(table, 0, "note", 5), 5);
    cr_assert_eq(table_real(table, 0, "share", 9), 0.25);
    cr_assert_eq(table_real(table, 1, "lag", 9), 9);
    cr_assert(table_bool(table, 0, "active", false));
    cr_assert(table_bool(table, 1, "active", true));
    cr_assert_not(table_bool(table, 1, "active", false));
    table_free(table);
}

Test(table, a_number_beyond_64_bits_is_none)
{
    struct table *table = table_new(1, (const char *[]){"bytes"});
    table_add(table, (const char *[]){"9223372036854775808"});
    cr_assert_eq(table_int(table, 0, "bytes", -1), -1);
    table_free(table);
}

Test(table, a_point_is_a_point_in_every_locale)
{
    static const char *const commas[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "nl_NL.UTF-8", NULL};
    for (size_t i = 0; commas[i] && !setlocale(LC_ALL, commas[i]); i++)
        continue;
    struct table *table = sample();
    cr_assert_eq(table_real(table, 0, "share", 9), 0.25);
    table_free(table);
}

Test(table, many_rows_and_no_columns)
{
    struct table *table = sample();
    for (int i = 0; i < 5000; i++)
        table_add(table, (const char *[]){"x", "1", "2", "f", "n"});
    cr_assert_eq(table->rows, 5002);
    cr_assert_str_eq(table_text(table, 5001, "note"), "n");
    table_free(table);

    struct table *empty = table_new(0, NULL);
    table_add(empty, NULL);
    cr_assert_eq(empty->rows, 1);
    cr_assert_null(table_text(empty, 0, "any"));
    table_free(empty);
}
