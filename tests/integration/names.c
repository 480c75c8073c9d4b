/* Names that a quote forgotten somewhere, or a word cut in the wrong place, will not survive: every
 * check and every panel tells them right, and the runbook moves what bears them. */
#include "tests/integration/support_checks.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

static struct lab lab;
static struct driver *console;

/* Each is a schema's, a table's in it, a column's of that table, and of whatever else has a name.
 */
static const char *const names[] = {
    "Mixed Case",
    "Größe in cm²",
    "日本語の表",
    "dots.in.it",
    "the \"quoted\" one",
    "it's",
    "two\nlines",
    "tab\there",
    ":colon :'and' :\"quotes\" ::text",
    "100% %s %n %I $1 $$ $x$",
    "back\\slash \\n \\\\",
    "{braces, \"and\"} (parens)",
    "-- comment /* here",
    "--- probe",
    " leading and trailing ",
    "a=b",
    "select",
    "name",
    "object",
    "sixty_three_bytes_of_ascii_letters_and_underscores_in_one_name_",
    "長長長長長長長長長長長長長長長長長長長長長",
};
enum { NAMES = sizeof names / sizeof *names, PATIENCE_MS = 60000 };

/* A schema with a little of everything, every name in it the one in the loop. */
static const char each_name[] =
    "EXECUTE format('CREATE SCHEMA %1$s', q);"
    "EXECUTE format('GRANT USAGE ON SCHEMA %1$s TO replicator', q);"
    "EXECUTE format('CREATE TYPE %1$s.\"a type\" AS ENUM (%2$L, ''b'')', q, n);"
    "EXECUTE format('CREATE SEQUENCE %1$s.\"it''s a sequence\" START 77', q);"
    "EXECUTE format('CREATE TABLE %1$s.%1$s (%1$s int NOT NULL, mood %1$s.\"a type\" DEFAULT %2$L,"
    " number bigint DEFAULT nextval(%3$L), CONSTRAINT %1$s CHECK (%1$s > 0))', q, n,"
    " q || '.\"it''s a sequence\"');"
    "EXECUTE format('CREATE INDEX \"i.x\" ON %1$s.%1$s (%1$s) WHERE mood <> ''b''', q);"
    "EXECUTE format('CREATE FUNCTION %1$s.%1$s() RETURNS trigger LANGUAGE plpgsql AS"
    " ''BEGIN RETURN NEW; END''', q);"
    "EXECUTE format('CREATE TRIGGER %1$s BEFORE INSERT ON %1$s.%1$s FOR EACH ROW"
    " EXECUTE PROCEDURE %1$s.%1$s()', q);"
    "EXECUTE format('CREATE POLICY %1$s ON %1$s.%1$s USING (%1$s > 1)', q);"
    "EXECUTE format('CREATE VIEW %1$s.\"a view\" AS SELECT %1$s FROM %1$s.%1$s', q);"
    "EXECUTE format('INSERT INTO %1$s.%1$s SELECT generate_series(1, 9)', q);"
    "EXECUTE format('GRANT SELECT ON %1$s.%1$s TO replicator', q);";
static const char each_key[] =
    "EXECUTE format('ALTER TABLE %1$s.%1$s ADD CONSTRAINT \"its key\" PRIMARY KEY (%1$s)', q);";

static void end(void)
{
    if (console)
        driver_stop(console);
    if (lab.port)
        lab_down(&lab);
}

static PGconn *source(void)
{
    return lab_connect(&lab, "source", "shop", "pgcutover");
}

/* Runs these statements for each name: `n` as it is, `q` as an identifier. */
static void for_each_name(const char *statements)
{
    PGconn *conn = source();
    struct str sql = {0};
    str_add(&sql, "DO $do$ DECLARE n text; q text; BEGIN FOREACH n IN ARRAY ARRAY[");
    for (int i = 0; i < NAMES; i++) {
        char *literal = PQescapeLiteral(conn, names[i], strlen(names[i]));
        str_printf(&sql, "%s%s", i ? "," : "", literal);
        PQfreemem(literal);
    }
    str_printf(&sql, "] LOOP q := quote_ident(n);%s END LOOP; END $do$", statements);
    PQfinish(conn);
    lab_do(&lab, "source", "shop", str_text(&sql));
    str_free(&sql);
}

/* `schema.table` of a name, as the server writes it. The caller frees it. */
static char *table_of(PGconn *conn, const char *name)
{
    const char *values[] = {name};
    PGresult *result = PQexecParams(conn, "SELECT format('%I.%I', $1::text, $1::text)", 1, NULL,
                                    values, NULL, NULL, 0);
    cr_assert_eq(PQresultStatus(result), PGRES_TUPLES_OK, "%s", PQerrorMessage(conn));
    char *table = xstrdup(PQgetvalue(result, 0, 0));
    PQclear(result);
    return table;
}

static bool compares(const struct check *check)
{
    return check->against != NULL;
}

static bool is_identity(const struct check *check)
{
    return strcmp(check->id, "replica_identity") == 0;
}

static void expect_every_check_answers(void)
{
    asker_run(console, NULL);
    for (size_t i = 0; i < checks_count(console->app->checks); i++) {
        const struct check_result *result = checks_at(console->app->checks, i);
        cr_expect(!result->error, "%s: %s", result->check->id, result->error);
    }
}

/* All of it stands on the source alone, and no table has an identity. */
static void expect_checks_to_name_them(void)
{
    PGconn *conn = source();
    expect_every_check_answers();
    for (int i = 0; i < NAMES; i++) {
        const struct check_result *by;
        char *table = table_of(conn, names[i]);
        cr_expect_geq(asker_find(console, compares, table, "only on old", &by), 0,
                      "what only the source has is not told of %s", table);
        int row = asker_find(console, is_identity, table, "", &by);
        cr_expect_geq(row, 0, "replica_identity does not name %s", table);
        if (row >= 0)
            cr_expect_str_eq(table_text(by->offenders, row, "object"), table);
        free(table);
    }
    PQfinish(conn);
}

static bool all_sampled(struct driver *asker, const void *arg)
{
    const struct model *model = asker->app->model;
    (void)arg;
    for (size_t i = 0; i < model->sample_count; i++)
        if (!model->samples[i].absent && !model->samples[i].table && !model->samples[i].error)
            return false;
    return true;
}

static bool has_row(const struct table *table, const char *schema, const char *name)
{
    for (int row = 0; row < table->rows; row++)
        if (strcmp(table_text(table, row, "schema"), schema) == 0 &&
            strcmp(table_text(table, row, "name"), name) == 0)
            return true;
    return false;
}

static void expect_panels_to_name_them(void)
{
    cr_assert(driver_until(console, all_sampled, NULL, PATIENCE_MS), "a panel has no answer");
    const struct model *model = console->app->model;
    for (size_t i = 0; i < model->sample_count; i++)
        cr_expect(!model->samples[i].error, "%s: %s", model->samples[i].query->id,
                  model->samples[i].error);
    const struct sample *tables = model_sample(model, "tables", 0, 0);
    cr_assert(tables && tables->table);
    for (int i = 0; i < NAMES; i++)
        cr_expect(has_row(tables->table, names[i], names[i]), "the tables panel lacks %s",
                  names[i]);
}

static void expect_same(const char *what,
                        char *(*content)(const struct lab *, const char *, const char *))
{
    char *old = content(&lab, "source", "shop"), *new = content(&lab, "target", "shop");
    cr_expect_str_eq(old, new, "%s differ. Source:\n%sTarget:\n%s", what, old, new);
    cr_expect_gt(strlen(old), 10 * NAMES, "too few %s to compare", what);
    free(old);
    free(new);
}

Test(names, are_told_right_and_moved, .fini = end)
{
    lab = lab_up("names", 19750, 12, 17, "--no-shop --no-pooler");
    lab_do(&lab, "source", "shop",
           "DO $$ BEGIN FOR g IN 1..3000 LOOP EXECUTE format('CREATE SCHEMA %I', 'Tenant ' || g);"
           " EXECUTE format('CREATE FUNCTION %I.f() RETURNS int LANGUAGE sql AS ''SELECT 1''',"
           " 'Tenant ' || g); END LOOP; END $$");
    lab_do(&lab, "source", "billing",
           "CREATE TABLE bills (id int PRIMARY KEY); GRANT SELECT ON bills TO replicator");
    for_each_name(each_name);
    console = asker_start(&lab);
    expect_checks_to_name_them();
    expect_panels_to_name_them();

    for_each_name(each_key);
    struct driver *driver = driver_start(&lab, NULL);
    driver_walk(driver, "sequences_before");
    driver_stop(driver);
    expect_same("rows", lab_content);
    expect_same("sequences", lab_sequences);
    expect_every_check_answers();
    const char *story = asker_story(console, compares, 20);
    cr_expect_str_empty(story, "moved, and yet this differs:\n%s", story);
}
