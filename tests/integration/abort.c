/* Abort: from every step of the window back to where it is shut, with nobody the worse for it. */
#include "tests/integration/support.h"

#include <stdlib.h>
#include <string.h>

static struct lab lab;

static void down(void)
{
    lab_down(&lab);
}

static void expect(const char *side, const char *database, const char *sql, const char *said,
                   const char *after)
{
    char *now = lab_ask(&lab, side, database, sql);
    cr_expect_str_eq(now, said, "after the abort of %s, %s/%s says \"%s\" to: %s", after, side,
                     database, now, sql);
    free(now);
}

static void expect_as_before(struct driver *driver, const char *after)
{
    static const char fenced[] =
        "SELECT count(*) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase "
        "WHERE d.datname = current_database() AND "
        "'default_transaction_read_only=on' = ANY (s.setconfig)";
    cr_expect_not(run_window_open(driver->app->run));
    load_wait_acks(&lab, 4);
    cr_expect_eq(load_failed(&lab), 0, "after the abort of %s", after);
    load_expect_servers(&lab, "14");
    for (size_t i = 0; i < 2; i++) {
        const char *database = lab_databases[i];
        expect("source", database, fenced, "0", after);
        expect("target", database, fenced, "1", after);
        expect("source", database, "SELECT count(*) FROM pgcutover.heartbeat WHERE id = 2", "0",
               after);
        expect("target", database, "SELECT count(*) FROM pg_replication_slots", "0", after);
        expect("source", database,
               "SELECT subenabled FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid "
               "WHERE d.datname = current_database()",
               "f", after);
        expect("target", database,
               "SELECT subenabled FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid "
               "WHERE d.datname = current_database()",
               "t", after);
    }
    cr_expect(lab_pooler_at(&lab, "source"), "after the abort of %s", after);
    lab_drain(&lab, "source", "target");
}

/* The steps are the catalogue's own, whatever they are: one run that goes a step further each time.
 */
Test(abort, from_every_step_of_the_window_brings_writes_back, .timeout = 280, .fini = down)
{
    lab = lab_up("abort", 18130, 14, 18, "");
    load_start(&lab);
    struct driver *driver = driver_start(&lab, NULL);
    const struct run *run = driver->app->run;
    size_t walked = 0;
    for (size_t i = 0; i < run->step_count; i++) {
        const struct step *step = run->steps[i].step;
        if (step->phase != PHASE_WINDOW || step->closes || run->steps[i].place_count == 0)
            continue;
        driver_walk(driver, step->id);
        driver_abort(driver);
        expect_as_before(driver, step->id);
        walked++;
    }
    cr_expect_gt(walked, 10, "only %zu steps of the window", walked);

    driver_walk(driver, "resume");
    load_wait_acks(&lab, 20);
    driver_walk(driver, "no_strays");
    load_stop(&lab);
    cr_expect_eq(load_failed(&lab), 0);
    load_expect_servers(&lab, "14 18");
    load_expect_nothing_lost(&lab, "target");
    lab_drain(&lab, "target", "source");
    lab_expect_same_content(&lab);
    driver_walk(driver, NULL);
    driver_stop(driver);
    lab_expect_nothing_left(&lab);
}
