/* The `pglogical` runbook, on Debian's PostgreSQL 15 with its pglogical: the only servers that have
 * it. */
#include "tests/integration/support.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const char runbook[] = "pglogical";
static const char servers[] = "--from 15d --to 15d --replicate-as pgcutover "
                              "--source-conf \"shared_preload_libraries = 'pglogical'\" "
                              "--target-conf \"shared_preload_libraries = 'pglogical'\"";

static struct lab lab;

static void down(void)
{
    lab_down(&lab);
}

/* What the checklist is to find, and what it says to do about it. */
static void refuse_to_go_on_until_mended(struct driver *driver)
{
    struct err why;
    if (lab_says(&lab, "source", "shop",
                 "SELECT count(*) = 1 FROM pg_settings WHERE name = 'output_plugin_libraries'")) {
        driver_walk(driver, "preloaded_target");
        driver_do(driver, VERB_RUN, "output_allowed", &why);
        cr_expect_eq(driver_state(driver, "output_allowed"), S_FAILED, "%s",
                     driver_story(driver, "output_allowed"));
        lab_do(
            &lab, "source", "shop",
            "ALTER SYSTEM SET output_plugin_libraries = pgoutput, test_decoding, pglogical_output");
        lab_do(&lab, "source", "shop", "SELECT pg_reload_conf()");
        driver_walk(driver, "output_allowed");
    }
    driver_do(driver, VERB_RUN, "tables_fit", &why);
    const char *story = driver_story(driver, "tables_fit");
    cr_expect_eq(driver_state(driver, "tables_fit"), S_FAILED, "%s", story);
    cr_expect(strstr(story, "public.page_counters to have a primary key"), "%s", story);
    cr_expect(strstr(story, "public.order_lines.total to be no computed column"), "%s", story);
    lab_do(&lab, "source", "shop", "ALTER TABLE order_lines ALTER total DROP EXPRESSION");
    lab_do(&lab, "source", "shop",
           "ALTER TABLE page_counters REPLICA IDENTITY DEFAULT, "
           "ADD COLUMN entry bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY");
    lab_do(&lab, "source", "billing",
           "ALTER TABLE exports REPLICA IDENTITY DEFAULT, "
           "ADD COLUMN entry bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY");
}

static void kill_a_console_after(const char *step)
{
    int status;
    pid_t pid = fork();
    cr_assert(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        struct driver *driver = driver_start(&lab, runbook);
        driver_walk(driver, step);
        raise(SIGKILL);
        driver_stop(driver);
    }
    waitpid(pid, &status, 0);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%s: status %d", step, status);
}

static void expect_nothing_of_pglogical(void)
{
    static const char *const sides[] = {"source", "target"};
    for (size_t side = 0; side < 2; side++)
        for (size_t i = 0; i < 2; i++)
            cr_expect(lab_says(&lab, sides[side], lab_databases[i],
                               "SELECT count(*) = 0 FROM pg_namespace WHERE nspname ~ 'pglogical'"),
                      "%s of the %s still has pglogical", lab_databases[i], sides[side]);
}

static void expect_none_failed(void)
{
    char *show = xprintf("! grep '^fail ' '%s/load.log' >&2", lab.dir);
    cr_expect_eq(system(show), 0, "%ld of the application's transactions failed",
                 load_failed(&lab));
    free(show);
}

static void tell_of_the_standby_to_be(void)
{
    char *sed =
        xprintf("sed -i 's/^variables = {/&\\n  old_becomes_standby = \"old\";/' '%s'", lab.conf);
    cr_assert_eq(system(sed), 0);
    free(sed);
}

static bool never(struct driver *driver, const void *arg)
{
    (void)driver;
    (void)arg;
    return false;
}

static bool is_ours(struct driver *driver, const void *arg)
{
    (void)arg;
    return engine_drive(driver->app->engine) == DRIVE_OURS;
}

/* An operator's step: done elsewhere, and believed when it is seen. */
static void rebuild_the_old_server(struct driver *driver)
{
    struct err why;
    cr_expect_neq(driver_state(driver, "rebuild"), S_DONE);
    cr_assert(lab_run(&lab, "standby"));
    driver_until(driver, never, NULL, 1500); /* it finds that a server was away */
    cr_assert(driver_until(driver, is_ours, NULL, 30000), "it drives no more");
    cr_assert(driver_do(driver, VERB_RUN, "rebuild", &why), "%s", why.text);
    cr_expect_eq(driver_state(driver, "rebuild"), S_DONE, "%s", driver_story(driver, "rebuild"));
}

Test(pglogical, moves_a_live_shop_and_rebuilds_the_old_server, .timeout = 240, .fini = down)
{
    lab = lab_up("pglogical", 20100, 15, 15, servers);
    tell_of_the_standby_to_be();
    struct driver *driver = driver_start(&lab, runbook);
    refuse_to_go_on_until_mended(driver);
    load_start(&lab);
    driver_walk(driver, "flowing");
    driver_stop(driver);

    kill_a_console_after("caught_up");
    driver = driver_start(&lab, runbook);
    cr_expect_eq(driver_state(driver, "freeze"), S_DONE, "%s", driver_story(driver, "freeze"));

    /* Until the clients come, all of the window can be taken back, and taken again. */
    driver_walk(driver, "unfence");
    driver_abort(driver);
    cr_expect(lab_pooler_at(&lab, "source"));
    load_wait_acks(&lab, 50);
    driver_walk(driver, "sequences_same");
    lab_expect_same_content(&lab);
    lab_expect_same_sequences(&lab);

    driver_walk(driver, "resume");
    load_wait_acks(&lab, 50);
    driver_walk(driver, "flows_back");
    load_stop(&lab);
    expect_none_failed();
    cr_expect(lab_pooler_at(&lab, "target"));
    load_expect_nothing_lost(&lab, "target");

    lab_drain(&lab, "target", "source");
    lab_expect_same_content(&lab);
    load_expect_nothing_lost(&lab, "source");
    lab_expect_sequences_work(&lab, "target");

    driver_walk(driver, "unfreeze");
    lab_expect_nothing_left(&lab);
    expect_nothing_of_pglogical();

    rebuild_the_old_server(driver);
    driver_stop(driver);
}
