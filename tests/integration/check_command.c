/* The catalogue as a person has it: `pgcutover check` by its output and its exit code, and the
 * console's checks panel by keys. */
#include "core/journal.h"
#include "tests/integration/support.h"
#include "tests/screen/expect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* The titles of two checks, as the panel has them. */
#define PREPARED "No prepared transaction is open on the source"
#define VIEWS    "There are no materialized views"

static struct lab lab;
static struct term *t;

static void end(void)
{
    term_free(t);
    if (lab.port)
        lab_down(&lab);
}

TestSuite(check_command, .fini = end, .timeout = 150);

/* A transaction that nobody ends, without a row: what it changes is its being there. */
static void forget(const char *gid)
{
    char sql[100];
    snprintf(sql, sizeof sql, "BEGIN; SELECT 1; PREPARE TRANSACTION '%s'", gid);
    lab_do(&lab, "source", "shop", sql);
}

/* --- the command --- */

/* What `pgcutover check ARGUMENTS` prints; fails the test where it exits otherwise. The text is
 * good until the next call. */
static const char *check(int code, const char *arguments)
{
    static char text[1 << 20];
    char *command = xprintf("'%s' check -c '%s' %s", getenv("PGCUTOVER_BIN"), lab.conf, arguments);
    FILE *out = popen(command, "r");
    cr_assert(out, "%s", command);
    text[fread(text, 1, sizeof text - 1, out)] = '\0';
    int status = pclose(out);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == code, "%s: wait status %#x, not exit %d",
              command, (unsigned)status, code);
    free(command);
    return text;
}

static void expect_in(const char *text, const char *part)
{
    cr_assert(strstr(text, part), "not there: %s\n%s", part, text);
}

static void expect_json(int code, const char *outcome, size_t offenders, const char *object)
{
    json_error_t error;
    const char *text = check(code, "--json --only no_prepared_transactions");
    json_t *all = json_loads(text, 0, &error), *result = json_array_get(all, 0);
    cr_assert(all, "%s in %s", error.text, text);
    cr_assert_eq(json_array_size(all), 1);
    cr_assert_str_eq(json_string_value(json_object_get(result, "outcome")), outcome);
    json_t *found = json_object_get(result, "offenders");
    cr_assert(json_is_array(found));
    cr_assert_eq(json_array_size(found), offenders);
    if (offenders)
        cr_assert_str_eq(json_string_value(json_object_get(json_array_get(found, 0), "object")),
                         object);
    json_decref(all);
}

static void expect_only_blocks(void)
{
    json_t *all = json_loads(check(1, "--json --severity block"), 0, NULL), *result;
    size_t i;
    cr_assert_gt(json_array_size(all), 20);
    json_array_foreach(all, i, result)
        cr_assert_str_eq(json_string_value(json_object_get(result, "severity")), "block");
    json_decref(all);
    cr_assert_not(strstr(check(1, "--severity block"), VIEWS));
    expect_in(check(1, ""), VIEWS);
}

static void expect_colour(const char *no_color, bool coloured)
{
    const char *argv[] = {getenv("PGCUTOVER_BIN"),    "check", "-c", lab.conf, "--only",
                          "no_prepared_transactions", NULL};
    const char *env[] = {no_color, NULL};
    t = term_start(&(struct term_options){.argv = argv, .env = env, .cols = 130, .rows = 40});
    term_expect_exit(t, 0);
    term_check(t, term_find(t, PREPARED, NULL, NULL), "no report");
    term_check(t, term_sent(t, 0, "\033[32m") == coloured, "colour or none");
    term_check(t, term_sent(t, 0, "\033") == coloured, "an escape sequence without colour");
    term_free(t);
    t = NULL;
}

Test(check_command, says_what_holds_by_text_json_and_exit_code)
{
    lab = lab_up("check-command", 20200, 14, 18, "--no-pooler");
    cr_assert_not(strchr(check(0, "--only no_prepared_transactions"), '\033'));
    expect_json(0, "holds", 0, NULL);
    expect_colour("NO_COLOR", true);
    expect_colour("NO_COLOR=1", false);

    forget("forgotten");
    expect_in(check(1, "--only no_prepared_transactions"), "old: forgotten  by pgcutover in shop");
    expect_in(check(1, "--only 'running work'"), "remedy: COMMIT PREPARED");
    expect_json(1, "red", 1, "forgotten");
    expect_only_blocks();
    check(0, "--only materialized_views"); /* red, but it blocks nothing */
    lab_do(&lab, "source", "shop", "ROLLBACK PREPARED 'forgotten'");
    expect_json(0, "holds", 0, NULL);

    const char *text = check(0, "--explain no_prepared_transactions");
    expect_in(text, "why: It holds its locks");
    expect_in(text, "FROM pg_prepared_xacts");
    expect_in(text, "remedy: COMMIT PREPARED or ROLLBACK PREPARED");
    cr_assert_not(strchr(text, '\033'));

    check(2, "--only nothing_of_this_name 2>/dev/null");
    check(2, "--explain nothing_of_this_name 2>/dev/null");
    check(2, "--severity dreadful 2>/dev/null");
    cr_assert(lab_run(&lab, "stop-server target"));
    check(3, "--only no_prepared_transactions");
}

/* --- that it writes nothing --- */

/* What a write would change, of a database: rows written, relations, settings, roles. Waits for the
 * statistics of sessions that have ended, which 14 sends late. */
static char *facts(const char *side, const char *database)
{
    return lab_ask(&lab, side, database,
                   "SELECT concat_ws(' ',"
                   " (SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables),"
                   " (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_proc),"
                   " (SELECT md5(string_agg(name || setting, ',' ORDER BY name)) FROM pg_settings),"
                   " (SELECT count(*) FROM pg_db_role_setting), (SELECT count(*) FROM pg_roles),"
                   " (SELECT count(*) FROM pg_replication_slots),"
                   " (SELECT count(*) FROM pg_subscription))"
                   " FROM pg_sleep(1.5)");
}

/* How many statements of pgcutover's sessions are in a server's log, and none but reads. */
static int reads(const char *side)
{
    static const char *const words[] = {"SELECT", "SHOW", "SET", "WITH"};
    char *path = xprintf("%s/%s.log", lab.dir, side), *line = NULL;
    size_t size = 0;
    int count = 0;
    FILE *log = fopen(path, "r");
    cr_assert(log, "%s", path);
    while (getline(&line, &size, log) > 0) {
        const char *said = strstr(line, "/pgcutover ");
        const char *sql = said ? strstr(said, " LOG:  ") : NULL;
        bool is_read = false;
        if (!sql || (strncmp(sql + 7, "statement: ", 11) && strncmp(sql + 7, "execute ", 8)))
            continue;
        sql = strstr(sql + 7, ": ") + 2;
        while (strncmp(sql, "--", 2) == 0 && getline(&line, &size, log) > 0)
            sql = line + strspn(line, "\t");
        sql += strspn(sql, " (");
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            is_read = is_read || strncasecmp(sql, words[i], strlen(words[i])) == 0;
        cr_assert(is_read, "on the %s: %s", side, line);
        count++;
    }
    free(line);
    fclose(log);
    free(path);
    return count;
}

/* Each session of ours says in the target's log whether it is read-only. */
#define TELL                                                                                       \
    "CREATE FUNCTION public.tell() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE LOG "  \
    "'read-only: %', current_setting('default_transaction_read_only'); END $$;"                    \
    "CREATE EVENT TRIGGER tell ON login EXECUTE FUNCTION public.tell()"

static int told(const char *what)
{
    char *path = xprintf("%s/target.log", lab.dir), line[4096];
    int count = 0;
    FILE *log = fopen(path, "r");
    cr_assert(log, "%s", path);
    while (fgets(line, sizeof line, log))
        count += strstr(line, "/pgcutover ") && strstr(line, what);
    fclose(log);
    free(path);
    return count;
}

Test(check_command, writes_nothing)
{
    static const char *const sides[] = {"source", "target"};
    char *before[4];
    lab = lab_up("check-command-log", 20203, 14, 18,
                 "--no-pooler --source-conf \"log_statement='all'\""
                 " --target-conf \"log_statement='all'\"");
    lab_do(&lab, "target", "shop", TELL);
    lab_do(&lab, "target", "billing", TELL);
    for (int i = 0; i < 4; i++)
        before[i] = facts(sides[i / 2], lab_databases[i % 2]);
    check(1, "");
    for (int i = 0; i < 4; i++) {
        char *after = facts(sides[i / 2], lab_databases[i % 2]);
        cr_assert_str_eq(after, before[i], "%s of the %s", lab_databases[i % 2], sides[i / 2]);
        free(after);
        free(before[i]);
    }
    for (int i = 0; i < 2; i++)
        cr_assert_gt(reads(sides[i]), 50, "the %s was hardly asked", sides[i]);
    cr_assert_geq(told("read-only: on"), 2);
    cr_assert_eq(told("read-only: off"), 0);
}

/* --- the panel --- */

/* Every row that is red is above every row that holds, and there are both. */
static bool red_is_first(const struct term *term, const void *arg)
{
    int cols, rows, last_red = -1, first_green = -1;
    (void)arg;
    term_size(term, &cols, &rows);
    for (int row = 0; row < rows; row++) {
        const char *text = term_row(term, row);
        if (strstr(text, " RED "))
            last_red = row;
        if (strstr(text, " holds ") && first_green < 0)
            first_green = row;
    }
    return last_red >= 0 && first_green > last_red && !term_find(term, "asking", NULL, NULL);
}

static const char *row_of(const struct term *term, const char *title)
{
    int row;
    return term_find(term, title, &row, NULL) ? term_row(term, row) : "";
}

static bool is_now(const struct term *term, const void *title)
{
    return strstr(row_of(term, title), " now") != NULL;
}

/* As a check that took long in a crowd may be marked, where its age is else. */
static bool is_now_or_dear(const struct term *term, const void *title)
{
    return is_now(term, title) || strstr(row_of(term, title), " demand");
}

static bool is_seconds_old(const struct term *term, const void *title)
{
    return strstr(row_of(term, title), " s") && strpbrk(row_of(term, title), "23456789");
}

static bool is_accepted(const struct term *term, const void *title)
{
    return strstr(row_of(term, title), "accepted") != NULL;
}

static bool is_red(const struct term *term, const void *title)
{
    return strstr(row_of(term, title), "RED") != NULL;
}

static bool can_be_answered(const struct term *term, const void *arg)
{
    int row, col;
    (void)arg;
    return term_find(term, ": yes    any other key: no", &row, &col) &&
           term_cell(term, row, col).bold;
}

static void expect_row(term_predicate *holds, const char *title)
{
    term_check(t, term_wait(t, holds, title, TERM_PATIENCE), "the row \"%s\" is not so", title);
}

static void filter(const char *text, const char *shown, const char *gone)
{
    term_keys(t, "/");
    term_expect(t, "filter");
    term_keys(t, "\025"); /* ^U: without what it was */
    term_keys(t, text);
    term_keys(t, "\r");
    term_expect(t, shown);
    term_expect_gone(t, gone);
}

/* How many acceptances the journal has that hold all three texts. */
static int accepted(const char *check_id, const char *reason, const char *offender)
{
    struct err err;
    json_t *record;
    size_t i;
    int count = 0;
    char *path = xprintf("%s/journal/rehearsal.jsonl", lab.dir);
    json_t *records = journal_read(path, &err);
    cr_assert(records, "%s", err.text);
    json_array_foreach(records, i, record)
    {
        json_t *offenders = json_object_get(record, "offenders");
        const char *first = json_string_value(json_array_get(offenders, 0));
        const char *is = json_string_value(json_object_get(record, "type"));
        if (is && strcmp(is, "accept") == 0)
            count += !strcmp(json_string_value(json_object_get(record, "check")), check_id) &&
                     !strcmp(json_string_value(json_object_get(record, "detail")), reason) &&
                     json_array_size(offenders) == 1 && first && strstr(first, offender);
    }
    json_decref(records);
    free(path);
    return count;
}

static void expect_rerun_by_keys(void)
{
    filter("materialized_views", VIEWS, PREPARED);
    term_keys(t, "r");
    expect_row(is_now, VIEWS);
    expect_row(is_seconds_old, VIEWS);
    term_keys(t, "r");
    expect_row(is_now, VIEWS);
    expect_row(is_seconds_old, VIEWS);
    term_keys(t, "*");
    expect_row(is_now_or_dear, VIEWS);
}

Test(check_command, the_panel_by_keys)
{
    lab = lab_up("check-panel", 20206, 14, 18, "--no-pooler");
    forget("forgotten");
    const char *argv[] = {getenv("PGCUTOVER_BIN"), "drive", "-c", lab.conf, NULL};
    t = term_start(&(struct term_options){.argv = argv, .cols = 200, .rows = 45});
    term_expect(t, "driving: ");
    term_keys(t, "9z");
    term_check(t, term_wait(t, red_is_first, NULL, TERM_PATIENCE), "what is red is not first");
    expect_row(is_red, PREPARED);
    expect_rerun_by_keys();

    filter("no_prepared_transactions", PREPARED, VIEWS);
    size_t from = term_bytes(t);
    term_keys(t, "y");
    term_expect(t, "the remedy of no_prepared_transactions is in the clipboard");
    cr_assert(term_sent(t, from, "\033]52;c;Q09NTUlUIFBSRVBBUkVEIG9y")); /* COMMIT PREPARED or */

    term_keys(t, "c");
    term_expect(t, "Why may this be so?");
    term_keys(t, "the nightly batch\r");
    term_check(t, term_wait(t, can_be_answered, NULL, TERM_PATIENCE), "no question");
    term_keys(t, "Y");
    expect_row(is_accepted, PREPARED);
    for (int i = 0; i < 100 && !accepted("no_prepared_transactions", "the nightly batch",
                                         "old forgotten by pgcutover in shop");
         i++)
        term_wait_text(t, "\001", 20); /* it is written beside the screen */
    cr_assert_eq(accepted("no_prepared_transactions", "the nightly batch",
                          "old forgotten by pgcutover in shop"),
                 1);
    term_keys(t, "c");
    term_expect(t, "this check is not in the way");
    term_keys(t, "r");
    expect_row(is_now, PREPARED);
    expect_row(is_accepted, PREPARED);

    forget("another");
    term_keys(t, "r");
    expect_row(is_red, PREPARED);
    term_keys(t, "c");
    term_expect(t, "Why may this be so?");
    term_key(t, TERM_ESC);
    term_expect_gone(t, "Why may this be so?");
    term_keys(t, "zq"); /* q alone would leave the zoom */
    term_expect_exit(t, 0);
}
