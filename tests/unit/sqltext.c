#include "core/sqltext.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

/* Variables: x, name, lsn, a password that is not to be seen, and one in German. */
static bool look_up(const char *name, struct sql_value *value, void *arg)
{
    static const struct {
        const char *name, *text, *shown;
    } known[] = {{"x", "42", NULL},
                 {"name", "O'Brien", NULL},
                 {"table", "my\"table", NULL},
                 {"path", "C:\\dir", NULL},
                 {"password", "hunter2", "********"},
                 {"nested", ":x", NULL},
                 {"1st", "one", NULL},
                 {"gr\xC3\xB6\xC3\x9F"
                  "e",
                  "gro\xC3\x9F", NULL}};
    (void)arg;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0) {
            *value = (struct sql_value){known[i].text, known[i].shown};
            return true;
        }
    return false;
}

static void expands(const char *text, const char *expected)
{
    struct str real = {0};
    struct err err = {0};
    cr_expect(sql_expand(text, "f.sql", 1, look_up, NULL, &real, NULL, &err), "%s: %s", text,
              err.text);
    cr_expect_str_eq(str_text(&real), expected);
    str_free(&real);
}

static void stays(const char *text)
{
    expands(text, text);
}

Test(sqltext, a_name_is_replaced_verbatim_quoted_or_as_an_identifier)
{
    expands("SELECT :x", "SELECT 42");
    expands("SELECT :x+:x;", "SELECT 42+42;");
    expands("SELECT :'name'", "SELECT 'O''Brien'");
    expands("DROP TABLE :\"table\"", "DROP TABLE \"my\"\"table\"");
    expands("SELECT :'path'", "SELECT  E'C:\\\\dir'");
    expands("SELECT :gr\xC3\xB6\xC3\x9F"
            "e",
            "SELECT gro\xC3\x9F");
    expands("SELECT :1st", "SELECT one");
    expands("(:x)", "(42)");
    expands("", "");
}

Test(sqltext, whether_a_name_is_defined_can_be_asked)
{
    expands("SELECT :{?x}, :{?nothing}", "SELECT TRUE, FALSE");
    stays("SELECT :{?x, :{x}, :{");
}

Test(sqltext, a_cast_is_not_a_variable)
{
    stays("SELECT now()::text, x::x");
    expands("SELECT :x::x", "SELECT 42::x");
    expands("SELECT :'x'::x", "SELECT '42'::x");
    expands("SELECT :::x", "SELECT ::42");
}

Test(sqltext, an_assignment_is_not_a_variable)
{
    stays("CALL p(a := 1, b :=x)");
}

Test(sqltext, a_slice_by_numbers_is_not_a_variable)
{
    stays("SELECT a[1:2], a[:3], a[2:]");
    expands("SELECT a[1:x]", "SELECT a[142]");
    stays("SELECT a[1: x]");
}

Test(sqltext, a_colon_behind_a_backslash_begins_no_variable)
{
    expands("SELECT a[lo\\:x]", "SELECT a[lo:x]");
}

Test(sqltext, strings_are_left_alone)
{
    stays("SELECT ':x', 'it''s :x', ':''x'':x'");
    stays("SELECT \":x\", \"a\"\":x\"");
    stays("SELECT U&':x', u&\":x\", N':x', B':x', X':x'");
    expands("SELECT 'a' :x 'b'", "SELECT 'a' 42 'b'");
    expands("SELECT '\\' :x", "SELECT '\\' 42");
}

Test(sqltext, backslashes_count_in_escape_strings_only)
{
    stays("SELECT E'\\':x', e'\\\\\\' :x'");
    expands("SELECT E'\\\\' :x", "SELECT E'\\\\' 42");
    expands("SELECT E'a''\\':x' :x", "SELECT E'a''\\':x' 42");
    expands("SELECT name'\\' :x", "SELECT name'\\' 42");
}

Test(sqltext, a_string_goes_on_in_the_next_line)
{
    stays("SELECT E'a'\n  '\\' :x'");
    stays("SELECT E'a' -- why :x\n  '\\' :x'");
    expands("SELECT E'a' '\\' :x", "SELECT E'a' '\\' 42");
}

Test(sqltext, dollar_quotes_are_left_alone)
{
    stays("DO $$ :x ' $$");
    stays("DO $a$ :x $b$ :x $$ $a$");
    expands("DO $a$ $b$a$ :x", "DO $a$ $b$a$ 42");
    expands("SELECT $1, :x, $2", "SELECT $1, 42, $2");
    expands("SELECT a$b$ :x", "SELECT a$b$ 42");
    expands("SELECT $1$ :x", "SELECT $1$ 42");
}

Test(sqltext, comments_are_left_alone)
{
    stays("-- :x it's\n");
    expands("-- :x it's\n:x", "-- :x it's\n42");
    stays("/* :x /* :x */ :x ' */");
    expands("/* a /* b */ c */ :x", "/* a /* b */ c */ 42");
    expands("/*/* */*/:x", "/*/* */*/42");
    expands("SELECT 1 -/* ' */:x", "SELECT 1 -/* ' */42");
    expands("SELECT 1 /*--*/ :x", "SELECT 1 /*--*/ 42");
}

Test(sqltext, what_is_never_closed_runs_to_the_end)
{
    stays("SELECT ':x");
    stays("SELECT \":x");
    stays("SELECT E':x\\");
    stays("SELECT $$ :x $");
    stays("/* /* */ :x");
    stays("-- :x");
    stays("SELECT :");
    stays("SELECT :'x");
    stays("SELECT :\"x y\"");
}

Test(sqltext, a_value_is_not_searched_for_variables)
{
    expands("SELECT :nested", "SELECT :x");
}

Test(sqltext, a_secret_is_sent_and_not_shown)
{
    struct str real = {0}, shown = {0};
    struct err err = {0};
    cr_assert(sql_expand("ALTER ROLE r PASSWORD :'password' -- :x :password\n, :password, :x", "f",
                         1, look_up, NULL, &real, &shown, &err));
    cr_assert_str_eq(str_text(&real),
                     "ALTER ROLE r PASSWORD 'hunter2' -- :x :password\n, hunter2, 42");
    cr_assert_str_eq(str_text(&shown),
                     "ALTER ROLE r PASSWORD '********' -- :x :password\n, ********, 42");
    str_free(&real);
    str_free(&shown);
}

static void refuses(const char *text, const char *expected)
{
    struct str real = {0}, shown = {0};
    struct err err = {0};
    str_add(&real, "before");
    cr_expect_not(sql_expand(text, "f.sql", 10, look_up, NULL, &real, &shown, &err), "%s", text);
    cr_expect_str_eq(err.text, expected);
    cr_expect_str_eq(str_text(&real), "before");
    cr_expect_str_eq(str_text(&shown), "");
    str_free(&real);
    str_free(&shown);
}

Test(sqltext, an_undefined_variable_is_an_error_with_its_line)
{
    refuses("SELECT :x,\n  '\n:y',\n  :'y'",
            "f.sql:13: undefined variable :y; define it under variables in the configuration, or "
            "capture it in an earlier step");
}

Test(sqltext, a_slice_that_looks_like_a_variable_is_told_the_way_out)
{
    refuses("SELECT a[lo:hi]",
            "f.sql:10: undefined variable :hi; define it under variables in the configuration, or "
            "capture it in an earlier step; if it is the end of an array slice, put a blank behind "
            "the colon");
}

static void note(const char *name, int line, void *arg)
{
    str_printf(arg, "%s@%d ", name, line);
}

Test(sqltext, variables_are_listed_with_their_lines)
{
    struct str seen = {0};
    sql_variables("SELECT :a, :'b',\r\n ':no' -- :no\r\n, x::no, :\"c\", :{?no}, :a", 5, note,
                  &seen);
    cr_assert_str_eq(str_text(&seen), "a@5 b@5 c@7 a@7 ");
    str_free(&seen);
}

/* The statements, each in angle brackets. */
static void splits(const char *text, const char *expected)
{
    struct arena arena = {0};
    struct str all = {0};
    char **statements;
    size_t count = sql_split(text, &arena, &statements);
    for (size_t i = 0; i < count; i++)
        str_printf(&all, "<%s>", statements[i]);
    cr_expect_str_eq(str_text(&all), expected);
    str_free(&all);
    arena_free(&arena);
}

Test(sqltext, semicolons_part_statements)
{
    splits("SELECT 1; SELECT 2", "<SELECT 1><SELECT 2>");
    splits("SELECT 1;SELECT 2;", "<SELECT 1><SELECT 2>");
    splits("", "");
    splits(" ;; ;\n", "");
}

Test(sqltext, comments_between_statements_are_dropped_and_those_inside_stay)
{
    splits("-- why; \nSELECT /* ; */ 1 -- one;\n  , 2 -- two\n; -- end;\n", "<SELECT /* ; */ 1 "
                                                                            "-- one;\n  , 2>");
    splits("/* only /* ; */ ; */ -- this", "");
}

Test(sqltext, semicolons_in_quotes_part_nothing)
{
    splits("SELECT ';', \";\", E'\\';', $$;$$, $a$;$$;$a$; SELECT 2",
           "<SELECT ';', \";\", E'\\';', $$;$$, $a$;$$;$a$><SELECT 2>");
}

Test(sqltext, semicolons_in_parentheses_part_nothing)
{
    splits("CREATE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO a VALUES (1); DELETE FROM b); "
           "SELECT 2",
           "<CREATE RULE r AS ON INSERT TO t DO ALSO (INSERT INTO a VALUES (1); DELETE FROM b)>"
           "<SELECT 2>");
    splits("SELECT ); SELECT 2", "<SELECT )><SELECT 2>");
    splits("SELECT (1; SELECT 2", "<SELECT (1; SELECT 2>");
}

Test(sqltext, a_routine_s_body_is_part_of_it)
{
    splits("CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 1 "
           "END; END; SELECT 2",
           "<CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 1 "
           "END; END><SELECT 2>");
    splits("create or replace procedure p() begin atomic delete from t; end; select 2",
           "<create or replace procedure p() begin atomic delete from t; end><select 2>");
    splits("CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1; SELECT 2",
           "<CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1><SELECT 2>");
}

Test(sqltext, a_transaction_is_no_block)
{
    splits("BEGIN; SELECT 1; END", "<BEGIN><SELECT 1><END>");
    splits("CREATE TABLE function (x int); BEGIN; END", "<CREATE TABLE function (x int)><BEGIN>"
                                                        "<END>");
}

Test(sqltext, a_megabyte_is_no_effort)
{
    struct str text = {0};
    struct arena arena = {0};
    char **statements;
    while (text.length < 1 << 20)
        str_add(&text, "$$ $ $$ E'' :::x a$b$ ");
    cr_assert_eq(sql_split(text.text, &arena, &statements), 1);
    arena_free(&arena);
    str_free(&text);
}

static void quotes(void (*quote)(struct str *, const char *), const char *text,
                   const char *expected)
{
    struct str out = {0};
    quote(&out, text);
    cr_expect_str_eq(str_text(&out), expected);
    str_free(&out);
}

Test(sqltext, literals_are_quoted_as_by_libpq)
{
    quotes(sql_quote_literal, "", "''");
    quotes(sql_quote_literal, "a'b", "'a''b'");
    quotes(sql_quote_literal, "a\\b'", " E'a\\\\b'''");
    quotes(sql_quote_literal, "\xE2\x82\xAC'\n", "'\xE2\x82\xAC''\n'");
}

Test(sqltext, identifiers_are_quoted_as_by_libpq)
{
    quotes(sql_quote_identifier, "Shop", "\"Shop\"");
    quotes(sql_quote_identifier, "a\"b\\'", "\"a\"\"b\\'\"");
    quotes(sql_quote_identifier,
           "gr\xC3\xB6\xC3\x9F"
           "e",
           "\"gr\xC3\xB6\xC3\x9F"
           "e\"");
}

/* Whatever the text is, quoted it is one token: nothing of it can run. */
Test(sqltext, a_quoted_value_never_gets_out)
{
    static const char *const evil[] = {"'; DROP TABLE t; --",
                                       "\\'; DROP TABLE t; --",
                                       "\\",
                                       "\"; DROP TABLE t; --",
                                       "'\n'; x",
                                       ":x",
                                       "$$;",
                                       "/*",
                                       NULL};
    for (size_t i = 0; evil[i]; i++) {
        struct str text = {0};
        struct arena arena = {0};
        char **statements;
        str_add(&text, "SELECT");
        sql_quote_literal(&text, evil[i]);
        str_char(&text, ' ');
        sql_quote_identifier(&text, evil[i]);
        stays(text.text);
        cr_expect_eq(sql_split(text.text, &arena, &statements), 1, "%s", text.text);
        arena_free(&arena);
        str_free(&text);
    }
}
