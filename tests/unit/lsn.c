#include "core/lsn.h"

#include <criterion/criterion.h>

static lsn_t parsed(const char *text)
{
    lsn_t lsn = 0;
    cr_assert(lsn_parse(text, &lsn), "%s is an LSN", text);
    return lsn;
}

Test(lsn, both_halves_count)
{
    cr_assert_eq(parsed("16/B374D848"), 0x16B374D848ULL);
    cr_assert_eq(parsed("0/0"), 0);
    cr_assert_eq(parsed("ffffffff/FFFFFFFF"), UINT64_MAX);
    cr_assert_eq(parsed("00000001/00000002"), 0x100000002ULL);
}

Test(lsn, what_is_none_is_refused_and_changes_nothing)
{
    static const char *const wrong[] = {"",      "/",     "1/",    "/1",          "16",
                                        "1/2/3", "1/2 ",  " 1/2",  "1/G",         "-1/2",
                                        "0x1/2", "1//2",  "1\n/2", "000000001/0", "0/100000000",
                                        "+1/2",  "1/0x2", "null",  NULL};
    lsn_t lsn = 42;
    for (size_t i = 0; wrong[i]; i++)
        cr_assert_not(lsn_parse(wrong[i], &lsn), "\"%s\" is no LSN", wrong[i]);
    cr_assert_not(lsn_parse(NULL, &lsn));
    cr_assert_eq(lsn, 42);
}

Test(lsn, is_written_the_way_it_was_read)
{
    static const char *const texts[] = {"0/0", "16/B374D848", "0/A", "FFFFFFFF/FFFFFFFF", NULL};
    char buffer[18];
    for (size_t i = 0; texts[i]; i++)
        cr_assert_str_eq(lsn_format(parsed(texts[i]), buffer), texts[i]);
}

Test(lsn, a_difference_has_a_sign)
{
    cr_assert_eq(lsn_diff(parsed("1/0"), parsed("0/FFFFFFFF")), 1);
    cr_assert_eq(lsn_diff(parsed("0/FFFFFFFF"), parsed("1/0")), -1);
    cr_assert_eq(lsn_diff(7, 7), 0);
}

Test(lsn, a_difference_saturates)
{
    cr_assert_eq(lsn_diff(UINT64_MAX, 0), INT64_MAX);
    cr_assert_eq(lsn_diff(0, UINT64_MAX), INT64_MIN);
    cr_assert_eq(lsn_diff((lsn_t)INT64_MAX, 0), INT64_MAX);
    cr_assert_eq(lsn_diff(0, (lsn_t)INT64_MAX), -INT64_MAX);
    cr_assert_eq(lsn_diff(0, 1ULL << 63), INT64_MIN);
}
