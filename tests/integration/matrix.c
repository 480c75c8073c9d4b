/* The `logical` runbook over the major versions: each pair has its own catalogue, its own ways to
 * publish partitions, to read sequences and to name workers. */
#include "tests/integration/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct lab lab;

static void down(void)
{
    lab_down(&lab);
}

/* The machine's pg_dump may be older than the source and refuse it, as it should. Then an operator
 * puts an own way into a copy of the runbook; here the files that made the source's schema make the
 * target's, and their rows are taken out again. */
static const char *ours(void)
{
    static char path[128];
    static const char step[] = "--- step schema\n";
    const char *book = runbook_text("logical");
    const char *begin = strstr(book, step);
    const char *body = begin ? strstr(begin, "\nbash ") : NULL;
    const char *probe = body ? strstr(body, "\n--- probe") : NULL;
    cr_assert(probe, "the runbook has no step schema with a command");

    snprintf(path, sizeof path, "%s/ours.sql", lab.dir);
    FILE *file = fopen(path, "w");
    cr_assert(file);
    fprintf(
        file,
        "%.*s\nbash -c 'psql -Xq -d \"$1\" -v ON_ERROR_STOP=1 -f \"$2/$3.sql\" -c \"$4\"' schema "
        ":target_dsn '%s/tests/lab' :database\n"
        "  \"DO $$ DECLARE r record; BEGIN"
        " FOR r IN SELECT c.oid::regclass AS name, c.relkind FROM pg_class c"
        "  JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'm')"
        "   AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' LOOP"
        "  EXECUTE CASE r.relkind WHEN 'r' THEN format('TRUNCATE %%s CASCADE', r.name)"
        "   ELSE format('REFRESH MATERIALIZED VIEW %%s WITH NO DATA', r.name) END;"
        " END LOOP; END $$\"%s",
        (int)(body - book), book, getenv("PGCUTOVER_ROOT"), probe);
    cr_assert_eq(fclose(file), 0);
    return path;
}

static void moves(int from, int to, int port)
{
    char name[32];
    snprintf(name, sizeof name, "matrix-%d-%d", from, to);
    lab = lab_up(name, port, from, to, "");
    struct driver *driver = driver_start(&lab, from > 15 ? ours() : NULL);
    driver_walk(driver, "subscription_back");
    load_start(&lab);
    driver_walk(driver, "sequences_same");
    lab_expect_same_content(&lab);
    lab_expect_same_sequences(&lab);
    driver_walk(driver, "no_strays");
    load_stop(&lab);
    cr_expect_eq(load_failed(&lab), 0);
    char majors[16];
    snprintf(majors, sizeof majors, "%d %d", from, to);
    load_expect_servers(&lab, majors);
    load_expect_nothing_lost(&lab, "target");
    lab_drain(&lab, "target", "source");
    lab_expect_same_content(&lab);
    lab_expect_sequences_work(&lab, "target");
    driver_walk(driver, NULL);
    driver_stop(driver);
    lab_expect_nothing_left(&lab);
}

TestSuite(matrix, .timeout = 120, .fini = down);

Test(matrix, from_10_to_18)
{
    moves(10, 18, 18160);
}

Test(matrix, from_12_to_16)
{
    moves(12, 16, 18170);
}

Test(matrix, from_15_to_17)
{
    moves(15, 17, 18180);
}

Test(matrix, from_17_to_18)
{
    moves(17, 18, 18190);
}
