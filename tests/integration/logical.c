/* The `logical` runbook, walked by the engine on real servers under the shop's load. */
#include "tests/integration/support.h"

static struct lab lab;

static void down(void)
{
    lab_down(&lab);
}

/* Sign-off ends the way back, so what it carries is proved right before. */
Test(logical, moves_a_live_shop_from_14_to_18_and_loses_nothing, .timeout = 200, .fini = down)
{
    lab = lab_up("logical", 18110, 14, 18, "");
    load_start(&lab);
    struct driver *driver = driver_start(&lab, NULL);

    /* Inside the window both sides stand still. */
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

    /* What was written on 18 is on 14. */
    lab_drain(&lab, "target", "source");
    lab_expect_same_content(&lab);
    load_expect_nothing_lost(&lab, "source");
    lab_expect_sequences_work(&lab, "target");

    driver_walk(driver, NULL);
    driver_stop(driver);
    lab_expect_nothing_left(&lab);
}
