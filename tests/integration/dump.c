/* The `logical-dump` runbook: the rows come by pg_dump from the snapshot that the slot exports,
 * while the shop's load goes on. */
#include "tests/integration/support.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const char runbook[] = "logical-dump";

static struct lab lab;

static void down(void)
{
    lab_down(&lab);
}

static char *holders(void)
{
    return lab_ask(&lab, "source", "postgres",
                   "SELECT count(*)::text FROM pg_stat_activity "
                   "WHERE backend_type = 'walsender' AND state = 'idle in transaction'");
}

static void expect_holders(const char *count)
{
    char *now = holders();
    for (int i = 0; i < 100 && strcmp(now, count) != 0; i++, usleep(50000)) {
        free(now);
        now = holders();
    }
    cr_expect_str_eq(now, count, "%s sessions hold a snapshot, not %s", now, count);
    free(now);
}

static void expect_no_directory_left(void)
{
    cr_expect_neq(system("ls -d \"${TMPDIR:-/var/tmp}\"/pgcutover-dump-* >/dev/null 2>&1"), 0,
                  "a dump is left behind");
}

static const char *kill_in;

static void kill_at_work(struct app *app)
{
    for (size_t i = 0; i < app->run->step_count; i++)
        for (size_t j = 0; j < app->run->steps[i].place_count; j++)
            if (strcmp(app->run->steps[i].step->id, kill_in) == 0 &&
                app->run->steps[i].places[j].state == S_RUNNING)
                raise(SIGKILL);
}

/* A console of its own that walks, and is killed with this step at work: or, `after` it, done. */
static void kill_a_console(const char *step, bool after)
{
    int status;
    pid_t pid = fork();
    cr_assert(pid >= 0);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        struct driver *driver = driver_start(&lab, runbook);
        kill_in = step;
        driver->app->changed = after ? NULL : kill_at_work;
        driver_walk(driver, step);
        raise(after ? SIGKILL : SIGTERM);
        driver_stop(driver);
    }
    waitpid(pid, &status, 0);
    cr_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%s: status %d", step, status);
}

static void expect_the_hold_is_told_lost(struct driver *driver)
{
    struct err why;
    cr_expect_eq(driver_state(driver, "slot"), S_FAILED, "%s", driver_story(driver, "slot"));
    cr_expect(strstr(driver_story(driver, "slot"), "the session that this step held"), "%s",
              driver_story(driver, "slot"));
    /* The slot that is there is not taken for one whose snapshot can be had. */
    driver_do(driver, VERB_RUN, "slot", &why);
    cr_expect_eq(driver_state(driver, "slot"), S_FAILED, "%s", driver_story(driver, "slot"));
    cr_expect(strstr(driver_story(driver, "slot"), "already exists"), "%s",
              driver_story(driver, "slot"));
}

static void take_back(struct driver *driver, const char *step)
{
    struct err why;
    cr_assert(driver_do(driver, VERB_UNDO, step, &why), "undo of %s: %s", step, why.text);
    const struct run *run = driver->app->run;
    for (size_t i = 0; i < run->step_count; i++)
        for (size_t j = 0; j < run->steps[i].place_count; j++)
            cr_assert(strcmp(run->steps[i].step->id, step) != 0 ||
                          run->steps[i].places[j].state == S_UNDONE ||
                          run->steps[i].places[j].state == S_PENDING,
                      "%s", driver_story(driver, step));
}

static bool is_settled(struct driver *driver, const void *arg)
{
    const struct run *run = driver->app->run;
    enum state state = driver_state(driver, arg);
    struct err why;
    if (run_busy(run) < run->step_count)
        return false;
    for (size_t i = 0; state == S_UNKNOWN && i < run->step_count; i++)
        if (strcmp(run->steps[i].step->id, arg) == 0)
            engine_ask(driver->app->engine, VERB_RECHECK, i, &why);
    return state != S_UNKNOWN;
}

/* The programs outlive their console. How far they were is chance: either all comes true, or it is
 * taken back and begun again. */
static void go_on_after_a_dump_broken_off(struct driver *driver)
{
    struct err why;
    cr_assert(driver_until(driver, is_settled, "dump", 30000), "%s", driver_story(driver, "dump"));
    if (driver_state(driver, "dump") == S_DONE) {
        cr_assert(driver_do(driver, VERB_RECHECK, "slot", &why), "%s", why.text);
        cr_assert_eq(driver_state(driver, "slot"), S_DONE, "%s", driver_story(driver, "slot"));
        return;
    }
    cr_expect_eq(driver_state(driver, "slot"), S_FAILED, "%s", driver_story(driver, "slot"));
    take_back(driver, "dump");
    take_back(driver, "slot");
    driver_walk(driver, "slot");
    expect_holders("2");
    load_wait_acks(&lab, 20); /* these are not in the snapshot */
    driver_walk(driver, "dump");
}

Test(dump, moves_a_live_shop_from_14_to_18_and_loses_nothing, .timeout = 200, .fini = down)
{
    lab = lab_up("dump", 20000, 14, 18, "");
    load_start(&lab);
    kill_a_console("slot", true);
    expect_holders("0");

    struct driver *driver = driver_start(&lab, runbook);
    expect_the_hold_is_told_lost(driver);
    take_back(driver, "slot");
    driver_stop(driver);
    kill_a_console("dump", false);
    driver = driver_start(&lab, runbook);
    go_on_after_a_dump_broken_off(driver);
    driver_walk(driver, "dump");
    expect_holders("0");
    expect_no_directory_left();
    load_wait_acks(&lab, 20);

    /* A console that comes after the snapshot was used has no need of it. */
    driver_stop(driver);
    kill_a_console("caught_up", false);
    driver = driver_start(&lab, runbook);
    cr_expect_eq(driver_state(driver, "slot"), S_DONE, "%s", driver_story(driver, "slot"));
    cr_expect_eq(driver_state(driver, "dump"), S_DONE, "%s", driver_story(driver, "dump"));

    driver_walk(driver, "sequences_same");
    lab_expect_same_content(&lab);
    lab_expect_same_sequences(&lab);

    driver_walk(driver, "resume");
    load_wait_acks(&lab, 50);
    driver_walk(driver, "no_strays");
    load_stop(&lab);
    cr_expect_eq(load_failed(&lab), 0);
    load_expect_servers(&lab, "14 18");
    load_expect_nothing_lost(&lab, "target");

    lab_drain(&lab, "target", "source");
    lab_expect_same_content(&lab);
    load_expect_nothing_lost(&lab, "source");
    lab_expect_sequences_work(&lab, "target");

    driver_walk(driver, NULL);
    driver_stop(driver);
    lab_expect_nothing_left(&lab);
}

static char *public_of(const char *database)
{
    return lab_ask(&lab, "target", database,
                   "SELECT format('%s %s', nspowner::regrole, nspacl) FROM pg_namespace "
                   "WHERE nspname = 'public'");
}

static void expect_public_as_new(void)
{
    char *new = public_of("template1"), *now = public_of("shop");
    cr_expect_str_eq(now, new, "the schema public is %s, not %s", now, new);
    free(new);
    free(now);
}

Test(dump, half_a_restore_is_taken_back_and_rows_of_another_snapshot_refused, .timeout = 120,
     .fini = down)
{
    struct err why;
    lab = lab_up("dump-half", 20010, 14, 18, "--no-pooler");
    struct driver *driver = driver_start(&lab, runbook);
    driver_walk(driver, "slot");
    lab_do(&lab, "target", "shop",
           "CREATE FUNCTION public.touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'");
    cr_assert(driver_do(driver, VERB_RUN, "dump", &why), "%s", why.text);
    cr_expect_eq(driver_state(driver, "dump"), S_FAILED, "%s", driver_story(driver, "dump"));
    expect_holders("2");
    expect_no_directory_left();
    cr_expect_not(driver_do(driver, VERB_UNDO, "slot", &why));

    take_back(driver, "dump");
    expect_public_as_new();
    driver_walk(driver, "fence");
    expect_holders("0");
    lab_expect_same_content(&lab);

    lab_do(&lab, "target", "shop", "COMMENT ON SCHEMA pgcutover IS 'rows at 0/0, snapshot 0-0-1'");
    cr_assert(driver_do(driver, VERB_RUN, "subscription", &why), "%s", why.text);
    cr_expect_eq(driver_state(driver, "subscription"), S_FAILED);
    cr_expect(strstr(driver_story(driver, "subscription"), "are not of the slot's snapshot"), "%s",
              driver_story(driver, "subscription"));
    driver_stop(driver);
}
