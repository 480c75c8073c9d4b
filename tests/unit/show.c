/* Questions to PgBouncer's console, whose conditions the console itself evaluates. */
#include <criterion/criterion.h>
#include <string.h>

#include "core/show.h"

static struct arena arena;
static struct show show;
static struct err err;

static struct table *pools(const char *database, const char *active)
{
    static const char *const names[] = {"database", "sv_active"};
    const char *cells[] = {database, active};
    struct table *table = table_new(2, names);
    table_add(table, cells);
    return table;
}

static bool holds(const char *text, struct table *table)
{
    cr_assert(show_parse(text, &show, &arena, &err), "%s", err.text);
    bool so = show_holds(&show, table);
    table_free(table);
    return so;
}

Test(show, sends_what_stands_before_the_condition)
{
    cr_assert(show_parse("SHOW POOLS NONE WHERE database = 'shop';", &show, &arena, &err));
    cr_assert_str_eq(show.command, "SHOW POOLS");
    cr_assert(show.none);
    cr_assert(show_parse("SHOW CONFIG", &show, &arena, &err));
    cr_assert_str_eq(show.command, "SHOW CONFIG");
}

Test(show, holds_where_one_row_meets_every_condition)
{
    cr_assert(holds("SHOW POOLS WHERE database = 'shop' AND sv_active > '0'", pools("shop", "2")));
    cr_assert_not(
        holds("SHOW POOLS WHERE database = 'shop' AND sv_active > '0'", pools("shop", "0")));
    cr_assert(holds("SHOW POOLS WHERE database <> 'shop'", pools("billing", "0")));
}

Test(show, none_holds_where_no_row_does)
{
    cr_assert(
        holds("SHOW POOLS NONE WHERE database = 'shop' AND sv_active > '0'", pools("shop", "0")));
    cr_assert_not(
        holds("SHOW POOLS NONE WHERE database = 'shop' AND sv_active > '0'", pools("shop", "10")));
}

Test(show, reads_quoted_quotes_and_backslashes)
{
    cr_assert(holds("SHOW POOLS WHERE database = 'it''s'", pools("it's", "0")));
    cr_assert(holds("SHOW POOLS WHERE database =  E'a\\\\b'", pools("a\\b", "0")));
    cr_assert(
        holds("SHOW POOLS WHERE database = 'a WHERE b AND c'", pools("a WHERE b AND c", "0")));
}

Test(show, a_column_that_is_not_there_proves_nothing)
{
    struct table *table = pools("shop", "0");
    cr_assert(show_parse("SHOW POOLS NONE WHERE busy > '0'", &show, &arena, &err));
    cr_assert_str_eq(show_lacks(&show, table), "busy");
    cr_assert(show_parse("SHOW POOLS NONE WHERE sv_active > '0'", &show, &arena, &err));
    cr_assert_null(show_lacks(&show, table));
    table_free(table);
}

Test(show, refuses_what_it_can_not_read)
{
    cr_assert_not(show_parse("SHOW POOLS NONE", &show, &arena, &err));
    cr_assert_not(show_parse("SHOW POOLS WHERE database = shop", &show, &arena, &err));
    cr_assert_not(show_parse("SHOW POOLS WHERE database = 'shop' OR x = '1'", &show, &arena, &err));
}

static void clean(void)
{
    arena_free(&arena);
}

TestSuite(show, .fini = clean);
