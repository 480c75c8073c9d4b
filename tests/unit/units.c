#include <criterion/criterion.h>

#include "core/units.h"

Test(units, durations_are_read_in_every_unit)
{
    static const struct {
        const char *text;
        int ms;
    } all[] = {{"500ms", 500},  {"10s", 10000}, {"10 s", 10000},        {"2min", 120000},
               {"1h", 3600000}, {"1ms", 1},     {"596h", 596 * 3600000}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        int ms = 0;
        cr_assert(duration_parse(all[i].text, &ms), "%s", all[i].text);
        cr_assert_eq(ms, all[i].ms, "%s gives %d", all[i].text, ms);
    }
}

Test(units, what_is_no_duration_is_refused_and_the_value_left_alone)
{
    static const char *const all[] = {
        "",   "10",   "s",    "0s",  "-1s",  "+1s", " 1s",  "1S",
        "1m", "1.5s", "1  s", "1s ", "597h", "1ss", "0x1s", "99999999999999999999s"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        int ms = 42;
        cr_assert_not(duration_parse(all[i], &ms), "\"%s\" was taken", all[i]);
        cr_assert_eq(ms, 42);
    }
}

Test(units, sizes_are_read_in_every_unit)
{
    static const struct {
        const char *text;
        int64_t bytes;
    } all[] = {{"1B", 1}, {"16kB", 16384}, {"1MB", 1048576}, {"2GB", INT64_C(2147483648)}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        int64_t bytes = 0;
        cr_assert(size_parse(all[i].text, &bytes), "%s", all[i].text);
        cr_assert_eq(bytes, all[i].bytes, "%s gives %jd", all[i].text, (intmax_t)bytes);
    }
}

Test(units, what_is_no_size_is_refused)
{
    static const char *const all[] = {"", "1", "1KB", "1mb", "0MB", "9999999999GB"};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        int64_t bytes;
        cr_assert_not(size_parse(all[i], &bytes), "\"%s\" was taken", all[i]);
    }
}

Test(units, plain_names_are_letters_digits_dashes)
{
    cr_assert(name_is_plain("Night-2_b", 20));
    cr_assert(name_is_plain("12345678901234567890", 20));
    cr_assert_not(name_is_plain("123456789012345678901", 20));
    cr_assert_not(name_is_plain("", 20));
    cr_assert_not(name_is_plain("a b", 20));
    cr_assert_not(name_is_plain("n\303\244he", 20));
    cr_assert_not(name_is_plain("a/b", 20));
}

Test(units, variable_names_are_psqls)
{
    cr_assert(name_is_variable("slot_1"));
    cr_assert(name_is_variable("_x"));
    cr_assert_not(name_is_variable("1x"));
    cr_assert_not(name_is_variable("a-b"));
    cr_assert_not(name_is_variable(""));
}

Test(units, the_nearest_name_is_found_or_none)
{
    static const char *const names[] = {"databases", "database", "run", "theme", NULL};
    cr_assert_str_eq(name_nearest("databasse", names), "database");
    cr_assert_str_eq(name_nearest("databasess", names), "databases");
    cr_assert_str_eq(name_nearest("rum", names), "run");
    cr_assert_str_eq(name_nearest("tehme", names), "theme");
    cr_assert_null(name_nearest("journal", names));
    cr_assert_null(name_nearest("", names));
    char endless[200];
    memset(endless, 'x', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    cr_assert_null(name_nearest(endless, names));
}

Test(units, words_are_cut_by_blanks)
{
    struct arena arena = {0};
    const char **list;
    cr_assert_eq(words(&arena, "  one\ttwo  three ", &list), 3);
    cr_assert_str_eq(list[0], "one");
    cr_assert_str_eq(list[1], "two");
    cr_assert_str_eq(list[2], "three");
    cr_assert_eq(words(&arena, " \t ", &list), 0);
    arena_free(&arena);
}
