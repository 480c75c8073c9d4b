/* Without a pooler the application itself meets the freeze, and goes to the target by itself. */
#include "tests/integration/support.h"

static struct lab lab;
static PGconn *old, *fresh;

static void down(void)
{
    PQfinish(old);
    PQfinish(fresh);
    lab_down(&lab);
}

static void reconnect(const char *side, const char *database)
{
    PQfinish(fresh);
    fresh = lab_connect(&lab, side, database, "app");
}

Test(nopooler, an_application_is_refused_by_the_source_and_taken_by_the_target, .timeout = 200,
     .fini = down)
{
    lab = lab_up("nopooler", 18150, 14, 18, "--no-pooler");
    struct driver *driver = driver_start(&lab, NULL);
    driver_walk(driver, "subscription_back");
    old = lab_connect(&lab, "source", "shop", "app");
    cr_assert_str_empty(lab_write(old));

    driver_walk(driver, "freeze");
    reconnect("source", "shop");
    cr_expect_str_eq(lab_write(fresh), "25006", "a new session is read-only");
    reconnect("target", "shop");
    cr_expect_str_eq(lab_write(fresh), "25006", "the target is not open yet");
    driver_walk(driver, "end_sessions");
    cr_expect_str_not_empty(lab_write(old), "a session from before still writes");
    cr_expect_eq(PQstatus(old), CONNECTION_BAD);

    driver_walk(driver, "unfence");
    reconnect("target", "billing");
    cr_expect_str_empty(lab_write(fresh));
    reconnect("target", "shop");
    cr_expect_str_empty(lab_write(fresh));
    cr_expect_geq(PQserverVersion(fresh), 180000);
    reconnect("source", "shop");
    cr_expect_str_eq(lab_write(fresh), "25006", "nobody writes behind the target's back");

    driver_walk(driver, "no_strays");
    lab_drain(&lab, "target", "source");
    lab_expect_same_content(&lab);
    driver_walk(driver, NULL);
    cr_expect_not(run_window_open(driver->app->run));
    driver_stop(driver);
    lab_expect_nothing_left(&lab);
}
