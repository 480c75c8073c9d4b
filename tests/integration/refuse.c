/* What the engine refuses: a step whose check is red, and a second console. */
#include "tests/integration/support.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/journal.h"

static struct lab lab;
static PGconn *session;

static void down(void)
{
    PQfinish(session);
    lab_down(&lab);
}

static size_t intents(const struct driver *driver)
{
    const struct journal *journal = engine_journal(driver->app->engine);
    size_t count = 0;
    for (size_t i = 0; i < journal_count(journal); i++) {
        const char *type = json_string_value(json_object_get(journal_record(journal, i), "type"));
        count += type && strcmp(type, "intent") == 0;
    }
    return count;
}

static const struct step_run *next_step(const struct driver *driver)
{
    return &driver->app->run->steps[run_next(driver->app->run)];
}

/* Walks to the step before this one. */
static void walk_before(struct driver *driver, const char *step)
{
    const struct run *run = driver->app->run;
    size_t i = 0;
    while (i < run->step_count && strcmp(run->steps[i].step->id, step) != 0)
        i++;
    cr_assert(i > 0 && i < run->step_count);
    driver_walk(driver, run->steps[i - 1].step->id);
    cr_assert_str_eq(next_step(driver)->step->id, step);
}

static void expect_refusal(struct driver *driver, const char *step, const char *check)
{
    struct err why;
    size_t before = intents(driver);
    cr_assert_not(driver_do(driver, VERB_RUN, step, &why), "%s is let through", step);
    cr_expect(strstr(why.text, check), "\"%s\" does not name %s", why.text, check);
    cr_expect_eq(driver_state(driver, step), S_PENDING);
    cr_expect_eq(next_step(driver)->places[0].runs, 0);
    cr_expect_eq(intents(driver), before, "nothing may be intended");
}

static void expect_done(struct driver *driver, const char *step)
{
    struct err why;
    cr_assert(driver_do(driver, VERB_RUN, step, &why), "%s: %s", step, why.text);
    cr_assert_eq(driver_state(driver, step), S_DONE, "%s", driver_story(driver, step));
}

static bool is_ready(struct driver *driver, const void *arg)
{
    (void)arg;
    const struct question *question = engine_question(driver->app->engine);
    return question && question->ready;
}

static bool has_ended(struct driver *driver, const void *arg)
{
    (void)arg;
    const struct run *run = driver->app->run;
    return run_busy(run) == run->step_count && !engine_at_gate(driver->app->engine);
}

static void execute(PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    cr_assert_eq(PQresultStatus(result), PGRES_COMMAND_OK, "%s: %s", sql, PQerrorMessage(conn));
    PQclear(result);
}

/* The checks are looked at once more between yes and the first statement. */
static void expect_refusal_after_yes(struct driver *driver, const char *step, const char *meanwhile)
{
    struct engine *engine = driver->app->engine;
    struct err why;
    size_t before = intents(driver);
    cr_assert(engine_ask(engine, VERB_RUN, run_next(driver->app->run), &why), "%s", why.text);
    cr_assert(driver_until(driver, is_ready, NULL, 30000));
    const struct question *question = engine_question(engine);
    cr_assert_null(question->refusal, "%s", question->refusal);
    execute(session, meanwhile);
    cr_assert(engine_yes(engine, question->generation, "rehearsal", &why), "%s", why.text);
    cr_assert(driver_until(driver, has_ended, NULL, 30000));
    cr_expect_eq(driver_state(driver, step), S_PENDING, "%s", driver_story(driver, step));
    cr_expect(strstr(driver_story(driver, step), "no_prepared_transactions"), "%s",
              driver_story(driver, step));
    cr_expect_eq(intents(driver), before, "nothing may be intended");
}

Test(refuse, a_red_check_holds_back_the_step_that_requires_it, .timeout = 200, .fini = down)
{
    lab = lab_up("refuse", 18200, 14, 18, "");
    struct driver *driver = driver_start(&lab, NULL);
    session = lab_connect(&lab, "source", "shop", "pgcutover");

    walk_before(driver, "source_schema");
    execute(session, "CREATE TABLE keyless (words text)");
    expect_refusal(driver, "source_schema", "replica_identity");
    execute(session, "DROP TABLE keyless");

    walk_before(driver, "slot");
    execute(session, "BEGIN; INSERT INTO settings VALUES ('a', '1'); PREPARE TRANSACTION 'night'");
    expect_refusal(driver, "slot", "no_prepared_transactions");
    execute(session, "ROLLBACK PREPARED 'night'");
    expect_refusal_after_yes(
        driver, "slot",
        "BEGIN; INSERT INTO settings VALUES ('b', '1'); PREPARE TRANSACTION 'night'");
    execute(session, "ROLLBACK PREPARED 'night'");

    walk_before(driver, "pause");
    execute(session, "BEGIN");
    const char *idle = "SELECT count(*) = 1 FROM pg_stat_activity WHERE application_name = 'test' "
                       "AND state = 'idle in transaction' "
                       "AND state_change < clock_timestamp() - interval '2 s'";
    for (int i = 0; i < 200 && !lab_says(&lab, "source", "shop", idle); i++)
        usleep(50000);
    expect_refusal(driver, "pause", "no_idle_in_transaction");
    cr_expect_not(run_window_open(driver->app->run));
    engine_accept(driver->app->engine, "no_idle_in_transaction", "it is mine, and does not write");
    expect_done(driver, "pause");
    cr_expect(run_window_open(driver->app->run));
    driver_abort(driver);
    driver_stop(driver);
}

static bool is_ours(struct driver *driver, const void *arg)
{
    (void)arg;
    return engine_drive(driver->app->engine) == DRIVE_OURS;
}

static bool may_ask(struct driver *driver, const void *arg)
{
    struct err why;
    (void)arg;
    return engine_ask(driver->app->engine, VERB_RUN, 0, &why);
}

Test(refuse, a_second_console_is_told_who_drives_and_may_ask_for_nothing, .timeout = 120,
     .fini = down)
{
    lab = lab_up("refuse-second", 18210, 14, 18, "--no-shop --no-pooler");
    struct driver *first = driver_start(&lab, NULL);
    struct driver *second = driver_second(&lab);
    struct err why = {""};
    const char *who = engine_driver(second->app->engine);
    cr_expect(strstr(who, "pgcutover drive rehearsal"), "who drives: \"%s\"", who);
    cr_expect_not(engine_ask(second->app->engine, VERB_RUN, 0, &why));
    cr_expect(strstr(why.text, "another console drives") || strstr(why.text, "being probed"), "%s",
              why.text);
    cr_expect_null(engine_question(second->app->engine));
    driver_walk(first, "source_roles");

    driver_stop(first);
    cr_assert(driver_until(second, is_ours, NULL, 30000), "it may drive, now that nobody does");
    cr_expect(driver_until(second, may_ask, NULL, 30000));
    cr_expect(driver_until(second, is_ready, NULL, 30000));
    engine_no(second->app->engine);
    driver_stop(second);
}

static char held_by[256];

/* What a person would read beside the step while it runs. */
static void note_what_it_waits_for(struct app *app)
{
    size_t step = run_busy(app->run);
    for (size_t i = 0; step < app->run->step_count && i < app->run->steps[step].place_count; i++)
        if (app->run->steps[step].places[i].waits)
            snprintf(held_by, sizeof held_by, "%s", app->run->steps[step].places[i].waits);
}

Test(refuse, a_step_that_waits_for_a_lock_names_its_holder_and_gives_up, .timeout = 120,
     .fini = down)
{
    lab = lab_up("refuse-lock", 18220, 14, 18, "--no-pooler");
    struct driver *driver = driver_start(&lab, NULL);
    session = lab_connect(&lab, "source", "shop", "pgcutover");
    walk_before(driver, "beat");
    execute(session, "BEGIN; LOCK TABLE pgcutover.heartbeat");
    driver->app->changed = note_what_it_waits_for;
    struct err why;
    cr_assert(driver_do(driver, VERB_RUN, "beat", &why), "%s", why.text);
    cr_expect_eq(driver_state(driver, "beat"), S_FAILED, "%s", driver_story(driver, "beat"));
    cr_expect(strstr(driver_story(driver, "beat"), "lock timeout"), "%s",
              driver_story(driver, "beat"));
    cr_expect(strstr(held_by, "test of pgcutover"), "who holds it: \"%s\"", held_by);
    execute(session, "ROLLBACK");
    driver->app->changed = NULL;
    expect_done(driver, "beat");
    driver_stop(driver);
}
