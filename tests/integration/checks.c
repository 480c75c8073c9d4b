/* Every check of the catalogue on real servers: a clean pair is green; broken it is red and names
 * who is in the way; after its own remedy it is green again. And every variant of every check runs
 * on a server of its version, 10 to 18. */
#include "tests/integration/support.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/support_checks.h"
#include "tests/integration/violations.h"

enum { PATIENCE_MS = 30000 };

static struct lab lab;
static struct driver *console;

static void down(void)
{
    if (console)
        driver_stop(console);
    if (lab.port)
        lab_down(&lab);
}

/* --- breaking and mending --- */

static PGconn *connect_as(const char *side, const char *database, const char *name)
{
    bool pooler = strcmp(side, "pooler") == 0;
    int port = lab.port + (strcmp(side, "target") == 0 ? 1 : pooler ? 2 : 0);
    char *dsn = xprintf("host=127.0.0.1 port=%d user=%s dbname=%s passfile=%s/pgpass "
                        "application_name='%s'%s",
                        port, pooler ? "pgcutover" : "postgres", database, lab.dir, name,
                        pooler ? "" : " options='-c default_transaction_read_only=off'");
    PGconn *connection = PQconnectdb(dsn);
    cr_assert(PQstatus(connection) == CONNECTION_OK, "%s: %s", side, PQerrorMessage(connection));
    free(dsn);
    return connection;
}

static void send_line(PGconn *connection, const char *line)
{
    PGresult *result = PQexec(connection, line);
    ExecStatusType status = PQresultStatus(result);
    cr_assert(status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK, "%s: %s", line,
              PQerrorMessage(connection));
    PQclear(result);
}

/* A statement a line; RESTART is for the server, DATABASE goes on in another one. The session is
 * returned where it is held. */
static PGconn *run_script(const char *side, const char *database, const char *script, bool held)
{
    char *text = xstrdup(script), *rest = text, *line;
    PGconn *connection = connect_as(side, database, held ? "shop" : "pgcutover test");
    while ((line = strsep(&rest, "\n"))) {
        if (strcmp(line, "RESTART") == 0) {
            cr_assert(lab_run(&lab, "stop-server %s fast", side), "it does not stop");
            cr_assert(lab_run(&lab, "start-server %s", side), "it does not start");
        } else if (strncmp(line, "DATABASE ", 9) == 0) {
            PQfinish(connection);
            connection = connect_as(side, line + 9, "pgcutover test");
        } else if (*line) {
            send_line(connection, line);
        }
    }
    free(text);
    if (held)
        return connection;
    PQfinish(connection);
    return NULL;
}

/* --- looking --- */

struct expectation {
    const char *check;
    const char *offender; /* red with it; NULL: it holds */
};

static bool names(const struct check_result *result, const char *part)
{
    for (int row = 0; result->offenders && row < result->offenders->rows; row++) {
        const char *object = table_text(result->offenders, row, "object");
        const char *detail = table_text(result->offenders, row, "detail");
        if (strstr(object ? object : "", part) || strstr(detail ? detail : "", part))
            return true;
    }
    return false;
}

/* Asks again until it is so: a reload, a worker and a statistic take their time. */
static bool is_so(struct driver *driver, const void *arg)
{
    const struct expectation *expected = arg;
    const struct check_result *result = checks_result(driver->app->checks, expected->check);
    if (result->running)
        return false;
    if (expected->offender ? result->outcome == CHECK_RED && names(result, expected->offender)
                           : result->outcome == CHECK_HOLDS)
        return true;
    checks_run(driver->app->checks, &expected->check, 1, NULL, NULL);
    return false;
}

static void expect(const char *check, const char *offender, const char *when)
{
    struct expectation expected = {check, offender};
    checks_run(console->app->checks, &check, 1, NULL, NULL);
    if (driver_until(console, is_so, &expected, PATIENCE_MS))
        return;
    const struct check_result *result = checks_result(console->app->checks, check);
    const char *object = table_text(result->offenders, 0, "object");
    const char *detail = table_text(result->offenders, 0, "detail");
    cr_assert_fail("%s, %s: outcome %d, %s%s%s %s", check, when, result->outcome,
                   result->error ? result->error : "", object ? object : "no offender",
                   detail ? ":" : "", detail ? detail : "");
}

/* --- one violation --- */

struct belief {
    int version, lag_limit;
    struct variable *variables;
    size_t variable_count;
};

/* What can't be broken by SQL: the console is told something else. */
static void believe(const struct violation *violation, struct belief *before)
{
    struct config *config = console->app->config;
    *before = (struct belief){console->app->model->nodes[0].version, config->lag_limit_bytes,
                              config->variables, config->variable_count};
    if (violation->source_version)
        console->app->model->nodes[0].version = violation->source_version;
    if (violation->lag_limit)
        config->lag_limit_bytes = violation->lag_limit;
    if (violation->variable[0]) {
        static struct variable other;
        other = (struct variable){.name = violation->variable[0], .value = violation->variable[1]};
        config->variables = &other;
        config->variable_count = 1;
    }
}

static void believe_again(const struct belief *before)
{
    console->app->model->nodes[0].version = before->version;
    console->app->config->lag_limit_bytes = before->lag_limit;
    console->app->config->variables = before->variables;
    console->app->config->variable_count = before->variable_count;
}

static void violate(const struct violation *violation)
{
    struct belief before;
    bool was_red = strcmp(violation->check, "publishing_race") == 0; /* until it is published */
    if (!was_red)
        expect(violation->check, NULL, "before it is broken");
    PGconn *held = run_script(violation->side, violation->database, violation->breaks,
                              violation->hold == HELD);
    believe(violation, &before);
    expect(violation->check, violation->offender, "broken");
    believe_again(&before);
    if (held)
        PQfinish(held);
    else
        run_script(violation->mends_on ? violation->mends_on : violation->side, violation->database,
                   violation->mends, false);
    expect(violation->check, NULL, "mended");
    if (violation->cleans)
        run_script(violation->side, violation->database, violation->cleans, false);
}

static void violate_all(int from)
{
    for (size_t i = 0; i < violation_set_count; i++)
        if (violation_sets[i].from == from)
            for (size_t j = 0; j < violation_sets[i].count; j++)
                violate(&violation_sets[i].violations[j]);
}

/* --- tests --- */

static bool has_violation(const char *check)
{
    for (size_t i = 0; i < violation_set_count; i++)
        for (size_t j = 0; j < violation_sets[i].count; j++)
            if (strcmp(violation_sets[i].violations[j].check, check) == 0)
                return true;
    return false;
}

Test(checks, each_has_a_violation_and_words)
{
    struct err err;
    struct catalogue *catalogue = catalogue_read(&err);
    cr_assert(catalogue, "%s", err.text);
    cr_expect_geq(catalogue->check_count, 60);
    for (size_t i = 0; i < catalogue->check_count; i++) {
        const struct check *check = &catalogue->checks[i];
        cr_expect(has_violation(check->id), "%s has no row in support_violations.c", check->id);
        cr_expect(check->why && check->remedy, "%s does not say why, or what to do", check->id);
    }
    catalogue_free(catalogue);
}

/* Some of everything that is compared, and nothing that any check minds. */
static const char schema[] =
    "CREATE TYPE mood AS ENUM ('low', 'high');"
    "CREATE TABLE things (id int PRIMARY KEY, n int NOT NULL, word text);"
    "CREATE INDEX by_n ON things (n);"
    "CREATE TABLE parents (id int PRIMARY KEY);"
    "CREATE SEQUENCE numbers;"
    "CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT $1 * 2';"
    "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
    "CREATE TRIGGER touched BEFORE UPDATE ON things FOR EACH ROW EXECUTE PROCEDURE touch();"
    "CREATE VIEW cheap AS SELECT id FROM things WHERE n < 5;"
    "GRANT SELECT ON things TO app;"
    "INSERT INTO things SELECT g, g, 'w' FROM generate_series(1, 50) g;"
    "INSERT INTO parents SELECT g FROM generate_series(1, 9) g";

static const char grants[] = "GRANT SELECT ON ALL TABLES IN SCHEMA public TO replicator";

static bool is_told(const struct check *check)
{
    (void)check;
    return true;
}

static bool all_hold(struct driver *driver, const void *arg)
{
    bool running = false, red = false;
    (void)arg;
    for (size_t i = 0; i < checks_count(driver->app->checks); i++) {
        const struct check_result *result = checks_at(driver->app->checks, i);
        running = running || result->running;
        red = red || result->outcome == CHECK_RED || result->outcome == CHECK_UNKNOWN;
    }
    if (!running && red)
        checks_run_all(driver->app->checks);
    return !running && !red;
}

Test(checks, each_catches_its_violation, .fini = down, .timeout = 240)
{
    lab = lab_up("checks", 19510, 14, 18,
                 "--no-shop --source-conf wal_retrieve_retry_interval=100ms "
                 "--target-conf wal_retrieve_retry_interval=100ms");
    lab_do(&lab, "source", "shop", schema);
    lab_do(&lab, "source", "shop", grants);
    /* not empty: a schema that is in place already is not copied, and its grants neither */
    lab_do(&lab, "source", "billing", "CREATE TABLE bills (id int PRIMARY KEY)");
    lab_do(&lab, "source", "billing", grants);
    console = driver_start(&lab, NULL);
    driver_walk(console, "subscription_back");
    checks_run_all(console->app->checks);
    cr_assert(driver_until(console, all_hold, NULL, PATIENCE_MS), "a clean pair is red:\n%s",
              asker_story(console, is_told, 40));
    /* What apply_errors and apply_conflicts run into. */
    lab_do(&lab, "target", "shop",
           "INSERT INTO parents VALUES (77); DELETE FROM parents WHERE id = 2");
    violate_all(0);
}

static bool is_up(struct driver *asker, const void *arg)
{
    (void)arg;
    for (size_t i = 0; i < asker->app->config->node_count; i++)
        if (asker->app->model->nodes[i].link != LINK_UP)
            return false;
    return true;
}

/* Each pair once as it is and once the other way round, so that each version is on either side. */
static void run_all_variants(int from, int to)
{
    struct err err;
    const struct config *config = console->app->config;
    const char *source = config->nodes[0].dsn, *target = config->nodes[1].dsn;
    for (int turned = 0; turned < 2; turned++) {
        struct driver asker = {0};
        uv_loop_init(&asker.loop);
        struct config *dsns =
            config_from_dsns(turned ? target : source, turned ? source : target, NULL, &err);
        cr_assert(dsns, "%s", err.text);
        asker.app = app_new(&asker.loop, MODE_STATUS, dsns, &err);
        cr_assert(asker.app && app_start(asker.app, &err), "%s", err.text);
        cr_assert(driver_until(&asker, is_up, NULL, PATIENCE_MS), "not every server answers");
        asker_run(&asker, NULL);
        for (size_t i = 0; i < checks_count(asker.app->checks); i++) {
            const struct check_result *result = checks_at(asker.app->checks, i);
            /* what 10 of this packaging can't read in its own directory */
            if (result->error && strstr(result->error, "unrecognized parameter"))
                continue;
            cr_expect_null(result->error, "%d and %d: %s: %s", turned ? to : from,
                           turned ? from : to, result->check->id, result->error);
        }
        app_stop(asker.app);
        while (uv_run(&asker.loop, UV_RUN_DEFAULT) != 0)
            ;
        uv_loop_close(&asker.loop);
        app_free(asker.app);
    }
}

static bool compares(const struct check *check)
{
    return check->against && strcmp(check->group, "schema") == 0;
}

static const char roles[] = "DO $$ BEGIN CREATE ROLE app; CREATE ROLE shop_owner; END $$";

static void between(int from, int to, int port)
{
    char *name = xprintf("checks-%d", from);
    lab = lab_up(name, port, from, to, "--no-shop --no-pooler");
    free(name);
    lab_do(&lab, "target", "shop", roles);
    for (int side = 0; side < 2; side++)
        lab_do(&lab, side ? "target" : "source", "shop", schema);
    console = asker_start(&lab);
    run_all_variants(from, to);
    asker_run(console, compares);
    const struct check_result *ours = NULL;
    for (size_t i = 0; i < checks_count(console->app->checks); i++) {
        ours = checks_at(console->app->checks, i);
        if (compares(ours->check))
            cr_expect_eq(ours->outcome, CHECK_HOLDS, "%d and %d, same DDL: %s: %s", from, to,
                         ours->check->id,
                         ours->offenders ? table_text(ours->offenders, 0, "detail") : ours->error);
    }
    lab_do(&lab, "source", "billing", "CREATE PUBLICATION pgcutover"); /* publishing_race */
    violate_all(from);
}

Test(checks, run_on_10_and_18, .fini = down)
{
    between(10, 18, 19520);
}

Test(checks, run_on_11_and_17, .fini = down)
{
    between(11, 17, 19530);
}

Test(checks, run_on_12_and_16, .fini = down)
{
    between(12, 16, 19540);
}

Test(checks, run_on_13_and_15, .fini = down)
{
    between(13, 15, 19550);
}

Test(checks, run_on_14_and_18, .fini = down)
{
    between(14, 18, 19560);
}

/* The servers' own settings, which take a restart. */
Test(checks, run_on_17_and_18, .fini = down)
{
    between(17, 18, 19570);
}

/* Without its privileges a check says what it lacks, and is never green by seeing nothing. */
static void expect_unknown(struct driver *asker, const char *id, const char *privilege)
{
    const struct check_result *result = checks_result(asker->app->checks, id);
    cr_expect_eq(result->outcome, CHECK_UNKNOWN, "%s: outcome %d", id, result->outcome);
    cr_expect(result->error && strstr(result->error, privilege), "%s does not name %s: %s", id,
              privilege, result->error ? result->error : "");
}

static struct driver *ask_as(const char *user)
{
    char *conf = xprintf("%s/%s.conf", lab.dir, user);
    char *make =
        xprintf("sed 's/user=[a-z]*/user=%s/' '%s/observer.conf' >'%s.new' && mv '%s.new' '%s'",
                user, lab.dir, conf, conf, conf);
    cr_assert_eq(system(make), 0);
    struct lab other = lab;
    snprintf(other.conf, sizeof other.conf, "%s", conf);
    free(conf);
    free(make);
    struct driver *asker = asker_start(&other);
    asker_run(asker, NULL);
    return asker;
}

Test(checks, say_which_privilege_they_lack, .fini = down)
{
    static const char hidden[] = "CREATE SEQUENCE hidden; CREATE SCHEMA cron;"
                                 "CREATE TABLE cron.job (jobid int, schedule text, active bool)";
    static const char *const watching[] = {"no_long_transactions", "no_idle_in_transaction",
                                           "no_long_on_target", "no_writers_on_target",
                                           "sessions_on_target"};
    lab = lab_up("checks-rights", 19580, 14, 18, "--no-shop --no-pooler");
    lab_do(&lab, "source", "shop", hidden);
    lab_do(&lab, "target", "shop", "CREATE ROLE app LOGIN PASSWORD 'secret-of-app'");
    struct driver *app = ask_as("app");
    for (size_t i = 0; i < sizeof watching / sizeof *watching; i++)
        if (!strstr(watching[i], "target"))
            expect_unknown(app, watching[i], "pg_monitor");
    expect_unknown(app, "passwords_same", "pg_authid");
    expect_unknown(app, "source_cron", "cron.job");
    expect_unknown(app, "sequence_room", "public.hidden");
    expect_unknown(app, "source_writable", "pg_file_settings");
    cr_expect(check_blocks(checks_result(app->app->checks, "no_long_transactions")));
    driver_stop(app);
    /* With pg_monitor the rest can be seen: what stays unknown says why. */
    struct driver *observer = ask_as("observer");
    for (size_t i = 0; i < checks_count(observer->app->checks); i++) {
        const struct check_result *result = checks_at(observer->app->checks, i);
        cr_expect(result->outcome != CHECK_UNKNOWN || strstr(result->error, "it needs "), "%s: %s",
                  result->check->id, result->error);
    }
    for (size_t i = 0; i < sizeof watching / sizeof *watching; i++)
        cr_expect_eq(checks_result(observer->app->checks, watching[i])->outcome, CHECK_HOLDS, "%s",
                     watching[i]);
    driver_stop(observer);
}
